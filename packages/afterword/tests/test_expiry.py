"""A declaration ends by itself: after its day or version nothing of it is recorded or sent."""

import json
from pathlib import Path

import pytest
from support import Clock, Server

from afterword import Event, OneOf, Telemetry
from afterword.errors import DeclarationError, UndeclaredError
from afterword.expiry import has_ended, why_not

DAY = "2026-11-24T20:15:03.120Z"
NOW = 1_795_551_303.0
"""The same moment."""


@pytest.mark.parametrize(
    ("until", "moment", "version", "ended"),
    [
        ("", DAY, "9.9", False),
        ("2026-11-23", DAY, "1.0", True),
        ("2026-11-24", DAY, "1.0", False),
        ("2026-11-25", DAY, "1.0", False),
        ("2.1", DAY, "2.0.9", False),
        ("2.1", DAY, "2.1", False),
        ("2.1", DAY, "2.1.0", False),
        ("2.1", DAY, "2.1.1", True),
        ("2.1", DAY, "2.10", True),
        ("2.1", DAY, "3", True),
        ("2", DAY, "2.0rc1", False),
        ("2.1", DAY, "0", False),
    ],
)
def test_the_day_and_the_version_are_included(
    until: str, moment: str, version: str, ended: bool
) -> None:
    assert has_ended(until, moment, version) is ended


@pytest.mark.parametrize(
    "until",
    [
        "soon",
        "2026-11-2",
        "2026-24-11",
        "2026-11-32",
        "24.11.2026",
        "v2",
        "2026/11/24",
        "-",
        "2.1rc1",
    ],
)
def test_an_end_is_a_day_or_a_version(until: str) -> None:
    assert why_not(until) is not None
    with pytest.raises(DeclarationError, match=r"a day .* or a version"):
        OneOf("a", until=until)
    with pytest.raises(DeclarationError, match=r"a day .* or a version"):
        Event("done", until=until)


def test_no_field_is_called_why_or_until() -> None:
    with pytest.raises(DeclarationError, match="no field can be called why or until"):
        Event("done", why=OneOf("a"))


def made(home: Path, server: Server, clock: Clock, *, strict: bool = False) -> Telemetry:
    """Telemetry that is on, whose event ends by a day and by a version."""
    telemetry = Telemetry(
        "app",
        version="1.0",
        events=[
            Event("done", what=OneOf("build"), how=OneOf("fast", until="2026-11-24")),
            Event("gone", until="2026-11-24", what=OneOf("build")),
        ],
        connection_string=server.connection_string,
        folder=str(home / "data"),
        environment={},
        clock=clock,
        strict=strict,
    )
    telemetry.turn_on()
    return telemetry


def lines(home: Path) -> list[dict[str, object]]:
    path = home / "data" / "telemetry-events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_what_has_ended_is_left_out(home: Path, server: Server) -> None:
    clock = Clock(NOW)
    telemetry = made(home, server, clock)
    telemetry.record("done", what="build", how="fast")
    telemetry.record("gone", what="build")
    clock.now += 24 * 3600
    telemetry.record("done", what="build", how="fast")
    telemetry.record("done", what="build")
    telemetry.record("gone", what="build")
    told = [(line["eventType"], line.get("how")) for line in lines(home)]
    assert told == [("done", "fast"), ("gone", None), ("done", None), ("done", None)]
    telemetry.upload()
    assert [(event["what"], event.get("how")) for event in server.events()] == [
        ("build", "fast"), ("build", None), ("build", None), ("build", None),
    ]  # fmt: skip


def test_in_development_it_is_told(home: Path, server: Server) -> None:
    telemetry = made(home, server, Clock(NOW + 24 * 3600), strict=True)
    with pytest.raises(UndeclaredError, match=r"done\.how has ended: until 2026-11-24"):
        telemetry.record("done", what="build", how="fast")
    with pytest.raises(UndeclaredError, match="gone has ended: until 2026-11-24"):
        telemetry.record("gone", what="build")
    telemetry.record("done", what="build")
    assert [line["eventType"] for line in lines(home)] == ["done"]


def test_what_another_program_wrote_after_the_end_does_not_leave(
    home: Path, server: Server
) -> None:
    clock = Clock(NOW)
    telemetry = made(home, server, clock)
    telemetry.record("done", what="build", how="fast")
    telemetry.record("gone", what="build")
    path = home / "data" / "telemetry-events.jsonl"
    path.write_text(path.read_text().replace("2026-11-24T", "2026-11-25T"))
    clock.now += 2 * 24 * 3600
    telemetry.upload()
    assert [(event["what"], event.get("how")) for event in server.events()] == [("build", None)]
