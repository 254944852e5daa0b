"""`make frozen`: a packaged tool with telemetry, started every way there is; its event must arrive.

The tool has relative imports and modules named as the standard library's. It has no flag, no file
and no import for the uploader. Its tools (PyInstaller, shiv, pipx, uv, Jupyter) are in an
environment of their own, `.cache/frozen`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from support import Server, wait_until

ROOT = Path(__file__).parents[3]
BIN = ROOT / ".cache" / "frozen" / "bin"
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
Run = Callable[..., None]

CLI = """
import sys

from afterword import Event, Flag, Telemetry
from .logging import WORD
from . import json, queue

telemetry = Telemetry(
    "wares", version="1.0", events=[Event("done", well=Flag())],
    connection_string="InstrumentationKey=00000000-0000-4000-8000-000000000001;"
    "IngestionEndpoint=https://wares.invalid",
)


def main():
    assert WORD == json.WORD == queue.WORD == "ours"
    telemetry.turn_on()
    telemetry.record("done", well=True)
    print("done", *sys.argv[1:])
"""
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "wares"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["afterword"]
[project.scripts]
wares = "wares.cli:main"
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tool's sources."""
    folder = tmp_path_factory.mktemp("source")
    package = folder / "wares"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in ("logging", "json", "queue"):
        (package / f"{name}.py").write_text("WORD = 'ours'\n")
    (package / "cli.py").write_text(CLI)
    (package / "__main__.py").write_text("from .cli import main\n\nmain()\n")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "frozen.py").write_text("from wares.cli import main\n\nmain()\n")
    return folder


@pytest.fixture(scope="module")
def wheels(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of the tool and of the engine."""
    folder = tmp_path_factory.mktemp("wheels")
    for package in (ROOT / "packages" / "afterword", source):
        command = (*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, package)
        subprocess.run(command, check=True, timeout=120)
    return folder


@pytest.fixture
def run(server: Server, home: Path, tmp_path: Path) -> Run:
    """Run the tool as its user would; its event has to arrive."""
    users = tmp_path / "users"
    users.mkdir()
    for name in ("logging", "json", "site"):
        (users / f"{name}.py").write_text("raise SystemExit('a module of the user was imported')")

    def run(command: Sequence[str | os.PathLike[str]], **variables: str) -> None:
        environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "WARES_TELEMETRY_CONNECTION_STRING": server.connection_string,
        }
        done = subprocess.run(
            command, cwd=users, env=environment | variables, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until(server.events, 60)
        assert [event["well"] for event in server.events()] == ["True"]
        data = home / ".local/share/wares"
        wait_until(lambda: not list(data.glob("telemetry-upload.lock")), 30)
        assert not list(data.glob("telemetry-started"))

    return run


def tool(program: str) -> str:
    """A program of the environment in `.cache/frozen`."""
    path = BIN / program
    assert path.exists(), "run `make frozen`"
    return str(path)


def make(
    command: Sequence[str | os.PathLike[str]], folder: Path, more: Mapping[str, str] | None = None
) -> None:
    variables = {"HOME": str(folder), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=240, check=False,
        env=variables | dict(more or {}),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["--onedir", "--onefile"])
def test_pyinstaller(kind: str, source: Path, run: Run, tmp_path: Path) -> None:
    engine = ROOT / "packages" / "afterword" / "src"
    paths = ("--paths", engine, "--paths", source)
    where = ("--distpath", tmp_path, "--workpath", tmp_path / "work", "--specpath", tmp_path)
    make(
        (tool("pyinstaller"), kind, "--name", "wares", "--log-level", "ERROR", *paths, *where,
         source / "frozen.py"),
        tmp_path,
    )  # fmt: skip
    program = tmp_path / "wares" / "wares" if kind == "--onedir" else tmp_path / "wares"
    run([program], TMPDIR=str(tmp_path))
    wait_until(lambda: not list(tmp_path.glob("_MEI*")), 30)  # it tidied up behind itself


def test_shiv(wheels: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "wares.pyz"
    make(
        (tool("shiv"), "-o", out, "-e", "wares.cli:main", "-p", sys.executable, "--no-index",
         "--no-deps", *sorted(wheels.glob("*.whl"))),
        tmp_path,
    )  # fmt: skip
    run([out])


def test_pip(wheels: Path, run: Run, tmp_path: Path) -> None:
    make((sys.executable, "-m", "venv", "--without-pip", "environment"), tmp_path)
    python = tmp_path / "environment" / "bin" / "python"
    make(
        (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index",
         "--find-links", wheels, "wares"),
        tmp_path,
    )  # fmt: skip
    run([python.parent / "wares"])


def test_pipx(wheels: Path, run: Run, tmp_path: Path) -> None:
    find = f"--no-index --find-links {wheels}"
    make(
        (tool("pipx"), "install", "--python", sys.executable, "--pip-args", find, "wares"),
        tmp_path,
        {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")},
    )
    run([tmp_path / "bin" / "wares"])


def test_uv_tool(wheels: Path, run: Run, tmp_path: Path) -> None:
    make(
        (tool("uv"), "tool", "install", "--quiet", "--no-index", "--find-links", wheels,
         "--python", sys.executable, "wares"),
        tmp_path,
        {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
         "UV_CACHE_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    run([tmp_path / "bin" / "wares"])


def test_jupyter(source: Path, run: Run, tmp_path: Path) -> None:
    """A notebook, run by a real kernel; the event leaves when the kernel ends."""
    code = "import wares.cli\nwares.cli.main()\n"
    cell: dict[str, object] = {
        "cell_type": "code",
        "source": code,
        "metadata": {},
        "outputs": [],
        "id": "a",
    }
    cell |= {"execution_count": 1}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps(notebook))
    engine = ROOT / "packages" / "afterword" / "src"
    run(
        [tool("jupyter"), "execute", "--kernel_name=python3", path],
        PYTHONPATH=f"{source}{os.pathsep}{engine}",
        PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}",
    )
