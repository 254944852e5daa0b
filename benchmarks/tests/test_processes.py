import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from environments import HERE
from support import alive

FOLLOW = str(Path(__file__).parent / "follow.py")
BUSY = 0.1
"""Seconds of CPU that a process uses up before it ends."""

Start = Callable[..., subprocess.CompletedProcess[str]]
Follow = Callable[..., dict[str, Any]]


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def leave_behind(code: str) -> str:
    """Code that starts other code, in a session of its own, and does not wait for it."""
    start = "import subprocess, sys; subprocess.Popen({}, start_new_session=True)"
    return start.format([sys.executable, "-S", "-c", code])


def burn(then: str = "pass") -> str:
    return f"import time\nwhile time.process_time() < {BUSY}: pass\n{then}"


def remain(pid_file: Path) -> str:
    """Code that writes its process id down, and stays."""
    part, whole = f"{pid_file}.part", str(pid_file)
    write = f"open({part!r}, 'w').write(str(os.getpid())); os.rename({part!r}, {whole!r})"
    return f"import os, time; {write}; time.sleep(30)"


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Follow a command to its end and beyond, in a process of its own."""

    def start(
        command: Sequence[str], spared: Sequence[str] = (), **settings: Any
    ) -> subprocess.CompletedProcess[str]:
        request = {"command": command, "spared": spared, "said": str(tmp_path / "said")}
        return subprocess.run(
            [sys.executable, FOLLOW, json.dumps(request | {"settings": settings})],
            env={"PYTHONPATH": HERE}, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    return start


@pytest.fixture
def follow(start: Start) -> Follow:
    """The same; the `Run`, and whether who was to be spared lives."""

    def follow(*arguments: Any, **settings: Any) -> Any:
        ended = start(*arguments, **settings)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return follow


def test_a_command_without_background(follow: Follow) -> None:
    run = follow(python(burn()))
    assert run["cpu"] >= BUSY
    assert run["seconds"] >= BUSY
    assert run["peak"] > 2**20
    assert not run["capped"]
    assert not run["failed"]
    assert run["background"]["processes"] == 0
    assert run["background"]["cpu"] == 0


def test_orphans_of_orphans_are_followed_and_their_cpu_counted(follow: Follow) -> None:
    run = follow(python(leave_behind(burn(leave_behind(burn())))))
    assert run["background"]["processes"] == 2
    assert run["background"]["cpu"] >= 2 * BUSY
    assert run["background"]["peak"] > 2**20
    assert not run["background"]["ended"]
    assert run["cpu"] < run["background"]["cpu"]


def test_a_background_that_outstays_is_ended(follow: Follow, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    wait = f"import os, time\nwhile not os.path.exists({str(note)!r}): time.sleep(0.01)"
    run = follow(python(f"{leave_behind(remain(note))}\n{wait}"), patience=0.05)
    assert run["background"]["ended"]
    assert run["background"]["processes"] == 1
    assert not run["failed"]
    assert not alive(int(note.read_text()))


def test_a_command_that_takes_too_long_is_ended_with_its_background(
    follow: Follow, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    run = follow(python(f"{leave_behind(remain(note))}\nimport time; time.sleep(30)"), cap=0.5)
    assert run["capped"]
    assert not run["failed"]
    # The cap may ring before a busy machine has come so far as to leave something behind.
    assert not note.exists() or not alive(int(note.read_text()))


def test_who_lived_before_is_spared_and_not_counted(follow: Follow) -> None:
    run = follow(python("pass"), python("import time; time.sleep(30)"), patience=0.05)
    assert run["spared_lives"]
    assert run["background"]["processes"] == 0
    assert not run["background"]["ended"]


def test_an_error_stops_the_measurement_with_the_programs_own_words(start: Start) -> None:
    ended = start(python("raise SystemExit('no such thing')"))
    assert ended.returncode == 1
    assert ended.stderr.endswith("ended with 256:\nno such thing\n\n")


def test_an_error_that_may_be_is_counted(follow: Follow) -> None:
    run = follow(python("raise SystemExit(3)"), may_fail=True)
    assert run["failed"]
    assert not run["capped"]


def test_a_command_writes_and_reads_nothing_of_ours(start: Start, tmp_path: Path) -> None:
    code = "import sys; print('aloud'); print(repr(sys.stdin.read()), file=sys.stderr)"
    assert "aloud" not in start(python(code)).stdout
    assert (tmp_path / "said").read_text() == "''\n"
