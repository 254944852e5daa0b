"""Promises 3 and 4 with fifty commands at once, and all that can come between. On Windows as well.

`make test` and `make test-windows` run each story once, with twelve commands of fifty events;
`make faults` and `make stress-windows` run it three times, with fifty.
"""

import collections
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reliability.application import ALL, Application
from support import Server

WRITERS, EACH = (50, 50) if ALL else (12, 50)
ROUNDS = 3 if ALL else 1
BATCH = 100
POLL = 0.2  # seconds; whoever looks must not be what the commands wait for

WRITER = """
import sys, time
from reliability.application import make
telemetry = make(sys.argv[1])
for number in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
    began = time.time()
    telemetry.record("done", what="build", number=number)
    print(number, began, flush=True)
    time.sleep(float(sys.argv[4]))
"""
"""Says of each event when it began to record it, once it is recorded."""

HOLDER = """
import os, sys
from afterword import lock
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
print(lock.wait_lock(file, 20), flush=True)
sys.stdin.read()
"""


class Crowd:
    """Fifty commands, uploaders beside them, and what the commands said."""

    def __init__(self, app: Application, seed: int, nap: float, folder: Path) -> None:
        self.app = app
        self.random = random.Random(seed)  # noqa: S311  # to be repeated, not to be secret
        self.killed_uploaders = 0
        self.uploaders: list[subprocess.Popen[bytes]] = []
        self.words: dict[int, Path] = {}
        self.writers: list[subprocess.Popen[bytes]] = []
        for number in range(WRITERS):
            self.words[number] = folder / f"said-{number}"
            with self.words[number].open("wb") as said:
                first = str(number * EACH)
                command = ["-c", WRITER, app.connection_string, first, str(EACH), str(nap)]
                self.writers.append(self._python(*command, stdout=said))

    def _python(self, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen([sys.executable, *arguments], env=environment, **options)  # type: ignore[call-overload, no-any-return]

    def at_work(self) -> bool:
        return any(writer.poll() is None for writer in self.writers)

    def hold_the_lock(self) -> subprocess.Popen[bytes]:
        """A process that has the buffer's lock and does not go on, as one that is suspended."""
        return self._python(
            "-c", HOLDER, self.app.folder.events, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def look_after_uploaders(self, *, kill: bool) -> None:
        """See that two are at work; kill one now and then."""
        for one in self.uploaders[:]:
            if kill and one.poll() is None and self.random.random() < 0.2:
                one.kill()
                self.killed_uploaders += 1
            if one.poll() is not None:
                self.uploaders.remove(one)
        while len(self.uploaders) < 2:
            upload = self.app.command("upload")
            self.uploaders.append(self._python(*upload[1:]))

    def kill_a_writer(self) -> None:
        alive = [writer for writer in self.writers if writer.poll() is None]
        if alive and self.random.random() < 0.3:
            self.random.choice(alive).kill()

    def end(self) -> None:
        for one in [*self.writers, *self.uploaders]:
            one.wait(timeout=60)

    def recorded(self) -> dict[int, float]:
        """When the recording of each event began, for those that were recorded."""
        lines = [line for path in self.words.values() for line in path.read_text().splitlines()]
        pairs = (line.split() for line in lines if line.count(" ") == 1 and line[-1].isdecimal())
        return {int(number): float(began) for number, began in pairs}


@pytest.fixture
def begin(app: Application, server: Server, tmp_path: Path) -> Iterator[Callable[..., Crowd]]:
    app.aim(server.connection_string)
    crowds: list[Crowd] = []

    def begin(seed: int, nap: float = 0.0) -> Crowd:
        crowds.append(Crowd(app, seed, nap, tmp_path))
        return crowds[-1]

    yield begin
    for crowd in crowds:
        for one in [*crowd.writers, *crowd.uploaders]:
            if one.poll() is None:
                one.kill()
            one.wait()


def found(app: Application, server: Server) -> collections.Counter[int]:
    """The number of each event that was delivered or waits; every line that waits is whole."""
    numbers = [int(event["number"]) for event in server.events()]
    for path in app.files():
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        numbers += [json.loads(line)["number"] for line in lines]
    return collections.Counter(numbers)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_of_fifty_commands_every_event_arrives_or_waits(
    app: Application, server: Server, begin: Callable[..., Crowd], seed: int
) -> None:
    """With uploaders at work, and for a while with a holder of the lock that does not go on."""
    crowd = begin(seed)
    while not crowd.recorded():
        time.sleep(POLL)
    holder = crowd.hold_the_lock()
    until = time.monotonic() + 1
    while crowd.at_work():
        crowd.look_after_uploaders(kill=False)
        if time.monotonic() > until and holder.poll() is None:
            holder.kill()
        time.sleep(POLL)
    holder.kill()
    holder.communicate()
    crowd.end()
    assert len(crowd.recorded()) == WRITERS * EACH
    assert found(app, server) == dict.fromkeys(range(WRITERS * EACH), 1)
    app.telemetry.upload()
    assert app.files() == []
    assert sorted(int(event["number"]) for event in server.events()) == [*range(WRITERS * EACH)]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_killed_at_random_moments_they_lose_nothing_that_was_recorded(
    app: Application, server: Server, begin: Callable[..., Crowd], seed: int
) -> None:
    crowd = begin(seed)
    while crowd.at_work():
        crowd.look_after_uploaders(kill=True)
        crowd.kill_a_writer()
        time.sleep(POLL)
    crowd.end()
    app.telemetry.upload()
    numbers = found(app, server)
    assert set(crowd.recorded()) - set(numbers) == set()
    assert sum(numbers.values()) - len(numbers) <= BATCH * crowd.killed_uploaders
    assert app.files() == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_off_and_reset_in_between_delete_nothing_that_comes_after(
    app: Application, server: Server, begin: Callable[..., Crowd], seed: int
) -> None:
    crowd = begin(seed, nap=0.02)
    on_since = 0.0
    while crowd.at_work():
        crowd.look_after_uploaders(kill=False)
        if crowd.random.random() < 0.5:
            app.telemetry.turn_off()
            app.telemetry.turn_on()
        else:
            app.telemetry.reset()
        on_since = time.time()
        until = time.monotonic() + 0.3
        while crowd.at_work() and time.monotonic() < until:
            time.sleep(POLL)
    crowd.end()
    recorded = crowd.recorded()
    assert len(recorded) == WRITERS * EACH
    numbers = found(app, server)
    after = {number for number, began in recorded.items() if began > on_since}
    assert after - set(numbers) == set()
    assert set(numbers.values()) <= {1}  # none where all were recorded before the last reset
