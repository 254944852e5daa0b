"""Promises 3 and 4 against a model: whatever happens in whatever order, no event goes missing.

Hypothesis writes the story: commands, uploads, kills at any call that changes the disk, a server
that does what it likes, a clock that jumps, off and on again. The model knows what was recorded,
what the server took and what it refused, and after every step the disk has to agree.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from reliability.application import ALL, make
from reliability.disk import Disk
from support import Clock

from afterword.exporters.base import Receipt, Record
from afterword.folder import DataFolder
from afterword.upload import batches
from afterword.upload.jobs import make_job
from afterword.upload.run import run
from afterword.upload.status import Status
from afterword.upload.witness import MOST_AGE

BATCH = 5
CAP = 8_000  # bytes: about thirty events
LINE = 300
LONGEST_SCRIBBLE = 999
DAY = 86_400

REPLIES = (
    "takes", "takes", "is_busy", "is_throttled", "has_no_quota", "takes_some", "refuses_some",
    "refuses_the_whole", "is_poisoned_by_some", "takes_and_is_not_heard", "raises",
    "takes_while_more_is_recorded", "takes_while_it_is_turned_off", "takes_and_we_die",
)  # fmt: skip


# Each once, or three times: as long as an upload tries.
SCRIPTS = st.lists(st.tuples(st.sampled_from(REPLIES), st.sampled_from([1, 1, 3])), max_size=5).map(
    lambda runs: [reply for reply, times in runs for _ in range(times)]
)


class Service:
    """The other side: answers by script, then takes everything; knows what it was given."""

    def __init__(self, story: "Story", script: Sequence[str], disk: Disk) -> None:
        self.story = story
        self.script = list(script)
        self.disk = disk
        self.attempts: list[int] = []
        self.answered: set[int] = set()
        """Taken, and we were told so."""
        self.unheard: set[int] = set()
        """Taken, and we were not told."""
        self.refused: set[int] = set()
        """Named as never acceptable, or refused while standing alone."""
        self.alone: set[int] = set()
        """Refused while standing alone."""

    def export(self, batch: Sequence[Record]) -> Receipt:
        numbers = [int(record.attributes["number"]) for record in batch]
        self.attempts += numbers
        reply = getattr(self, self.script.pop(0) if self.script else "takes")
        receipt: Receipt = reply(numbers)
        return receipt

    def takes(self, numbers: list[int]) -> Receipt:
        self.story.delivered += numbers
        self.answered |= set(numbers)
        return Receipt(frozenset(range(len(numbers))))

    def is_busy(self, _numbers: list[int]) -> Receipt:
        return Receipt(problem="503")

    def is_throttled(self, _numbers: list[int]) -> Receipt:
        return Receipt(problem="429", retry_after=3600)

    def has_no_quota(self, _numbers: list[int]) -> Receipt:
        return Receipt(problem="439", retry=False)

    def takes_some(self, numbers: list[int]) -> Receipt:
        self.takes([n for n in numbers if not is_bad(n)])
        good = frozenset(at for at, n in enumerate(numbers) if not is_bad(n))
        rest = len(numbers) - len(good)
        return Receipt(good, {}, f"503 for {rest}" if rest else None)

    def refuses_some(self, numbers: list[int]) -> Receipt:
        self.takes([n for n in numbers if not is_bad(n)])
        self.refused |= {n for n in numbers if is_bad(n)}
        good = frozenset(at for at, n in enumerate(numbers) if not is_bad(n))
        return Receipt(good, dict.fromkeys(set(range(len(numbers))) - good, "400"))

    def refuses_the_whole(self, numbers: list[int]) -> Receipt:
        if len(numbers) == 1:
            self.refused |= set(numbers)
            self.alone |= set(numbers)
        return Receipt(problem="400", unacceptable=True, retry=False)

    def is_poisoned_by_some(self, numbers: list[int]) -> Receipt:
        bad = any(is_bad(n) for n in numbers)
        return self.refuses_the_whole(numbers) if bad else self.takes(numbers)

    def takes_and_is_not_heard(self, numbers: list[int]) -> Receipt:
        self.story.delivered += numbers
        self.unheard |= set(numbers)
        return Receipt(problem="no answer")

    def raises(self, _numbers: list[int]) -> Receipt:
        raise ArithmeticError

    def takes_while_more_is_recorded(self, numbers: list[int]) -> Receipt:
        self.story.append(3)
        return self.takes(numbers)

    def takes_while_it_is_turned_off(self, numbers: list[int]) -> Receipt:
        self.story.turned_off()
        return self.takes(numbers)

    def takes_and_we_die(self, numbers: list[int]) -> Receipt:
        self.disk.kill()
        return self.takes(numbers)

    def render(self, batch: Sequence[Record]) -> list[object]:
        return list(batch)

    def close(self) -> None:
        pass


def is_bad(number: int) -> bool:
    """What a server that is choosy does not like."""
    return number % 4 == 1


class Story(RuleBasedStateMachine):
    """The system under test, and beside it the model: what must be true of it."""

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.clock = Clock(1_800_000_000.0)
        self.telemetry = make(
            "Console=stderr", clock=self.clock, cap=CAP, environment={"HOME": str(self.home)},
            strict=True, policy=str(self.home / "no-policy"),
        )  # fmt: skip
        self.telemetry.turn_on()
        self.folder = DataFolder(str(self.home / ".local/share/app"))
        self.most_events, batches.MOST_EVENTS = batches.MOST_EVENTS, BATCH
        # The model.
        self.on = True
        self.next = 0
        self.alive: dict[int, float] = {}
        """What was recorded and has to be delivered or waiting, with its time."""
        self.delivered: list[int] = []
        """As the service took it, in order, with repetitions."""
        self.uncertain: set[int] = set()
        """Taken by the service without our knowing: may come twice."""
        self.unseen = 0
        """Bytes over the cap that nobody had the chance to see."""

    # What the disk says.

    def waiting(self) -> list[int]:
        """The numbers of the events on disk, oldest first."""
        names = sorted(n for n in os.listdir(self.folder.path) if n.startswith("telemetry-events."))
        taken = [name for name in names if name[17].isdecimal() and name.endswith(".jsonl")]
        found = []
        for name in [*taken, "telemetry-events.jsonl"]:
            path = Path(self.folder.path, name)
            for line in path.read_bytes().split(b"\n") if path.exists() else ():
                try:
                    found.append(int(json.loads(line)["number"]))
                except (ValueError, KeyError, TypeError):
                    continue
        return found

    def bytes_waiting(self) -> int:
        return sum(
            path.stat().st_size for path in Path(self.folder.path).glob("telemetry-events*.jsonl")
        )

    # What happens.

    def append(self, count: int) -> None:
        """Commands record, one after the other; the oldest may have to leave for it."""
        for _ in range(count):
            number, self.next = self.next, self.next + 1
            if self.on:
                self.alive[number] = self.clock.now
            self.telemetry.record("done", what="build", number=number)

    @rule(count=st.integers(1, 12))
    def record(self, count: int) -> None:
        for _ in range(count):
            before, size = self.waiting(), self.bytes_waiting()
            self.append(1)
            self.left_for_room(before, size)
            # The cap, and what may gather before anybody looks at it again.
            assert self.bytes_waiting() <= CAP + CAP // 2 + LINE + self.unseen

    def left_for_room(self, before: list[int], size: int) -> None:
        """The oldest of those that waited may have left, if the cap asks for it; then they have."""
        after = set(self.waiting())
        gone = [number for number in before if number not in after]
        assert gone == before[: len(gone)], "not the oldest left"
        if gone:
            assert size + LINE > CAP, "left without need"
            assert self.bytes_waiting() > CAP - LINE - LONGEST_SCRIBBLE, "more left than needed"
        for number in gone:
            self.alive.pop(number, None)

    @rule(calls=st.integers(0, 12))
    def record_and_die(self, calls: int) -> None:
        before, size = self.waiting(), self.bytes_waiting()
        number = self.next
        with Disk(calls).in_place():
            self.append(1)
        self.bury()
        self.unseen += CAP // 2  # it may have died just when it looked
        if number not in self.waiting():  # at most its own event
            self.alive.pop(number, None)
        self.left_for_room(before, size)

    @rule(
        text=st.sampled_from(
            [b"garbage\n", b"\n", b'{"cut', b"\0\0\0\n", b"[1]\n", b"x" * LONGEST_SCRIBBLE]
        )
    )
    def scribble(self, text: bytes) -> None:
        """Another program, or a writer that died in the middle of a line."""
        with Path(self.folder.events).open("ab") as file:
            file.write(text)
        self.unseen += len(text)

    @rule(script=SCRIPTS)
    def upload(self, script: list[str]) -> None:
        self.run_uploader(script, None)

    @rule(script=SCRIPTS, calls=st.integers(0, 60))
    def upload_and_die(self, script: list[str], calls: int) -> None:
        self.run_uploader(script, calls)

    def run_uploader(self, script: list[str], calls: int | None) -> None:
        disk = Disk(calls)
        service = Service(self, script, disk)
        before, size, had = self.waiting(), self.bytes_waiting(), len(self.delivered)
        status: Status | None = None
        with disk.in_place():
            status = run(
                make_job(
                    self.telemetry, make_exporter=lambda _silence: service, sleep=self.pass_time
                )
            )
        if disk.dead:
            self.bury()
        else:
            self.unseen = 0
        after = set(self.waiting())

        # Once: what comes again was uncertain before this run, or in it.
        for place, number in enumerate(self.delivered[had:], had):
            if number in self.delivered[:place]:
                assert number in self.uncertain | service.unheard, f"{number} came twice"
        twice = (service.answered & after) - self.uncertain - service.unheard
        assert len(twice) <= (BATCH if disk.dead else 0), "settled too late"
        self.uncertain |= service.unheard | twice

        # Kept: what is neither delivered nor waiting has a reason to be gone.
        gone = {n for n in self.alive if n not in after and n not in self.delivered}
        refused = gone & service.refused
        if not service.answered:  # who takes nothing is broken, and its word counts for nothing
            assert not refused & service.alone, "believed a broken service"
        too_old = {n for n in gone if self.clock.now - self.alive[n] > MOST_AGE} - refused
        for_room = gone - refused - too_old
        if not self.on:
            assert not after
            for_room.clear()
        surplus = size - CAP
        assert not for_room or surplus > 0, "lost"
        if not disk.dead:
            assert sorted(for_room) == [n for n in before if n in for_room]
        for number in gone:
            del self.alive[number]

        # In order: first attempts come as recorded.
        fresh = [n for n in dict.fromkeys(service.attempts) if n in before or n >= self.next]
        assert fresh == sorted(fresh), "out of order"

        if status is not None and self.on and not disk.dead:
            self.check_status(status, service, len(service.refused - after))

    def check_status(self, status: Status, service: Service, refused: int) -> None:
        """What it tells of the run is what the run did."""
        assert status.sent == len(service.answered)
        assert status.dropped.get("refused", 0) == refused
        assert status.kept >= len(self.waiting_in_segments())
        if status.error is None:
            assert status.next_at == 0
        else:
            assert status.next_at > status.at

    def waiting_in_segments(self) -> list[int]:
        buffer = Path(self.folder.events)
        lines = buffer.read_bytes().count(b'"number"') if buffer.exists() else 0
        found = self.waiting()
        return found[: len(found) - lines]

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    def bury(self) -> None:
        """The next process has another id than the dead one: its leftovers are not its own."""
        for path in Path(self.folder.path).glob(f"*.{os.getpid()}.tmp"):
            path.rename(path.with_name(path.name.replace(str(os.getpid()), "1")))

    @rule(seconds=st.sampled_from([1.0, 3600.0, DAY, 6 * DAY, 40 * DAY, -40 * DAY, 365 * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    def turned_off(self) -> None:
        self.telemetry.turn_off()
        self.on = False
        self.alive.clear()

    @precondition(lambda self: self.on)
    @rule()
    def turn_off(self) -> None:
        self.turned_off()

    @precondition(lambda self: not self.on)
    @rule()
    def turn_on(self) -> None:
        self.telemetry.turn_on()
        self.on = True

    # What is always true.

    @invariant()
    def every_event_is_delivered_or_waits(self) -> None:
        if not hasattr(self, "alive"):
            return
        waiting = self.waiting()
        assert len(waiting) == len(set(waiting)), "on disk twice"
        lost = self.alive.keys() - set(waiting) - set(self.delivered)
        assert not lost

    def teardown(self) -> None:
        if not hasattr(self, "alive"):
            return
        try:
            if not self.on:
                self.turn_on()
            self.run_uploader([], None)
            self.run_uploader([], None)  # after a clock that jumped, the second look
            assert self.waiting() == []
            assert not list(Path(self.folder.path).glob("telemetry-events*"))
            assert self.alive.keys() <= set(self.delivered)
        finally:
            batches.MOST_EVENTS = self.most_events
            shutil.rmtree(self.home)


TestStory = pytest.mark.timeout(1200 if ALL else 60)(Story.TestCase)
TestStory.settings = settings(
    max_examples=3000 if ALL else 80,
    phases=[Phase.generate],  # a story is not shortened: that takes minutes, and tells little more
    stateful_step_count=50 if ALL else 25,
    derandomize=not ALL,  # `make test` tells the same stories each time, `make faults` new ones
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
