"""A tool with telemetry brings one package: built, installed and run as its users do it."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import backends
import pytest
from support import wait_until

from afterword_sink import LocalSink

pytestmark = pytest.mark.posix("wheels are built where the tools for it are")

ENGINE = Path(__file__).parents[2]
TOOL = """
import sys
from afterword import Event, Flag, Telemetry

telemetry = Telemetry(
    "shipit", version="1.0", connection_string=sys.argv[1], events=[Event("run", success=Flag())]
)


def main() -> None:
    telemetry.turn_on()
    telemetry.record("run", success=True)
    print(sorted(name for name in ("requests", "azure", "opentelemetry") if name in sys.modules))
"""
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "shipit"
version = "1.0"
dependencies = ["afterword"]
[project.scripts]
shipit = "shipit:main"
"""


def pip(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the tool and what it brings; wheels only, and no index."""
    folder = tmp_path_factory.mktemp("tool")
    (folder / "shipit.py").write_text(TOOL)
    (folder / "pyproject.toml").write_text(PROJECT)
    wheels = folder / "wheels"
    for source in (ENGINE, folder):
        pip("wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, source)
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip("--python", python, "install", "-q", "--no-index", "--find-links", wheels, "shipit")
    return python


def test_it_brings_one_package(installed: Path) -> None:
    found = json.loads(pip("--python", installed, "list", "--format", "json"))
    assert {one["name"] for one in found} == {"shipit", "afterword"}


@pytest.mark.parametrize("wire", ["azure", "otlp"])
def test_and_its_event_arrives(installed: Path, sink: LocalSink, wire: str) -> None:
    program = installed.with_name("shipit")
    where = backends.connection_string(wire, sink.endpoint.rstrip("/"))
    done = subprocess.run([program, where], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    wait_until(lambda: sink.stats()["stored"] == 1)
    (event,) = sink.events()
    assert (event["name"], event["customDimensions"]["success"]) == ("run", "True")
