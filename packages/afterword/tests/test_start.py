"""Promise 3, kept: an upload starts whoever recorded, and whenever."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import Server, wait_until

PROGRAM = """
import atexit, multiprocessing, os, signal, sys, time
from afterword import Count, Event, Telemetry

class Clock:
    ahead = 0.0
    def __call__(self):
        return time.time() + self.ahead

clock = Clock()

def number(one):
    return one + int(os.environ.get("BASE", 0))

def record(one):
    telemetry.record("done", number=number(one))

def at_exit(one):
    atexit.register(record, one)

def worker(method, run):
    context = multiprocessing.get_context(method)
    run(context)

def pool(context):
    with context.Pool(1) as workers:
        workers.map(record, [1, 2])

def process(context):
    one = context.Process(target=record, args=(1,))
    one.start()
    one.join()

def fork(leave):
    if not os.fork():
        record(1)
        leave(0)
    os.wait()

def until(path, most):
    for _ in range(most):
        if os.path.exists(path):
            return
        time.sleep(0.01)

if __name__ == "__main__":
    body, early, *new = sys.argv[1:]
    exec(early)

def make():
    return Telemetry("app", version="1", events=[Event("done", number=Count())], clock=clock,
                     connection_string={to!r})

telemetry = make()
if __name__ == "__main__":
    if new:
        telemetry.turn_on()
    exec(body)
"""


def run(
    server: Server, path: Path, body: str, early: str = "", *, new: bool = True, **variables: str
) -> subprocess.Popen[bytes]:
    """Start the program; `new`: its person says yes first."""
    program = path / "program.py"
    program.write_text(PROGRAM.format(to=server.connection_string))
    arguments = [body, early, *(["new"] if new else [])]
    environment = os.environ | variables
    return subprocess.Popen([sys.executable, str(program), *arguments], env=environment)


def numbers(server: Server) -> list[int]:
    return sorted(int(event["number"]) for event in server.events())


WAYS = (
    ("record(1)", "", {1}),
    ("at_exit(1)", "", {1}),
    ("", "at_exit(1)", {1}),
    ("record(1); at_exit(2)", "at_exit(3)", {1, 2, 3}),
    ("atexit.register(lambda: make().record('done', number=number(1)))", "", {1}),
    ("worker('fork', process)", "", {1}),
    ("worker('spawn', process)", "", {1}),
    ("worker('forkserver', process)", "", {1}),
    ("worker('fork', pool)", "", {1, 2}),
    ("worker('spawn', pool)", "", {1, 2}),
    ("worker('forkserver', pool)", "", {1, 2}),
    ("fork(os._exit)", "", {1}),
    ("fork(sys.exit)", "", {1}),
    ("import threading; threading.Thread(target=record, args=(1,)).start()", "", {1}),
)


@pytest.mark.posix("fork")
def test_whoever_recorded_an_upload_starts(server: Server, tmp_path: Path) -> None:
    """Each way in a process and a home of its own, all at once, as each waits two seconds."""
    running, expected = [], set()
    for at, (body, early, recorded) in enumerate(WAYS):
        home = tmp_path / str(at)
        home.mkdir()
        running.append(run(server, home, body, early, HOME=str(home), BASE=str(10 * at)))
        expected |= {10 * at + number for number in recorded}
    assert [process.wait(timeout=50) for process in running] == [0] * len(WAYS)
    wait_until(lambda: len(numbers(server)) >= len(expected))
    assert numbers(server) == sorted(expected)


@pytest.mark.parametrize("by", [601, -200_000])
def test_a_program_that_runs_for_hours_sends_at_its_next_record_what_waits(
    server: Server, tmp_path: Path, by: int
) -> None:
    # On Windows a backslash would be an escape in the program.
    started, may_end = (tmp_path / "started").as_posix(), (tmp_path / "may-end").as_posix()
    body = f"""
telemetry.uploader = (sys.executable, "-c", "open({started!r}, 'x')")
record(1); record(2)
until("never", 10)
assert not os.path.exists({started!r})
clock.ahead += {by}
record(3)
until({may_end!r}, 3000)
"""
    with run(server, tmp_path, body) as running:
        wait_until(Path(started).exists)
        assert running.poll() is None
        Path(may_end).touch()
        assert running.wait(timeout=40) == 0


def test_what_a_program_ended_by_sigterm_has_recorded_leaves_with_the_next(
    server: Server, tmp_path: Path
) -> None:
    """It installs no handler: how the program ends is its own affair."""
    body = "record(1); os.kill(os.getpid(), signal.SIGTERM)"
    assert run(server, tmp_path, body).wait(timeout=40) in (-signal.SIGTERM, signal.SIGTERM)
    assert run(server, tmp_path, "record(2)", new=False).wait(timeout=40) == 0
    wait_until(lambda: numbers(server) == [1, 2])


def test_who_has_recorded_nothing_starts_nothing(
    server: Server, tmp_path: Path, home: Path
) -> None:
    """Nor does one that only starts other programs."""
    assert run(server, tmp_path, "record(1); os._exit(0)").wait(timeout=40) == 0
    before = sorted((home / ".local/share/app").iterdir())
    body = "import subprocess; subprocess.run([sys.executable, '-c', ''], check=True)"
    assert run(server, tmp_path, body, new=False).wait(timeout=40) == 0
    assert sorted((home / ".local/share/app").iterdir()) == before  # no note of a start, no lock
    assert numbers(server) == []
