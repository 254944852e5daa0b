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
MEMORY_HANDLER = """
import logging.handlers
to_stderr = logging.StreamHandler()
logging.getLogger().addHandler(logging.handlers.MemoryHandler(9, target=to_stderr))"""
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


@pytest.mark.parametrize(
    "program",
    [
        "async def m():\n  try: END(3)\n  finally: print('f')\nimport asyncio; asyncio.run(m())",
        "t = threading.Thread(target=lambda: END(3)); t.start(); t.join(); print('goes on')",
        "try: END(3)\nexcept SystemExit as end: end.code = 4; raise",
        "try: END(3)\nexcept SystemExit as end: sys.exit(end.code + 1)",
        "try: 1 / 0\nexcept ZeroDivisionError: END(3)",
        "import signal, time; signal.signal(15, lambda *_: END(3)); signal.raise_signal(15)",
        f"{MEMORY_HANDLER}; logging.warning('late'); END(3)",
        "import gzip; gzip.open(sys.argv[1] + '.gz', 'w').write(b'all'); END(3)",
        "import tempfile; d = tempfile.TemporaryDirectory(dir='.', prefix='left'); END(3)",
        "import os\nif os.fork() == 0: END(4)\nprint(os.wait()[1]); END(3)",
        "import io; sys.stdout = io.StringIO(); END(3)",
        "atexit.unregister(print); sys.stdout.close(); END(3)",
        "sys.stdout = None; END(3)",
    ],
)
def test_a_program_ends_as_with_sys_exit(tmp_path: Path, program: str) -> None:
    found = []
    for way in ("telemetry", "sys"):
        folder = tmp_path / way
        folder.mkdir()
        source = PROGRAM.replace("garbage = Garbage()", "") + program.replace("END", f"{way}.exit")
        (folder / "program.py").write_text(source)
        done = subprocess.run(
            [sys.executable, "program.py", "uploaded"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(folder)},
            cwd=folder, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        wait_until((folder / "uploaded").exists)
        left = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
        found.append((done.returncode, done.stdout, done.stderr, left))
    del found[0][3]["program.py"], found[1][3]["program.py"]
    assert found[0] == found[1]
    assert "uploaded" in found[0][3]


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
    """What a shell leaves, a build tool's job server."""
    done = run(tmp_path, f"{MUCH}{END}", ["sh", "-c", '"$@" 7</dev/null 8>&1', "sh"])
    assert (done.returncode, done.stdout[-10:]) == (3, "x\nhandler\n")


def test_a_file_that_a_library_in_c_may_have_opened_is_left_to_it(tmp_path: Path) -> None:
    """It does not know of PEP 446: what it opened looks as if it had been handed down."""
    done = run(tmp_path, f"{MUCH}{END}", ["sh", "-c", f'"$@" 7>{tmp_path}/kept', "sh"])
    assert (done.returncode, done.stdout[-12:]) == (3, "taken apart\n")


@pytest.mark.parametrize("closed", [">&-", "<&-"])
def test_a_file_that_took_the_number_of_a_closed_stream_is_written(
    tmp_path: Path, closed: str
) -> None:
    kept = tmp_path / "kept"
    program = f"file = open({str(kept)!r}, 'w'); file.write('all of it'); {END}"
    run(tmp_path, program, ["sh", "-c", f'"$@" {closed}', "sh"])
    assert kept.read_text() == "all of it"


def test_it_ends_also_where_nothing_can_be_loaded_any_more(tmp_path: Path) -> None:
    """An application that has just removed itself."""
    gone = "sys.meta_path.clear(); sys.path_hooks.clear(); sys.path.clear()"
    assert run(tmp_path, f"{gone}; {END}").returncode == 3


@pytest.mark.parametrize(
    "stream",
    [
        "io.TextIOWrapper(sys.stdout.buffer)",
        "io.TextIOWrapper(io.BufferedWriter(sys.stdout.buffer.raw))",
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


@pytest.mark.parametrize("much", [1, 5000, 100_000])
@pytest.mark.parametrize("target", ["/dev/full", "a pipe nobody reads"])
def test_output_that_nobody_takes_ends_as_with_sys_exit(
    tmp_path: Path, target: str, much: int
) -> None:
    """Told once, with its exit code; a stream may throw away what it failed to write."""
    told = "No space left on device" if target.startswith("/") else "Broken pipe"
    found = []
    for way in ("telemetry", "sys"):
        if target.startswith("/"):
            to = os.open(target, os.O_WRONLY)
        else:
            reader, to = os.pipe()
            os.close(reader)
        program = f"atexit.unregister(print); sys.stdout.write('x' * {much}); {way}.exit(3)"
        source = PROGRAM.replace("garbage = Garbage()", "") + program
        done = subprocess.run(
            [sys.executable, "-c", source, str(tmp_path / "uploaded")],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": ""},
            stdout=to, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
        )  # fmt: skip
        os.close(to)
        found.append((done.returncode, done.stderr.count(told)))
    assert found[0] == found[1]
    assert found[0] in [(120, 1), (1, 1)]  # 1: too much to be held back, writing itself failed
