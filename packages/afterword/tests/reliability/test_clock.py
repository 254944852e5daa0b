"""Promise 3 with a clock that is wrong: nothing is too old by its word alone."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reliability.application import Application, make
from reliability.scripted import Scripted, everything, upload_to
from support import Clock

from afterword.control.report import waiting
from afterword.exporters.base import WRONG_TIME, Receipt, Record
from afterword.upload.status import Status
from afterword.upload.witness import MOST_AGE, proven

DAY = 86_400.0


class World:
    """A person's machine: the true time since it was started, and the clock that it shows."""

    def __init__(self, app: Application) -> None:
        self.uptime = Clock(1000.0)
        self.clock = Clock(1_800_000_000.0)
        self.app = app
        app.telemetry = make(app.connection_string, clock=self.clock)
        app.telemetry.turn_on()

    def passes(self, seconds: float) -> None:
        """True time."""
        self.uptime.now += seconds
        self.clock.now += seconds

    def upload(self, exporter: Scripted, **changed: Any) -> Status:
        return upload_to(exporter, self.app, elapsed=self.uptime, clock=self.clock, **changed)


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def down(_batch: Sequence[Record]) -> Receipt:
    return Receipt(problem="439: quota spent", retry=False)


def test_a_clock_that_jumps_ahead_during_a_run_makes_nothing_too_old(world: World) -> None:
    recorded = world.app.record(300)

    def jump(batch: Sequence[Record]) -> Receipt:
        world.clock.now += 400 * DAY
        return everything(batch)

    status = world.upload(Scripted(jump))
    assert (status.sent, status.kept, status.dropped) == (300, 0, {})
    assert len(recorded) == 300


@pytest.mark.parametrize("days", [40, 365, 5000])
def test_a_clock_that_is_ahead_holds_back_and_drops_nothing(world: World, days: int) -> None:
    recorded = world.app.record(10)
    world.clock.now += days * DAY
    exporter = Scripted()
    for _ in range(5):  # however often it is looked at
        world.passes(DAY)
        status = world.upload(exporter)
        assert (status.sent, status.kept, status.dropped) == (0, 10, {})
    assert waiting(world.app.telemetry).held == {"too old, if the clock is right": 10}
    world.clock.now -= days * DAY
    assert world.upload(exporter).sent == 10
    assert exporter.got == [recorded]


@pytest.mark.parametrize("agreed", ["then", "before"])
def test_what_a_clock_at_1970_has_recorded_is_sent(world: World, agreed: str) -> None:
    world.clock.now -= 1_800_000_000
    if agreed == "then":
        world.app.telemetry.turn_on()
    recorded = world.app.record(10)
    world.clock.now += 1_800_000_000
    exporter = Scripted()
    status = world.upload(exporter)
    assert (status.sent, status.kept, status.dropped) == (10, 0, {})
    assert exporter.got == [recorded]


def test_what_seems_older_than_the_persons_yes_had_a_wrong_clock(world: World) -> None:
    world.clock.now -= 40 * DAY
    recorded = world.app.record(10)
    world.clock.now += 40 * DAY
    exporter = Scripted()
    assert world.upload(exporter).sent == 10
    assert exporter.got == [recorded]


def test_after_thirty_days_that_are_certain_it_is_dropped(world: World) -> None:
    world.app.record(10)
    world.upload(Scripted(down))
    for _ in range(30):
        world.passes(DAY)
        assert world.upload(Scripted(down)).dropped == {}
    world.passes(DAY)
    status = world.upload(Scripted())
    assert (status.sent, status.dropped) == (0, {"too old": 10})
    assert world.app.waiting() == []


def test_days_are_certain_whatever_the_clock_says(world: World) -> None:
    """And a restart of the machine only makes them fewer."""
    world.app.record(10)
    world.upload(Scripted(down))
    for day in range(30):
        world.uptime.now += DAY
        world.clock.now += (-1) ** day * 100 * DAY
        if day == 15:
            world.uptime.now = 60.0
        assert world.upload(Scripted(down)).dropped == {}
    world.uptime.now += DAY
    assert world.upload(Scripted(down)).dropped == {"too old": 10}


def test_what_is_recorded_into_the_place_of_something_old_is_new(world: World) -> None:
    """A segment's name and inode come again; what is known of it does not."""
    world.app.record(3)
    world.upload(Scripted(down))
    world.passes(31 * DAY)
    (path,) = world.app.files()
    path.unlink()
    recorded = world.app.record(3)
    world.app.files()[0].rename(path)
    exporter = Scripted()
    assert world.upload(exporter).dropped == {}
    assert exporter.got == [recorded]


def test_a_time_that_the_service_does_not_take_is_no_refusal(world: World) -> None:
    """As with a clock three hours fast."""
    recorded = world.app.record(10)

    def wrong(batch: Sequence[Record]) -> Receipt:
        kept = dict.fromkeys(range(1, len(batch)), WRONG_TIME)
        return Receipt(frozenset([0]), kept=kept, problem=WRONG_TIME, retry=False)

    status = world.upload(Scripted(wrong))
    assert (status.sent, status.kept, status.dropped) == (1, 9, {})
    assert status.error == WRONG_TIME
    assert world.app.waiting() == recorded[1:]


@given(
    st.lists(st.tuples(st.floats(0, MOST_AGE), st.booleans()), max_size=20),
    st.floats(0, 10 * MOST_AGE),
)
def test_no_more_is_proven_than_has_passed(story: list[tuple[float, bool]], uptime: float) -> None:
    """True time passes, and the machine is started anew or not."""
    total = known = 0.0
    for seconds, restarted in story:
        total += seconds
        now = seconds / 2 if restarted else uptime + seconds
        after = proven(known, uptime, now)
        assert known <= after <= total + 1e-6 * total
        known, uptime = after, now
