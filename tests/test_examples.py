"""Each example: packed, installed into a fresh environment, driven on a terminal, up to its row."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import wait_until
from terminals import Terminal

from afterword_sink import LocalSink

ROOT = Path(__file__).parents[1]
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's wheel."""
    return wheel(ROOT / "packages" / "afterword", tmp_path_factory.mktemp("engine"))


def wheel(package: Path, folder: Path) -> Path:
    command = (*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, package)
    subprocess.run(command, check=True, timeout=60)
    (built,) = folder.glob("*.whl")
    return built


def install(folder: Path, *wheels: Path) -> Path:
    """A fresh environment with these in it; click and Typer are those of the tests."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    command = (PIP[0], "-m", "pip", "--python", python, *PIP[3:], "install", "--no-index")
    subprocess.run((*command, "--no-deps", *wheels), check=True, timeout=60)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "frameworks.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


@pytest.fixture
def sink() -> Iterator[LocalSink]:
    with LocalSink() as running:
        yield running


EXAMPLES = {
    "click": ("shelf", ["add", "Moby Dick", "--top"], ["loan", "give", "nothing"]),
    "typer": ("larder", ["put", "plums", "--jars", "2"], ["take", "figs"]),
    "argparse": ("tally", ["l", "pyproject.toml"], ["lines", "nothing"]),
}
ROWS = {
    "click": [("add", "ok", "0"), ("loan give", "failed", "1")],
    "typer": [("put", "ok", "0"), ("take", "failed", "1")],
    "argparse": [("lines", "ok", "0"), ("lines", "failed", "1")],
}


@pytest.mark.posix("a terminal")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("framework", EXAMPLES)
def test_an_example(  # noqa: PLR0917  # a case and its fixtures
    framework: str, engine: Path, sink: LocalSink, tmp_path: Path, home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    name, works, fails = EXAMPLES[framework]
    built = wheel(ROOT / "examples" / framework, tmp_path / "wheels")
    programs = install(tmp_path / "environment", engine, built)
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "pyproject.toml").write_text("one\ntwo\n")
    monkeypatch.chdir(tmp_path / "users")
    variables = {
        f"{name.upper()}_TELEMETRY_CONNECTION_STRING": sink.connection_string,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PYTEST_CURRENT_TEST": "",
        "PYTEST_VERSION": "",
    }
    first = Terminal(name, *works, **variables)
    first.wait_for(r"Share usage data\? \[y/N\]")
    assert f"{name}: may it send usage data?" in first.text()
    first.type("y\n")
    assert first.end() == 0
    second = Terminal(name, *fails, **variables)
    assert second.end() == 1
    assert "y/N" not in second.text()

    def rows() -> list[tuple[str, str, str]]:
        told = [event["customDimensions"] for event in sink.events() if event["name"] == "command"]
        return sorted((row["command"], row["outcome"], row["exit_code"]) for row in told)

    wait_until(lambda: len(rows()) == len(ROWS[framework]), 60)
    assert rows() == sorted(ROWS[framework])
    status = Terminal(name, "telemetry", "status", **variables)
    assert status.end() == 0
    assert "Telemetry     on since" in status.text()
