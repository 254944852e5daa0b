"""Promise 5, unfelt: what runs in every command loads next to nothing. A list, so it stays so."""

import subprocess
import sys
from pathlib import Path

import pytest

ALLOWED = {
    "afterword", "afterword.buffer", "afterword.consent", "afterword.folder", "afterword.schema",
    "afterword.spawn", "afterword.telemetry",
    # in the interpreter itself, nothing to load
    "atexit", "_thread", "itertools",
}  # fmt: skip

APPLICATION = """
import sys
before = set(sys.modules)
from afterword import Event, OneOf, Telemetry
t = Telemetry("app", version="1", events=[Event("e", w=OneOf("a"))], connection_string="x",
              uploader=[sys.executable, "-c", "pass"])
{body}
t.start_upload()
print(*sorted(set(sys.modules) - before))
"""


def loaded(body: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", APPLICATION.format(body=body)],
        capture_output=True, text=True, check=True, timeout=30,
        env={"HOME": str(Path.home())},
    )  # fmt: skip
    return set(done.stdout.split())


def test_the_hot_half_loads_nothing_beyond_the_list() -> None:
    subprocess.run(
        [sys.executable, "-c", APPLICATION.format(body="t.turn_on()")],
        check=True, env={"HOME": str(Path.home())}, capture_output=True,
    )  # fmt: skip
    modules = loaded("t.record('e', w='a')")
    assert modules <= ALLOWED
    assert "afterword.buffer" in modules  # it did record
    assert "afterword.spawn" in modules  # and start


def test_the_end_loads_one_room_more() -> None:
    """And is reached: what stands in for `os._exit` prints here."""
    modules = loaded(
        "import os; os._exit = lambda code: print(*set(sys.modules) - before); t.exit()"
    )
    assert modules - ALLOWED == {"afterword.ending"}


def test_off_loads_not_even_the_buffer() -> None:
    modules = loaded("t.record('e', w='a')")
    assert "afterword.telemetry" in modules
    assert not modules & {"afterword.buffer", "afterword.lock", "afterword.spawn", "atexit"}


@pytest.mark.parametrize("module", ["afterword.control", "afterword.upload.run"])
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
