"""`TOOL telemetry upload`: in the foreground, in words; why nothing happens, too."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import Answer, Server

from afterword import Telemetry
from afterword.control import commands
from afterword.state.lockfile import FileLock

Said = Callable[[Telemetry], tuple[int, str, str]]


@pytest.fixture
def upload(capsys: pytest.CaptureFixture[str]) -> Said:
    def upload(telemetry: Telemetry) -> tuple[int, str, str]:
        code = commands.run(telemetry, "upload")
        out, complaint = capsys.readouterr()
        return code, out, complaint

    return upload


def test_it_sends_and_says_how_many(telemetry: Telemetry, server: Server, upload: Said) -> None:
    assert upload(telemetry) == (0, "Nothing waits.\n", "")
    for _ in range(3):
        telemetry.record("done", what="build")
    code, out, complaint = upload(telemetry)
    assert (code, complaint) == (0, "")
    assert out.startswith(f"Sending 3 events to {server.endpoint}")
    assert "3 sent, 0 kept" in out
    assert len(server.events()) == 3


@pytest.mark.parametrize(
    ("variable", "reason"),
    [("DO_NOT_TRACK", "DO_NOT_TRACK=1"), ("APP_TELEMETRY", "APP_TELEMETRY=")],
)
def test_it_says_why_nothing_is_sent(  # noqa: PLR0917  # a case and its fixtures
    telemetry: Telemetry, make: Callable[..., Telemetry], server: Server, home: Path, upload: Said,
    variable: str, reason: str,
) -> None:  # fmt: skip
    telemetry.record("done", what="build")
    value = "1" if variable == "DO_NOT_TRACK" else "0"
    off = make(environment={"HOME": str(home), variable: value})
    code, _, complaint = upload(off)
    assert code == 1
    assert complaint.startswith("Error: Nothing is sent: telemetry is off")
    assert reason in complaint
    assert server.requests == []


def test_it_says_that_another_is_at_work(telemetry: Telemetry, upload: Said) -> None:
    telemetry.record("done", what="build")
    assert telemetry.folder is not None
    lock = FileLock(telemetry.folder.upload_lock)
    assert lock.acquire()
    code, _, complaint = upload(telemetry)
    lock.release()
    assert (code, "Another uploader is at work" in complaint) == (1, True)


def test_a_failure_is_told_and_the_events_stay(
    telemetry: Telemetry, server: Server, upload: Said
) -> None:
    server.script = lambda _n, _r: Answer(402, b"")
    telemetry.record("done", what="build")
    code, out, _ = upload(telemetry)
    assert (code, "0 sent, 1 kept" in out) == (1, True)
    server.script = lambda _n, _r: Answer()
    assert upload(telemetry)[0] == 0  # a person asked: no failure cools down
    assert len(server.events()) == 2  # what was refused, and what was taken


def test_much_is_shown_as_it_goes(
    telemetry: Telemetry, upload: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_MANY", 150)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    for _ in range(250):
        telemetry.record("done", what="build")
    code, _, shown = upload(telemetry)
    assert code == 0
    assert [part for part in shown.replace("\n", "\r").split("\r") if part] == [
        "100 of 250", "200 of 250", "250 of 250",
    ]  # fmt: skip
