"""What only Windows has. `make test-windows` runs it, under Wine; nothing else collects it."""

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Answer, Server, wait_until

from afterword import Telemetry, lock
from afterword.folder import DataFolder
from afterword.spawn import spawn_detached
from afterword.upload import segments

assert sys.platform == "win32"

import _winapi  # noqa: E402  # only there

from afterword.spawn import command_line  # noqa: E402  # only there

Run = Callable[..., subprocess.CompletedProcess[str]]
_KILL_WITH_THE_JOB = 0x2000
_MAY_BREAK_AWAY = 0x0800


@pytest.fixture
def folder(home: Path) -> Path:
    return home / ".local" / "share" / "app"


@contextlib.contextmanager
def opened_by_a_scanner(path: Path, seconds: float | None = None) -> Iterator[None]:
    """The file open and shared with nobody, as by a virus scanner; for so long, or to the end."""
    handle = _winapi.CreateFile(str(path), _winapi.GENERIC_READ, 0, 0, _winapi.OPEN_EXISTING, 0, 0)
    closed = threading.Event()

    def close() -> None:
        closed.wait(seconds)
        _winapi.CloseHandle(handle)

    scanner = threading.Thread(target=close)
    scanner.start()
    try:
        yield
    finally:
        if seconds is None:
            closed.set()
        scanner.join()


