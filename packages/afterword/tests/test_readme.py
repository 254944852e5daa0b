"""What the README shows works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import Server, wait_until

README = Path(__file__).parents[1] / "README.md"
WHOLE, WITH_CLICK = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.fixture
def variables(server: Server) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return kept | {"GREET_TELEMETRY_CONNECTION_STRING": server.connection_string}


def run(
    text: str, folder: Path, variables: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    path = folder / "greet.py"
    path.write_text(text)
    return subprocess.run(
        [sys.executable, str(path), *arguments],
        env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip


def test_the_first_program(tmp_path: Path, variables: dict[str, str], home: Path) -> None:
    done = run(WHOLE, tmp_path, variables)
    assert (done.stdout, done.stderr, done.returncode) == ("hello, world\n", "", 0)
    assert list(home.iterdir()) == []


def test_the_program_with_click(tmp_path: Path, variables: dict[str, str], server: Server) -> None:
    assert run(WITH_CLICK, tmp_path, variables, "hello").stderr == ""  # not asked: no terminal
    assert run(WITH_CLICK, tmp_path, variables, "telemetry", "on").stdout == "Telemetry is on.\n"
    done = run(WITH_CLICK, tmp_path, variables, "hello")
    assert (done.stdout, done.stderr, done.returncode) == ("hello, world\n", "", 0)
    wait_until(server.events)
    (event,) = server.events()
    assert (event["command"], event["outcome"], event["exit_code"]) == ("hello", "ok", "0")
