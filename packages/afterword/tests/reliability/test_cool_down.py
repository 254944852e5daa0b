"""Promise 7: an uploader that fails is not started by every command, however it fails."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from reliability.application import Application, make
from reliability.scripted import Scripted, everything, upload_to
from support import Answer, Server, wait_until

from afterword.control import report, words
from afterword.exporters.base import Receipt, Record
from afterword.upload.segments import Segment


@pytest.fixture
def served(app: Application, server: Server) -> Application:
    """The application, talking to a server that answers by script."""
    app.aim(server.connection_string)
    return app


def started(app: Application, commands: int = 6) -> int:
    """How many of so many commands start an uploader; it would end at once."""
    command = make(app.connection_string, uploader=["/bin/true"])
    count = 0
    for number in range(commands):
        command.record("done", what="test", number=number)
        count += command.start_upload()
    return count


@pytest.mark.parametrize("way", ["status", "lock"])
def test_a_folder_in_the_way_starts_nobody(served: Application, server: Server, way: str) -> None:
    blocked = served.folder.upload_status if way == "status" else served.folder.upload_lock
    Path(blocked).mkdir()
    assert started(served) == 0
    Path(blocked).rmdir()
    assert started(served, 1) == 1
    served.telemetry.upload()
    assert len(server.events()) == 7


@pytest.fixture
def without_inodes(home: Path) -> Iterator[Path]:
    """A file system on which no file can be made any more, once the data folder is full."""
    folder = home / ".local/share"
    folder.mkdir(parents=True)
    options = "nr_inodes=12,mode=700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here: needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_without_inodes_nobody_is_started(
    without_inodes: Path, served: Application, server: Server
) -> None:
    served.record(1)
    filled: list[Path] = []
    while True:
        try:
            (without_inodes / f"other-{len(filled)}").touch()
        except OSError:
            break
        filled.append(without_inodes / f"other-{len(filled)}")
    assert started(served) == 0
    assert len(served.waiting()) == 7
    filled[0].unlink()
    filled[1].unlink()
    filled[2].unlink()
    assert started(served, 1) == 1
    served.telemetry.upload()
    assert len(server.events()) == 8


def test_a_disk_that_takes_no_status_cools_down_all_the_same(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = app.record(3)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def busy(_batch: Sequence[Record]) -> Receipt:
        return Receipt(problem="439", retry=False)

    with monkeypatch.context() as patch:
        patch.setattr("afterword.state.files.write", full)
        upload_to(Scripted(busy), app)
    assert app.status.at == 0
    command = make(app.connection_string, uploader=["/bin/false"])
    assert command.start_upload() is False
    assert app.record(1)
    assert command.start_upload() is False
    upload_to(Scripted(), app)  # a person asks
    assert app.waiting() == []
    assert app.record(1)
    assert command.start_upload() is True
    assert len(recorded) == 3


def test_a_clock_that_was_ahead_is_no_cool_down(app: Application) -> None:
    app.record(1)
    for path in app.files():
        os.utime(path, ns=(0, int((time.time() + 3 * 3600) * 10**9) | 1))
    assert make(app.connection_string, uploader=["/bin/false"]).start_upload() is True


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_an_uploader_killed_in_its_gathering_has_left_word(
    served: Application, server: Server, sign: int
) -> None:
    """As in a container that ends with its command. The next one does not gather, and sends."""
    recorded = served.record(3)
    process = served.start("upload", APP_TELEMETRY_UPLOAD="1")
    wait_until(lambda: served.status.error)
    holder = holder_of(Path(served.folder.upload_lock))
    os.kill(holder, sign)
    process.communicate(timeout=10)
    wait_until(lambda: not Path(f"/proc/{holder}").exists())
    assert (served.status.failures, served.status.error) == (
        1, "not finished: still running, or stopped",
    )  # fmt: skip
    assert make(server.connection_string, uploader=["/bin/false"]).start_upload() is False
    assert server.requests == []
    served.telemetry.clock = lambda: time.time() + 120
    began = time.monotonic()
    status = served.telemetry.upload(spawned=True)
    assert status is not None
    assert status.sent == len(recorded)
    assert time.monotonic() - began < 1.9  # seconds that it would gather


def holder_of(lock: Path) -> int:
    def holds(process: Path) -> bool:
        try:
            return any(entry.readlink() == lock for entry in (process / "fd").iterdir())
        except OSError:
            return False

    (holder,) = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdecimal() and holds(p)]
    return holder


def test_a_run_that_is_cut_short_has_failed(served: Application, server: Server) -> None:
    recorded = served.record(250)
    server.script = lambda number, _r: Answer(hang=number == 2)
    process = served.start("upload")
    wait_until(lambda: len(server.requests) == 2)
    process.terminate()
    process.communicate(timeout=10)
    assert served.waiting() == recorded[100:]
    assert served.status.failures == 1
    assert served.status.next_at > served.status.at


def test_upload_returns_in_time_whatever_the_server_does(
    served: Application, server: Server
) -> None:
    recorded = served.record(250)
    server.script = lambda _n, _r: Answer(hang=True)
    began = time.monotonic()
    status = served.telemetry.upload(seconds=1)
    assert time.monotonic() - began < 4
    assert status is not None
    assert (status.sent, status.failures) == (0, 1)
    assert status.error
    assert served.waiting() == recorded
    assert {thread.name for thread in threading.enumerate() if not thread.daemon} >= {"MainThread"}


def test_upload_waits_for_the_one_that_is_at_it(served: Application, server: Server) -> None:
    """At the end of a container: the uploader of an earlier command gathers, and would die."""
    recorded = served.record(3)
    process = served.start("upload", APP_TELEMETRY_UPLOAD="1")
    wait_until(lambda: served.status.error)
    served.telemetry.upload(seconds=20)
    assert {event["event_id"] for event in server.events()} == set(recorded)
    assert served.waiting() == []
    process.communicate(timeout=10)


def test_two_million_lines_of_junk_are_settled_in_few_writes(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    junk = 100_000
    Path(app.folder.events).write_bytes(b"junk\n" * junk)
    recorded = app.record(3)
    calls: list[int] = []
    real = Segment.settle

    def counted(segment: Segment, lines: Sequence[object]) -> None:
        calls.append(len(lines))
        real(segment, lines)  # type: ignore[arg-type]

    monkeypatch.setattr(Segment, "settle", counted)
    exporter = Scripted(everything)
    status = upload_to(exporter, app)
    assert status.dropped == {"unreadable": junk}
    assert len(calls) <= junk / 1000
    assert exporter.got == [recorded]
    assert app.files() == []


def test_status_tells_what_was_given_up_before_the_first_upload(app: Application) -> None:
    telemetry = make(app.connection_string, cap=20_000)
    for number in range(400):
        telemetry.record("done", what="build", number=number)
    told = report.report(telemetry)
    assert told.last_upload is not None
    lost = told.last_upload.dropped["over the cap"]
    assert lost + len(app.waiting()) == 400
    assert f"none yet; dropped: {lost} over the cap" in words.status(told, time.time(), "app")
    kept = report.as_json(told)["lastUpload"]
    assert isinstance(kept, dict)
    assert (kept["at"], kept["dropped"]) == (None, {"over the cap": lost})
