"""Promise 5, unfelt: what an integration loads into a tool of its framework."""

import subprocess
import sys

import pytest
from integrations_tools import source
from support import users_environment

PRINT = """
import sys
{imports}
before = set(sys.modules)
import atexit
atexit.register(lambda: print(*sorted(set(sys.modules) - before), file=sys.stderr))
"""
SMALL = {
    "afterword", "afterword.consent", "afterword.folder", "afterword.telemetry",
    "afterword.integrations", "afterword.integrations.own", "afterword.integrations.run",
    "afterword.integrations.verbs",
    "afterword.outcome",
}  # fmt: skip
ON = {"afterword.buffer", "afterword.schema", "afterword.spawn"}
LOCK = {"afterword.lock"} if sys.platform == "win32" else set()  # there no append is atomic
LOADS = [
    ("click", "import click, click.shell_completion, colorsys"),
    pytest.param(
        "typer",
        "import typer, typer.main",
        marks=pytest.mark.posix("its pydantic_core needs a DLL that Wine 8 lacks"),
    ),
    ("argparse", "import argparse"),
]
"""What the tool loads by itself, which does not count."""


@pytest.mark.parametrize(("framework", "loads"), LOADS)
def test_an_integration_loads_little(framework: str, loads: str) -> None:
    text = source(framework, more=False, plugin=False)

    def loaded(*arguments: str) -> set[str]:
        code = PRINT.format(imports=f"import os, signal, time\n{loads}") + text
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=users_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=30, check=True,
        )  # fmt: skip
        return {name for name in done.stderr.split() if name.startswith("afterword")} | {
            name for name in done.stderr.split() if name in ("json", "dataclasses", "subprocess")
        }

    own = {f"afterword.integrations.{framework}"}
    if framework != "argparse":
        own |= {"afterword.integrations.click", "afterword.integrations.tree"}
    assert loaded("remote", "add") - own <= SMALL
    loaded("telemetry", "on")
    on = loaded("remote", "add")
    assert ON - {"afterword.spawn"} <= on  # it did record
    assert on - own <= SMALL | ON | LOCK
