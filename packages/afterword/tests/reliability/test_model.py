"""Promises 3, 4, 6 and 8 against a model: whatever happens in whatever order.

Hypothesis writes the story: commands and uploaders of two versions of the application, kills at any
call that changes the disk, a service that does what it likes, a shown clock that jumps while the
true time passes, `off`, `on` and `reset` at any moment, also while a request is being waited with.
The model knows what was recorded, what the service took and what it refused, and after every step
the disk has to agree.
"""

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from reliability.application import ALL
from reliability.disk import Disk
from support import Clock

from afterword import Count, Event, Flag, OneOf, Telemetry
from afterword.exporters.base import WRONG_TIME, Receipt, Record
from afterword.folder import DataFolder
from afterword.upload import batches
from afterword.upload.jobs import make_job
from afterword.upload.run import run
from afterword.upload.suspects import MOST_DROPPED
from afterword.upload.witness import MOST_AGE

BATCH = 5
CAP = 8_000  # bytes: about thirty events
LINE = 300
LONGEST_SCRIBBLE = 999
HOUR, DAY = 3600.0, 86_400.0

WHAT = OneOf("build", "test")
EVENTS = {
    "1.0": [Event("done", what=WHAT, number=Count())],
    "2.0": [Event("done", what=WHAT, number=Count(), safe=Flag()), Event("begun", number=Count())],
}
"""A required field and an event more: what 2.0 records, 1.0 does not know."""

VERSIONS = st.sampled_from(list(EVENTS))

REPLIES = (
    "takes", "takes", "is_busy", "is_throttled", "has_no_quota", "takes_some", "refuses_some",
    "refuses_each", "refuses_the_whole", "is_poisoned_by_some", "fails_over_some",
    "does_not_take_the_time", "takes_and_is_not_heard", "raises", "takes_while_more_is_recorded",
    "takes_while_the_clock_jumps", "takes_while_it_is_turned_off", "takes_while_it_is_reset",
    "is_busy_while_it_is_turned_off", "is_busy_while_it_is_reset",
    "refuses_the_whole_while_it_is_reset", "takes_and_we_die",
)  # fmt: skip
JUMPS = st.sampled_from([3 * HOUR, -3 * HOUR, 40 * DAY, -40 * DAY, 365 * DAY, -20_000 * DAY])

# Each once, or three times, or for good, as a service that is broken or has just become so.
SCRIPTS = st.lists(
    st.tuples(st.sampled_from(REPLIES), st.sampled_from([1, 1, 3, 50])), max_size=5
).map(lambda runs: [reply for reply, times in runs for _ in range(times)])