def test_the_data_lies_in_the_local_profile(
    make: Callable[..., Telemetry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Own Data ä"))
    telemetry = make()
    telemetry.turn_on()
    telemetry.record("done", what="build")
    assert sorted(path.name for path in (tmp_path / "Own Data ä" / "app").iterdir()) == [
        "telemetry-events.jsonl", "telemetry.json",
    ]  # fmt: skip


def test_without_a_profile_it_is_off(
    make: Callable[..., Telemetry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALAPPDATA", "relative")
    assert make().decision().cause == "folder"


def test_a_long_path_works_or_is_said(
    make: Callable[..., Telemetry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over 260 characters: it depends on the system's settings."""
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path.joinpath(*["a" * 60] * 5)))
    telemetry = make()
    named: str | None = None
    try:
        telemetry.turn_on()
    except OSError as error:
        named = error.filename
    telemetry.record("done", what="build")
    assert telemetry.folder is not None
    assert named or os.path.exists(telemetry.folder.events)


def test_a_policy_in_program_data_is_heeded(telemetry: Telemetry) -> None:
    policy = Path(os.environ["PROGRAMDATA"]) / "app" / "telemetry.json"
    policy.parent.mkdir(parents=True)
    policy.write_bytes(b'{\r\n  "enabled": false\r\n}\r\n')
    decision = telemetry.decision()
    assert (decision.on, decision.cause) == (False, "policy")


def test_a_state_file_that_was_edited_has_other_line_ends(
    telemetry: Telemetry, folder: Path
) -> None:
    state = folder / "telemetry.json"
    assert b"\r" not in state.read_bytes()
    state.write_bytes(state.read_bytes().replace(b"\n", b"\r\n"))
    assert telemetry.decision().on


class TestLock:
    def test_it_moves_nothing_and_nobody_is_kept_from_reading(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"data")
        one, two = (os.open(path, os.O_RDWR) for _ in range(2))
        try:
            os.lseek(one, 2, os.SEEK_SET)
            assert lock.try_lock(one)
            assert not lock.try_lock(two)
            assert os.lseek(one, 0, os.SEEK_CUR) == 2
            assert os.read(two, 4) == b"data"
            assert lock.is_locked_at(str(path))
        finally:
            os.close(one)
            assert lock.try_lock(two)
            os.close(two)
        assert path.stat().st_size == 4

    def test_a_file_in_use_is_not_taken(self, telemetry: Telemetry, folder: Path) -> None:
        """That it is open protects a writer that does not have the lock yet."""
        telemetry.record("done", what="build")
        writer = os.open(folder / "telemetry-events.jsonl", os.O_RDWR)
        assert segments.take(DataFolder(str(folder)), patience=0.05) is None
        os.close(writer)
        assert segments.take(DataFolder(str(folder))) is not None

    def test_who_renames_in_vain_closes_once(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.touch()
        ours, theirs = (os.open(path, os.O_RDWR) for _ in range(2))
        with pytest.raises(PermissionError):
            lock.rename_and_close(ours, str(path), str(tmp_path / "new"), patience=0.01)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.close(ours)
        os.close(theirs)


class TestScanner:
    def test_the_buffer_is_closed_to_us_and_no_event_is_lost(
        self, telemetry: Telemetry, folder: Path
    ) -> None:
        telemetry.record("done", what="build")
        with opened_by_a_scanner(folder / "telemetry-events.jsonl"):
            telemetry.record("done", what="test")
        assert len([*segments.all_lines(DataFolder(str(folder)))]) == 2

    def test_the_state_is_closed_to_us_for_a_moment(
        self, make: Callable[..., Telemetry], folder: Path
    ) -> None:
        make().turn_on()
        with opened_by_a_scanner(folder / "telemetry.json", 0.02):
            make().record("done", what="test")
        assert len([*segments.all_lines(DataFolder(str(folder)))]) == 1

    def test_off_waits_for_it(self, telemetry: Telemetry, folder: Path) -> None:
        telemetry.record("done", what="build")
        with opened_by_a_scanner(folder / "telemetry.json", 0.03):
            assert telemetry.turn_off() == 1
        assert not telemetry.decision().on

    def test_an_answer_that_cannot_be_kept_names_the_file(
        self, telemetry: Telemetry, folder: Path
    ) -> None:
        with (
            opened_by_a_scanner(folder / "telemetry.json"),
            pytest.raises(PermissionError) as raised,
        ):
            telemetry.turn_off()
        assert raised.value.filename == str(folder / "telemetry.json")
        telemetry.turn_off()
        assert not telemetry.decision().on

    def test_a_segment_that_an_uploader_has_open_is_blanked_by_off(
        self, telemetry: Telemetry, folder: Path
    ) -> None:
        telemetry.record("done", what="build")
        segment = segments.take(DataFolder(str(folder)))
        assert segment is not None
        with open(segment.path, "rb"):
            assert telemetry.turn_off() == 1
            assert Path(segment.path).read_bytes().strip() == b""


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=1))
def test_a_command_line_is_taken_apart_as_it_was_put_together(arguments: list[str]) -> None:
    parts = ctypes.windll.shell32.CommandLineToArgvW
    parts.restype = ctypes.POINTER(ctypes.c_wchar_p)
    count = ctypes.c_int()
    found = parts("program " + command_line(tuple(arguments)), ctypes.byref(count))
    assert found[1 : count.value] == arguments


LOOK = """
import ctypes, json, os, sys
window = ctypes.windll.kernel32.GetConsoleWindow()
visible = bool(window) and bool(ctypes.windll.user32.IsWindowVisible(window))
found = {"arguments": sys.argv[2:], "cwd": os.getcwd(), "visible": visible,
         "environment": dict(os.environ), "stdout": sys.stdout is None or sys.stdout.fileno() >= 0}
with open(sys.argv[1] + ".new", "w", encoding="utf-8") as file:
    json.dump(found, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
"""


def test_what_the_uploader_gets(tmp_path: Path) -> None:
    told = tmp_path / "told"
    arguments = ["", "a b", 'q"', "back\\", "ä"]
    environment = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH")}
    command = (sys.executable, "-c", LOOK, str(told), *arguments)
    assert spawn_detached(command, {**environment, "OWN": "ä"})
    wait_until(told.exists)
    found = json.loads(told.read_text("utf-8"))
    assert found["arguments"] == arguments
    assert os.path.samefile(found["cwd"], os.environ["SYSTEMROOT"])
    assert found["environment"]["OWN"] == "ä"
    assert not found["visible"]


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        spawn_detached((str(tmp_path / "no.exe"),), dict(os.environ))


def test_the_command_ends_while_its_uploader_goes_on(
    greet: Run, greet_folder: Path, server: Server
) -> None:
    """Whoever reads the command's output reads its end: the uploader holds no pipe of it."""
    server.script = lambda _number, _request: Answer(hang=True)
    greet("telemetry", "on")
    ended = greet("hello")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "hello, world\n", "")
    wait_until(lambda: server.requests)
    assert lock.is_held(str(greet_folder / "telemetry-upload.lock"))


IN_A_JOB = """
import ctypes, subprocess, sys
from ctypes import wintypes

class Limits(ctypes.Structure):
    _fields_ = [("times", ctypes.c_int64 * 2), ("flags", wintypes.DWORD),
                ("rest", ctypes.c_byte * 120)]

kernel = ctypes.WinDLL("kernel32", use_last_error=True)
kernel.CreateJobObjectW.restype = wintypes.HANDLE
job = wintypes.HANDLE(kernel.CreateJobObjectW(None, None))
limits = Limits(flags=int(sys.argv[1]))
extended = 9  # JobObjectExtendedLimitInformation
assert kernel.SetInformationJobObject(job, extended, ctypes.byref(limits), ctypes.sizeof(limits)), (
    ctypes.get_last_error(), ctypes.sizeof(limits))
kernel.GetCurrentProcess.restype = wintypes.HANDLE
assert kernel.AssignProcessToJobObject(job, wintypes.HANDLE(kernel.GetCurrentProcess()))
sys.exit(subprocess.run(sys.argv[2:]).returncode)
"""


@pytest.mark.parametrize("flags", [0, _MAY_BREAK_AWAY, _MAY_BREAK_AWAY | _KILL_WITH_THE_JOB])
def test_in_a_job_it_is_started_out_of_it_or_inside(greet: Run, server: Server, flags: int) -> None:
    """A terminal, a runner of CI or an agent puts what it starts into a job, and ends that."""
    greet("telemetry", "on")
    done = greet("hello", before=[sys.executable, "-c", IN_A_JOB, str(flags)])
    assert (done.returncode, done.stderr) == (0, "")
    wait_until(lambda: len(server.events()) == 1)
