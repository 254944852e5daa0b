"""Promise 7: the uploader ends in time and on SIGTERM, and leaves nothing but its status."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from reliability.application import Application
from reliability.wires import every_wire
from support import alive, wait_until

from afterword_sink import LocalSink

SWALLOWS = """
import time
from afterword.upload.process import run_as_uploader
def upload():
    while True:
        try:
            print("ready", flush=True)
            time.sleep(60)
        except BaseException:
            pass
import os
from afterword.upload import process
process._be_silent = lambda: None
run_as_uploader(upload, spawned=False)
"""


@every_wire
@pytest.mark.parametrize("fault", ["hang", "drip", "headers-then-silence", "503 retry-after=20"])
def test_sigterm_ends_it_within_a_second_with_nothing_lost(
    app: Application, sink: LocalSink, fault: str
) -> None:
    recorded = app.record(250)
    sink.set_faults(f"ok times=1; {fault}")
    process = app.start("upload")
    wait_until(lambda: sink.stats()["requests"] == 2)
    wait_until(lambda: app.waiting() == recorded[100:])
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert time.monotonic() - asked < 3  # a second, and a busy machine
    assert process.returncode == 0
    assert app.waiting() == recorded[100:]
    assert sorted(path.name for path in app.path.iterdir()) == [
        "telemetry-events.000001.jsonl", "telemetry-sent.jsonl", "telemetry-upload.json",
        "telemetry.json",
    ]  # fmt: skip
    assert (app.status.sent, app.status.kept) == (100, 150)


def test_sigterm_ends_it_even_where_a_library_swallows_it() -> None:
    process = subprocess.Popen([sys.executable, "-c", SWALLOWS], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGALRM


@every_wire
def test_what_it_leaves_is_its_status_and_the_copies(
    app: Application, sink: LocalSink, tmp_path: Path
) -> None:
    """No temporary file, here or in the system's folder for them; no child; no lock."""
    app.record(250)
    (app.path / "telemetry-upload.json.1.tmp").touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    sink.set_faults("503 times=1")
    process = app.start("upload", TMPDIR=str(temporary))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_until(lambda: sink.stats()["requests"] >= 1)
    assert children.read_text() == ""
    process.communicate(timeout=40)
    assert sorted(path.name for path in app.path.iterdir()) == [
        "telemetry-sent.jsonl", "telemetry-upload.json", "telemetry.json",
    ]  # fmt: skip
    assert list(temporary.iterdir()) == []


def test_the_folder_a_command_ran_in_is_not_kept_busy(
    app: Application, sink: LocalSink, tmp_path: Path
) -> None:
    """A command in a folder that is then removed, while its uploader is still at work."""
    app.record(3)
    sink.set_faults("hang")
    project = tmp_path / "project"
    project.mkdir()
    started = subprocess.run(
        app.command("upload"),
        env={**os.environ, "APP_TELEMETRY_UPLOAD": "1"},  # as a command starts it
        cwd=project, check=False, timeout=10,
    )  # fmt: skip
    assert started.returncode == 0  # the first of two processes; the second is nobody's child
    wait_until(lambda: sink.stats()["requests"] == 1)
    (uploader,) = holders(Path(app.folder.upload_lock))
    assert Path(f"/proc/{uploader}/cwd").readlink() == Path("/")
    project.rmdir()
    os.kill(uploader, signal.SIGTERM)
    wait_until(lambda: not alive(uploader))
    assert len(app.waiting()) == 3


@pytest.mark.long  # takes its real five minutes
@pytest.mark.timeout(360)
def test_five_minutes_end_it_in_real_time(app: Application, sink: LocalSink) -> None:
    """A server that takes four seconds for each batch, and more to send than that allows."""
    recorded = app.record(10_000)
    sink.set_faults("delay=4")
    began = time.monotonic()
    assert app.run("upload", seconds=330).returncode == 0
    assert 190 < time.monotonic() - began < 300
    assert app.status.error is None
    assert len(app.waiting()) == app.status.kept == len(recorded) - app.status.sent
    assert app.status.sent > 4000


def holders(path: Path) -> list[int]:
    """Which processes have the file open."""
    return [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdecimal() and _has_open(process, path)
    ]


def _has_open(process: Path, path: Path) -> bool:
    try:
        return any(entry.readlink() == path for entry in (process / "fd").iterdir())
    except OSError:
        return False
