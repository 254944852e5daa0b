"""Promise 3 through an upgrade: what another version wrote waits for one that knows it."""

from pathlib import Path

import pytest
from support import Clock, Server

from afterword import Count, Event, Flag, OneOf, Telemetry
from afterword.control import words
from afterword.control.report import waiting
from afterword.upload.status import Status

OLD = (Event("done", what=OneOf("build", "test"), number=Count(), quick=Flag(optional=True)),)
CHANGES = {
    "a required field added": (
        Event("done", what=OneOf("build", "test"), number=Count(), quick=Flag(optional=True),
              safe=Flag()),
    ),
    "a field removed": (Event("done", what=OneOf("build", "test"), quick=Flag(optional=True)),),
    "a word renamed": (
        Event("done", what=OneOf("compile", "test"), number=Count(), quick=Flag(optional=True)),
    ),
    "a word removed": (
        Event("done", what=OneOf("test"), number=Count(), quick=Flag(optional=True)),
    ),
    "the event renamed": (
        Event("ended", what=OneOf("build", "test"), number=Count(), quick=Flag(optional=True)),
    ),
    "a range narrowed": (
        Event("done", what=OneOf("build", "test"), number=Count(most=5),
              quick=Flag(optional=True)),
    ),
}  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.0)


def version(name: str, events: tuple[Event, ...], server: Server, clock: Clock) -> Telemetry:
    return Telemetry(
        "app", version=name, events=events, connection_string=server.connection_string, clock=clock
    )


def upload(telemetry: Telemetry) -> Status:
    status = telemetry.upload()
    assert status is not None
    return status


def arrived(server: Server) -> list[str]:
    return [event["number"] for event in server.events()]


@pytest.mark.parametrize("change", CHANGES)
def test_what_waits_outlives_the_upgrade(
    home: Path, server: Server, clock: Clock, change: str
) -> None:
    old = version("1.0", OLD, server, clock)
    new = version("2.0", CHANGES[change], server, clock)
    old.turn_on()
    for number in range(100):
        old.record("done", what="build", number=number)
    new.turn_on()  # asked again where more is collected, the person agrees
    status = upload(new)
    assert status.dropped == {}
    assert status.sent + status.kept == 100
    assert waiting(new).unfit == {}
    status = upload(old)  # still installed beside it, or again
    assert status.dropped == {}
    assert sorted(map(int, arrived(server))) == list(range(100))
    assert waiting(old).records == []


def test_a_field_that_is_new_does_not_judge_what_is_older(
    home: Path, server: Server, clock: Clock
) -> None:
    old = version("1.0", OLD, server, clock)
    new = version("2.0", CHANGES["a required field added"], server, clock)
    old.turn_on()
    old.record("done", what="build", number=7)
    new.turn_on()
    assert upload(new).sent == 1
    (event,) = server.events()
    assert (event["number"], "safe" in event) == ("7", False)


def test_an_older_uploader_leaves_what_a_newer_version_recorded(
    home: Path, server: Server, clock: Clock
) -> None:
    old = version("1.0", OLD, server, clock)
    newer = Event("begun", how=OneOf("alone", "together"))
    new = version("2.0", (*OLD, newer), server, clock)
    old.turn_on()
    new.turn_on()
    for number in range(20):
        old.record("done", what="test", number=number)
        new.record("begun", how="alone")
    status = upload(old)
    assert (status.sent, status.kept, status.dropped, status.error) == (20, 20, {}, None)
    assert waiting(old).held == {"for another version": 20}
    told = "Nothing waits to be sent. Not sent now: 20 for another version."
    assert words.table(waiting(old)) == told
    assert upload(new).sent == 20
    assert waiting(new).records == []


def test_what_our_own_version_cannot_have_written_is_dropped(
    home: Path, server: Server, clock: Clock
) -> None:
    ours = version("1.0", OLD, server, clock)
    theirs = version("1.0", (Event("secret"),), server, clock)
    ours.turn_on()
    theirs.turn_on()
    theirs.record("secret")
    assert upload(ours).dropped == {"undeclared": 1}
    assert server.requests == []


def test_what_only_waits_starts_no_uploader(home: Path, server: Server, clock: Clock) -> None:
    ours = Telemetry(
        "app", version="1.0", events=OLD, connection_string=server.connection_string, clock=clock,
        uploader=["/bin/true"],
    )  # fmt: skip
    ours.turn_on()
    other = version("2.0", (Event("begun"),), server, clock)
    other.turn_on()
    other.record("begun")
    assert upload(ours).kept == 1
    assert ours.start_upload() is False
    ours.record("done", what="build", number=1)
    assert ours.start_upload() is True
    clock.now += 25 * 3600
    upload(ours)
    assert waiting(ours).held == {"for another version": 1}
    assert ours.start_upload() is False
