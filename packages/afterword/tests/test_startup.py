"""Promise 5, unfelt: what a command loads. The list keeps the startup path short."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src" / "afterword"
ALLOWED = {
    "afterword", "afterword.buffer", "afterword.consent", "afterword.folder", "afterword.schema",
    "afterword.spawn", "afterword.telemetry",
    # in the interpreter itself, nothing to load
    "atexit", "_thread", "itertools",
}  # fmt: skip
if sys.platform == "win32":  # no append is atomic there, so the lock is always taken
    ALLOWED |= {"afterword.lock", "msvcrt", "_winapi"}

APPLICATION = """
import sys
before = set(sys.modules)
from afterword import Event, OneOf, Telemetry
to = "InstrumentationKey=00000000-0000-4000-8000-000000000001;IngestionEndpoint=https://127.0.0.1"
t = Telemetry("app", version="1", events=[Event("e", w=OneOf("a"))], connection_string=to,
              uploader=[sys.executable, "-c", "pass"])
{body}
t.start_upload()
print(*sorted(set(sys.modules) - before))
"""


def environment() -> dict[str, str]:
    """The test's own, which is nearly empty, without the sign of a test."""
    return {name: value for name, value in os.environ.items() if "PYTEST" not in name}


def loaded(body: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", APPLICATION.format(body=body)],
        capture_output=True, text=True, check=True, timeout=30,
        env=environment(),
    )  # fmt: skip
    return set(done.stdout.split())


def is_at_the_top(module: str) -> bool:
    """Does the module stand at the top of the package, and not in a folder?"""
    return (SOURCES / f"{module.removeprefix('afterword.')}.py").is_file() or module == "afterword"


def turn_on() -> None:
    subprocess.run(
        [sys.executable, "-c", APPLICATION.format(body="t.turn_on()")],
        check=True, env=environment(), capture_output=True, timeout=30,
    )  # fmt: skip


def test_a_command_that_records_loads_nothing_beyond_the_list() -> None:
    turn_on()
    modules = loaded("t.record('e', w='a')")
    assert modules <= ALLOWED
    assert "afterword.buffer" in modules  # it did record
    assert "afterword.spawn" in modules  # and start


@pytest.mark.parametrize("on", [True, False])
def test_no_folder_is_loaded_by_a_command_that_records(on: bool) -> None:
    if on:
        turn_on()
    modules = loaded("t.record('e', w='a')")
    ours = {module for module in modules if module.partition(".")[0] == "afterword"}
    assert "afterword.telemetry" in ours
    assert [module for module in ours if not is_at_the_top(module)] == []


def test_off_loads_not_even_the_buffer() -> None:
    modules = loaded("t.record('e', w='a')")
    assert "afterword.telemetry" in modules
    assert not modules & {"afterword.buffer", "afterword.lock", "afterword.spawn"}


@pytest.mark.parametrize("module", ["afterword.control.report", "afterword.upload.run"])
def test_the_core_needs_the_standard_library_only(module: str) -> None:
    code = f"""
import sys
class No:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top != "afterword":
            raise ImportError(name)
sys.meta_path.insert(0, No())
import {module}
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
