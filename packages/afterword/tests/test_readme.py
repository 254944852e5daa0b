"""What the README shows works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import Server, wait_until

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
WITH_CLICK, WITH_ARGPARSE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def variables(server: Server) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return kept | {"SHIPIT_TELEMETRY_CONNECTION_STRING": server.connection_string}


def run(
    text: str, folder: Path, variables: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    path = folder / "shipit.py"
    path.write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, str(path), *arguments],
        env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("text", [WITH_CLICK, WITH_ARGPARSE], ids=["click", "argparse"])
def test_the_programs(
    text: str, tmp_path: Path, variables: dict[str, str], home: Path, server: Server
) -> None:
    done = run(text, tmp_path, variables, "send")
    assert (done.stdout, done.stderr, done.returncode) == ("It is on its way.\n", "", 0)
    assert list(home.iterdir()) == []  # nobody has said yes
    assert run(text, tmp_path, variables, "telemetry", "on").stdout == "Telemetry is on.\n"
    run(text, tmp_path, variables, "send")
    assert "command=send outcome=ok" in run(text, tmp_path, variables, "telemetry", "show").stdout
    wait_until(server.events)
    (event,) = server.events()
    assert (event["command"], event["outcome"], event["exit_code"]) == ("send", "ok", "0")
