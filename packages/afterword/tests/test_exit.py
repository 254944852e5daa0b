"""`Telemetry.exit`: `sys.exit` for everybody who looks, only that nothing is taken apart."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import wait_until

PROGRAM = """
import atexit, sys, threading
from afterword import Event, Telemetry

class Garbage:
    def __del__(self):
        print("taken apart", flush=True)

telemetry = Telemetry(
    "app",
    version="1.0.0",
    events=[Event("done")],
    connection_string="InstrumentationKey=1;IngestionEndpoint=http://127.0.0.1:9/",
    uploader=[sys.executable, "-c", "import sys; open(sys.argv[1], 'w')", sys.argv[1]],
)
telemetry.turn_on()
atexit.register(print, "handler")
telemetry.record("done")
garbage = Garbage()
sys.stderr.write("said")
"""
END = "telemetry.exit(3)"
MUCH = 'sys.stdout.write("x" * 100_000 + "\\n"); '


def run(tmp_path: Path, end: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-c", PROGRAM + end, str(tmp_path / "uploaded")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("code", [0, 3, 255])
def test_what_was_written_and_registered_is_done_and_the_upload_starts(
    tmp_path: Path, code: int
) -> None:
    done = run(tmp_path, f"{MUCH}telemetry.exit({code})")
    assert (done.returncode, done.stderr) == (code, "said")
    assert done.stdout == "x" * 100_000 + "\nhandler\n"
    wait_until((tmp_path / "uploaded").exists)


def test_the_usual_end_takes_everything_apart(tmp_path: Path) -> None:
    done = run(tmp_path, f"{MUCH}sys.exit(3)")
    assert (done.returncode, done.stderr) == (3, "said")
    assert done.stdout.endswith("\nhandler\ntaken apart\n")


@pytest.mark.parametrize("code", ["None", "'words'", "-1", "256", "10**10", "True"])
def test_any_code_ends_as_with_sys_exit(tmp_path: Path, code: str) -> None:
    ours, theirs = (run(tmp_path, f"{way}.exit({code})") for way in ("telemetry", "sys"))
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)


def test_a_thread_that_lives_is_waited_for(tmp_path: Path) -> None:
    thread = "threading.Thread(target=lambda: (time.sleep(0.3), print('thread'))).start()"
    done = run(tmp_path, f"{MUCH}import time; {thread}; telemetry.exit(3)")
    assert done.returncode == 3
    assert done.stdout.endswith("\nthread\nhandler\ntaken apart\n")
    wait_until((tmp_path / "uploaded").exists)


def test_a_file_left_open_is_written_to_its_end(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = run(tmp_path, f"file = open({str(kept)!r}, 'w'); file.write('all of it'); {END}")
    assert (done.returncode, kept.read_text()) == (3, "all of it")
    assert done.stdout == "handler\ntaken apart\n"
    wait_until((tmp_path / "uploaded").exists)


def test_what_was_handed_down_is_no_file_of_ours(tmp_path: Path) -> None:
    """A build tool's job server, a pipe of a shell."""
    done = run(tmp_path, f"{MUCH}{END}", ["sh", "-c", '"$@" 7</dev/null 8>/dev/null', "sh"])
    assert (done.returncode, done.stdout[-10:]) == (3, "x\nhandler\n")


def test_a_file_that_a_library_in_c_may_have_opened_is_left_to_it(tmp_path: Path) -> None:
    """It does not know of PEP 446: what it opened looks as if it had been handed down."""
    done = run(tmp_path, f"{MUCH}{END}", ["sh", "-c", f'"$@" 7>{tmp_path}/kept', "sh"])
    assert (done.returncode, done.stdout[-12:]) == (3, "taken apart\n")


@pytest.mark.parametrize(
    "stream",
    [
        "io.TextIOWrapper(sys.stdout.buffer)",
        "type('Own', (io.TextIOWrapper,), {})(sys.stdout.buffer)",
    ],
)
def test_what_waits_in_another_stream_is_written(tmp_path: Path, stream: str) -> None:
    done = run(tmp_path, f"import io; box = [{stream}]; box[0].write('left'); {END}")
    assert done.returncode == 3
    assert "left" in done.stdout
    assert "taken apart\n" in done.stdout


def test_a_stream_that_was_closed_is_nothing_to_wait_for(tmp_path: Path) -> None:
    with_file = f"with open({str(tmp_path / 'kept')!r}, 'w') as file: file.write('all')"
    done = run(tmp_path, f"{with_file}\n{END}")
    assert (done.returncode, done.stdout) == (3, "handler\n")


def test_it_comes_out_through_everything_on_the_way(tmp_path: Path) -> None:
    done = run(tmp_path, f"try:\n  {END}\nfinally:\n  print('finally')")
    assert (done.returncode, done.stdout) == (3, "finally\nhandler\n")


def test_who_catches_it_has_caught_it(tmp_path: Path) -> None:
    caught = f"try:\n  {END}\nexcept SystemExit as end:\n  print('caught', end.code, end)"
    done = run(tmp_path, caught)
    assert (done.returncode, done.stdout) == (0, "caught 3 3\nhandler\ntaken apart\n")


@pytest.mark.parametrize("around", [["-m", "cProfile"], ["-i"]])
def test_a_program_around_the_program_goes_on(tmp_path: Path, around: list[str]) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM + END)
    done = subprocess.run(
        [sys.executable, *around, str(program), str(tmp_path / "uploaded")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        input="print('going on')\n",
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert ("function calls" if "cProfile" in around else "going on") in done.stdout
    assert "taken apart\n" in done.stdout


def test_output_that_nobody_takes_ends_as_the_interpreter_ends(tmp_path: Path) -> None:
    """What is left in the stream's buffer finds no room when it is flushed."""
    full = ["sh", "-c", '"$@" > /dev/full', "sh"]
    for way in ("telemetry.exit", "sys.exit"):
        done = run(tmp_path, f"sys.stdout = open(1, 'w'); print('left'); {way}(3)", full)
        assert done.returncode == 120
        assert "No space left on device" in done.stderr