class Service:
    """The other side: answers by script, then takes everything; knows what it was given."""

    def __init__(self, story: "Story", script: Sequence[str], disk: Disk) -> None:
        self.story = story
        self.script = list(script)
        self.disk = disk
        self.answered: set[int] = set()
        """Taken, and we were told so."""
        self.unheard: set[int] = set()
        """Taken, and we were not told."""
        self.refused: set[int] = set()
        """Named as never acceptable, or refused while standing alone."""
        self.ids: set[str] = set()
        self.most_ids = 0
        """In one request."""
        self.late: set[str] = set()
        """Sent though they had been reset."""

    def export(self, batch: Sequence[Record]) -> Receipt:
        self.story.requests += 1
        ids = {record.anonymous_id for record in batch}
        self.ids |= ids
        self.most_ids = max(self.most_ids, len(ids))
        self.late |= ids & self.story.forgotten
        numbers = [int(record.attributes["number"]) for record in batch]
        reply = getattr(self, self.script.pop(0) if self.script else "takes")
        receipt: Receipt = reply(numbers)
        return receipt

    def takes(self, numbers: list[int]) -> Receipt:
        self.story.delivered += numbers
        self.answered |= set(numbers)
        return Receipt(frozenset(range(len(numbers))))

    def is_busy(self, _numbers: list[int]) -> Receipt:
        return Receipt(problem="503", failed=True)

    def is_throttled(self, _numbers: list[int]) -> Receipt:
        return Receipt(problem="429", retry_after=3600)

    def has_no_quota(self, _numbers: list[int]) -> Receipt:
        return Receipt(problem="439", retry=False)

    def takes_some(self, numbers: list[int]) -> Receipt:
        good, bad = self.sorted_out(numbers)
        return Receipt(good, kept=dict.fromkeys(bad, "503"), problem="503" if bad else None)

    def refuses_some(self, numbers: list[int]) -> Receipt:
        good, bad = self.sorted_out(numbers)
        self.refused |= {numbers[at] for at in bad}
        return Receipt(good, dict.fromkeys(bad, "400"))

    def sorted_out(self, numbers: list[int]) -> tuple[frozenset[int], list[int]]:
        bad = [at for at, n in enumerate(numbers) if is_bad(n)]
        good = frozenset(range(len(numbers))) - frozenset(bad)
        self.takes([numbers[at] for at in sorted(good)])
        return good, bad

    def refuses_each(self, numbers: list[int]) -> Receipt:
        self.refused |= set(numbers)
        return Receipt(refused=dict.fromkeys(range(len(numbers)), "404"))

    def refuses_the_whole(self, numbers: list[int]) -> Receipt:
        if len(numbers) == 1:
            self.refused |= set(numbers)
        return Receipt(problem="400", unacceptable=True, retry=False)

    def is_poisoned_by_some(self, numbers: list[int]) -> Receipt:
        bad = any(is_bad(n) for n in numbers)
        return self.refuses_the_whole(numbers) if bad else self.takes(numbers)

    def fails_over_some(self, numbers: list[int]) -> Receipt:
        bad = any(is_bad(n) for n in numbers)
        return Receipt(problem="500", failed=True) if bad else self.takes(numbers)

    def does_not_take_the_time(self, numbers: list[int]) -> Receipt:
        kept = dict.fromkeys(range(len(numbers)), WRONG_TIME)
        return Receipt(kept=kept, problem=WRONG_TIME, retry=False)

    def takes_and_is_not_heard(self, numbers: list[int]) -> Receipt:
        self.story.delivered += numbers
        self.unheard |= set(numbers)
        return Receipt(problem="no answer")

    def raises(self, _numbers: list[int]) -> Receipt:
        raise ArithmeticError

    def takes_while_more_is_recorded(self, numbers: list[int]) -> Receipt:
        self.story.append("2.0", 3)
        return self.takes(numbers)

    def takes_while_the_clock_jumps(self, numbers: list[int]) -> Receipt:
        self.story.ahead += 400 * DAY
        return self.takes(numbers)

    def takes_while_it_is_turned_off(self, numbers: list[int]) -> Receipt:
        return self.meanwhile(numbers, self.story.turned_off)

    def takes_while_it_is_reset(self, numbers: list[int]) -> Receipt:
        return self.meanwhile(numbers, self.story.was_reset)

    def meanwhile(self, numbers: list[int], what: Callable[[], None]) -> Receipt:
        """It has the request, and is about to answer; nobody wants the answer any more."""
        self.story.delivered += numbers
        self.unheard |= set(numbers)
        self.switch(what)
        return Receipt(frozenset(range(len(numbers))))

    def is_busy_while_it_is_turned_off(self, _numbers: list[int]) -> Receipt:
        self.switch(self.story.turned_off)
        return Receipt(problem="503", failed=True)

    def is_busy_while_it_is_reset(self, _numbers: list[int]) -> Receipt:
        self.switch(self.story.was_reset)
        return Receipt(problem="503", failed=True)

    def refuses_the_whole_while_it_is_reset(self, numbers: list[int]) -> Receipt:
        self.switch(self.story.was_reset)
        return self.refuses_the_whole(numbers)

    def switch(self, what: Callable[[], None]) -> None:
        """Somebody turns it off, or resets it, and it returns before we answer."""
        thread = threading.Thread(target=what)
        self.story.threads.append(thread)
        thread.start()
        thread.join()

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
        self.true = Clock(1000.0)
        """The true time, which is the machine's uptime as well."""
        self.ahead = 1_800_000_000.0
        self.versions = {version: self.make(version) for version in EVENTS}
        for telemetry in self.versions.values():
            telemetry.turn_on()
        self.folder = DataFolder(str(self.home / ".local/share/app"))
        self.most_events, batches.MOST_EVENTS = batches.MOST_EVENTS, BATCH
        # The model.
        self.on = True
        self.next = 0
        self.requests = 0
        self.alive: dict[int, float] = {}
        """What was recorded and has to be delivered or waiting, with its true time."""
        self.shown: dict[int, float] = {}
        """What the clock showed then."""
        self.delivered: list[int] = []
        """As the service took it, in order, with repetitions."""
        self.uncertain: set[int] = set()
        """Taken by the service without our knowing: may come twice."""
        self.forgotten: set[str] = set()
        """Ids of which nothing may leave any more."""
        self.threads: list[threading.Thread] = []
        self.scribbled = 0
        self.unseen = 0
        """Bytes over the cap that nobody had the chance to see."""

    def make(self, version: str) -> Telemetry:
        return Telemetry(
            "app", version=version, events=EVENTS[version], clock=self.clock, cap=CAP, strict=True,
            connection_string=(
                "InstrumentationKey=00000000-0000-4000-8000-000000000001;"
                "IngestionEndpoint=http://127.0.0.1:9/"
            ),
            # As an uploader, it starts none: those of the story are all there are.
            environment={"HOME": str(self.home), "APP_TELEMETRY_UPLOAD": "1"},
            policy=str(self.home / "no-policy"),
        )  # fmt: skip

    def clock(self) -> float:
        """The time that the machine shows."""
        return max(0.0, self.true.now + self.ahead)

    # What the disk says.

    def files(self) -> list[Path]:
        """What waits, oldest first."""
        names = sorted(n for n in os.listdir(self.folder.path) if n.startswith("telemetry-events."))
        taken = [n for n in names if n[17].isdecimal() and n.endswith(".jsonl")]
        beside = [n for n in names if n.startswith("telemetry-events.new-")]
        found = [Path(self.folder.path, n) for n in [*taken, *beside, "telemetry-events.jsonl"]]
        return [path for path in found if path.exists()]

    def lines(self) -> list[dict[str, object]]:
        found = []
        for path in self.files():
            for line in path.read_bytes().split(b"\n"):
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and "number" in event:
                    found.append(event)
        return found

    def waiting(self) -> list[int]:
        """The numbers of the events on disk, oldest first."""
        return [int(str(event["number"])) for event in self.lines()]

    def bytes_waiting(self) -> int:
        return sum(path.stat().st_size for path in self.files())

    # What happens.

    def append(self, version: str, count: int) -> None:
        """Commands record, one after the other; the oldest may have to leave for it."""
        for _ in range(count):
            number, self.next = self.next, self.next + 1
            if self.on:
                self.alive[number] = self.true.now
                self.shown[number] = self.clock()
            if version == "1.0":
                self.versions[version].record("done", what="build", number=number)
            elif number % 2:
                self.versions[version].record("done", what="test", number=number, safe=True)
            else:
                self.versions[version].record("begun", number=number)

    @rule(version=VERSIONS, count=st.integers(1, 12))
    def record(self, version: str, count: int) -> None:
        for _ in range(count):
            before, size = self.waiting(), self.bytes_waiting()
            self.append(version, 1)
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
            longest = LINE + self.scribbled  # several may be one line
            assert self.bytes_waiting() > CAP - longest, "more left than needed"
        for number in gone:
            self.alive.pop(number, None)

    @rule(version=VERSIONS, calls=st.integers(0, 12))
    def record_and_die(self, version: str, calls: int) -> None:
        before, size = self.waiting(), self.bytes_waiting()
        number = self.next
        with Disk(calls).in_place():
            self.append(version, 1)
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
        self.scribbled += len(text)

    @rule(version=VERSIONS, script=SCRIPTS, chance=st.floats(0, 0.99))
    def upload(self, version: str, script: list[str], chance: float) -> None:
        self.run_uploader(version, script, None, chance)

    @rule(version=VERSIONS, script=SCRIPTS, calls=st.integers(0, 60), chance=st.floats(0, 0.99))
    def upload_and_die(self, version: str, script: list[str], calls: int, chance: float) -> None:
        self.run_uploader(version, script, calls, chance)

    def run_uploader(
        self, version: str, script: list[str], calls: int | None = None, chance: float = 0.5
    ) -> None:
        disk = Disk(calls)
        service = Service(self, script, disk)
        before, size, had = self.waiting(), self.bytes_waiting(), len(self.delivered)
        status = None
        job = make_job(
            self.versions[version], make_exporter=lambda _silence: service, sleep=self.pass_time,
            elapsed=self.true, chance=lambda: chance,
        )  # fmt: skip
        with disk.in_place():
            status = run(job)
        switched = self.wait_for_threads()
        if disk.dead:
            self.bury()
        else:
            self.unseen = 0
        after = set(self.waiting())
        assert service.most_ids <= 1, "a request with two ids"
        assert len(service.ids) <= 1, "a run with two ids"
        assert not service.late, "an id was sent after its reset"
        self.came_once(service, had, after, dead=disk.dead)

        # Kept: what is neither delivered nor waiting has a reason to be gone.
        gone = {n for n in self.alive if n not in after and n not in self.delivered}
        too_old = {n for n in gone if self.true.now - self.alive[n] > MOST_AGE}
        refused = (gone & service.refused) - too_old
        assert len(refused) <= MOST_DROPPED, "a run drops a few at most"
        assert not refused or service.answered, "believed a service that takes nothing"
        for_room = gone - refused - too_old
        assert not for_room or size > CAP, "lost"
        if not disk.dead:
            assert sorted(for_room) == [n for n in before if n in for_room]
        for number in gone:
            del self.alive[number]

        if status is not None and self.on and not disk.dead and not switched:
            assert status.sent == len(service.answered)
            assert len(refused) <= status.dropped.get("refused", 0) <= MOST_DROPPED
            assert status.kept >= len(self.waiting_in_segments())
            assert not service.refused - set(self.delivered) or status.error is not None

    def came_once(self, service: Service, had: int, after: set[int], *, dead: bool) -> None:
        """Once: what comes again was uncertain before this run, or in it."""
        for place, number in enumerate(self.delivered[had:], had):
            if number in self.delivered[:place]:
                assert number in self.uncertain | service.unheard, f"{number} came twice"
        twice = (service.answered & after) - self.uncertain - service.unheard
        assert len(twice) <= (BATCH if dead else 0), "settled too late"
        self.uncertain |= service.unheard | twice

    def wait_for_threads(self) -> bool:
        """Let those who turned it off, or reset it, come back; were there any?"""
        threads, self.threads = self.threads, []
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        return bool(threads)

    def waiting_in_segments(self) -> list[int]:
        buffer = Path(self.folder.events)
        lines = buffer.read_bytes().count(b'"number"') if buffer.exists() else 0
        found = self.waiting()
        return found[: len(found) - lines]

    def pass_time(self, seconds: float) -> None:
        self.true.now += seconds

    def bury(self) -> None:
        """The next process has another id than the dead one: its leftovers are not its own."""
        for path in Path(self.folder.path).glob(f"*.{os.getpid()}.tmp"):
            path.rename(path.with_name(path.name.replace(str(os.getpid()), "1")))

    @rule(seconds=st.sampled_from([1.0, HOUR, 13 * HOUR, DAY, 6 * DAY, 16 * DAY, 40 * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.true.now += seconds

    @rule(seconds=JUMPS)
    def the_clock_jumps(self, seconds: float) -> None:
        self.ahead += seconds

    @rule()
    def the_clock_is_set_right(self) -> None:
        self.ahead = 1_800_000_000.0

    def turned_off(self) -> None:
        ids = self.ids_on_disk()
        self.versions["1.0"].turn_off()
        self.on = False
        self.alive.clear()
        self.forgotten |= ids

    def was_reset(self) -> None:
        ids = self.ids_on_disk()
        self.versions["2.0"].reset()
        self.alive.clear()
        self.forgotten |= ids

    def ids_on_disk(self) -> set[str]:
        """Every id that lies in the folder."""
        state = json.loads(Path(self.folder.state).read_text())
        ids = {str(event["anonymousId"]) for event in self.lines()}
        return ids | ({str(state["anonymousId"])} if state["anonymousId"] else set())

    @precondition(lambda self: self.on)
    @rule()
    def turn_off(self) -> None:
        self.turned_off()

    @rule()
    def reset(self) -> None:
        self.was_reset()

    @precondition(lambda self: not self.on)
    @rule()
    def turn_on(self) -> None:
        for telemetry in self.versions.values():
            telemetry.turn_on()
        self.on = True

    # What is always true.

    @invariant()
    def every_event_is_delivered_or_waits(self) -> None:
        if not hasattr(self, "threads"):
            return
        waiting = self.waiting()
        assert len(waiting) == len(set(waiting)), "on disk twice"
        lost = self.alive.keys() - set(waiting) - set(self.delivered)
        assert not lost

    def teardown(self) -> None:
        if not hasattr(self, "threads"):
            return
        try:
            self.ends_well()
        finally:
            batches.MOST_EVENTS = self.most_events
            shutil.rmtree(self.home)

    def ends_well(self) -> None:
        """With a service that takes everything, both versions and some time, all of it arrives."""
        if not self.on:
            self.turn_on()
        for _ in range(40):  # each id has its turn, hours after the one before
            left = self.waiting()
            if not left:
                break
            # A clock by which none of it is too old.
            self.ahead = min((self.shown[n] for n in left), default=0.0) - self.true.now
            for version in EVENTS:
                self.true.now += 13 * HOUR
                self.run_uploader(version, [])
        for version in EVENTS:  # junk alone
            self.run_uploader(version, [])
        assert self.waiting() == []
        assert not list(Path(self.folder.path).glob("telemetry-events*"))
        assert self.alive.keys() <= set(self.delivered)


TestStory = pytest.mark.timeout(2400 if ALL else 60)(Story.TestCase)
TestStory.settings = settings(
    max_examples=5000 if ALL else 80,
    phases=[Phase.generate],  # a story is not shortened: that takes minutes, and tells little more
    stateful_step_count=50 if ALL else 25,
    derandomize=not ALL,  # `make test` tells the same stories each time, `make faults` new ones
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
