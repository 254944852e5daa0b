"""Promises 3 and 5 on a system in a bad state: a disk that is really full, nothing left to open."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from reliability.application import ALL, Application, make
from reliability.wires import every_wire
from support import Clock

from afterword_sink import LocalSink

LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A file system of 64 KB under the application's folder."""
    folder = home / ".local/share"
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here: needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@every_wire
def test_a_disk_that_is_really_full(small_disk: Path, app: Application, sink: LocalSink) -> None:
    """What fits is kept whole, what does not is nobody's trouble; then all that fits arrives."""
    (small_disk / "somebody-else").write_bytes(b"x" * 30_000)
    done = app.run("record", "200")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(number) for number in range(200)]
    recorded = app.waiting()
    assert 20 < len(recorded) < 200
    lines = Path(app.folder.events).read_bytes().splitlines()
    assert all(json.loads(line)["eventType"] == "done" for line in lines)  # none torn

    assert app.run("upload").returncode == 0  # on the full disk
    app.telemetry.upload()
    arrived = [event["customDimensions"]["event_id"] for event in sink.events()]
    assert arrived == recorded
    assert app.files() == []


@every_wire
@pytest.mark.parametrize("descriptors", [3, 4, 5, 6, 8, 12, 16] if ALL else [3, 6, 12])
def test_an_uploader_without_descriptors(
    app: Application, sink: LocalSink, descriptors: int
) -> None:
    recorded = app.record(30)
    command = app.command("upload")
    limited = [command[0], "-c", LIMITED, str(descriptors), *command[1:]]
    done = subprocess.run(limited, capture_output=True, timeout=30, check=False)
    assert done.returncode in (0, 1)  # 1: the interpreter itself did not get to our first line
    app.telemetry.upload()
    arrived = [event["customDimensions"]["event_id"] for event in sink.events()]
    assert arrived == recorded
    assert app.files() == []


@pytest.mark.parametrize(
    "state",
    [
        "", "{", "[]", "null", "\0" * 100, '{"enabled": true}', '{"enabled": "yes"}',
        '{"enabled": 1, "consentGiven": 1, "anonymousId": 7, "noticeVersion": "1"}',
        '{"enabled": true, "consentGiven": true, "anonymousId": {}, "noticeVersion": 1}',
        '{"enabled": true, "consentGiven": true, "rotatedAt": 5, "noticeVersion": 1}',
        "x" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_state_file_touches_nothing_that_waits(
    app: Application, sink: LocalSink, state: str
) -> None:
    recorded = app.record(3)
    good = Path(app.folder.state).read_text()
    Path(app.folder.state).write_text(state)
    done = app.run("record", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n1\n", "")
    assert app.waiting()[:3] == recorded
    assert app.run("upload").returncode == 0
    came = [event["customDimensions"]["event_id"] for event in sink.events()]
    assert {*came, *app.waiting()} >= set(recorded)  # on by that state, or off and untouched
    Path(app.folder.state).write_text(good)
    app.telemetry.upload()
    clock = Clock(time.time() + 13 * 3600)  # with a new id, what waited has to wait for its turn
    make(app.connection_string, clock=clock).upload()
    assert app.files() == []
    arrived = {event["customDimensions"]["event_id"] for event in sink.events()}
    assert set(recorded) <= arrived


@pytest.mark.parametrize(
    "trouble", ["no folder", "a file for a folder", "no HOME", "relative HOME", "folder of others"]
)
def test_a_command_never_notices(app: Application, tmp_path: Path, trouble: str) -> None:
    recorded = app.record(3)
    environment: dict[str, str] = {}
    aside = tmp_path / "aside"
    if trouble in ("no folder", "a file for a folder"):
        app.path.rename(aside)
        if trouble == "a file for a folder":
            app.path.write_text("")
    elif trouble == "folder of others":
        if os.geteuid():
            pytest.skip("giving a folder away needs root")
        os.chown(app.path, 65534, 65534)
    else:
        environment["HOME"] = "" if trouble == "no HOME" else "home"
    for verb in (("record", "2"), ("upload",)):
        done = app.run(*verb, seconds=40, **environment)
        assert (done.returncode, done.stderr) == (0, "")
    if trouble in ("no folder", "a file for a folder"):
        with contextlib.suppress(IsADirectoryError, FileNotFoundError, PermissionError):
            app.path.unlink()
        shutil.rmtree(app.path, ignore_errors=True)
        aside.rename(app.path)
    if trouble == "folder of others":
        assert app.waiting() == recorded
        os.chown(app.path, 0, 0)
    assert app.waiting() == recorded
