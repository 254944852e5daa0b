"""`telemetry.run(main)` alone, for a tool of any other framework, or of none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import users_environment

TOOL = """
import sys
import afterword
telemetry = afterword.Telemetry(
    "plain", version="1.0", uploader=(),
    connection_string="InstrumentationKey=00000000-0000-4000-8000-000000000001;"
    "IngestionEndpoint=https://plain.example",
    notice=afterword.Notice(where="WHERE", more="MORE"),
)
def main():
    if sys.argv[1:] == ["fails"]: raise LookupError("secret")
    if sys.argv[1:] == ["returns"]: return 5
    print("done", *sys.argv[1:])
sys.exit(telemetry.run(main))
"""


@pytest.mark.parametrize(
    ("arguments", "code", "outcome"),
    [("x", 0, "ok"), ("fails", 1, "failed"), ("returns", 5, "failed")],
)
def test_a_run(tmp_path: Path, home: Path, arguments: str, code: int, outcome: str) -> None:
    (tmp_path / "plain.py").write_text(TOOL)

    def run(*said: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "plain.py", *said],
            cwd=tmp_path, env=users_environment(),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    assert run("--telemetry", "on").stdout == "Telemetry is on.\n"
    assert run(arguments).returncode == code
    line = (home / ".local/share/plain/telemetry-events.jsonl").read_text()
    event = json.loads(line)
    assert (event["command"], event["outcome"], event["exitCode"]) == ("plain", outcome, code)
    assert run("--telemetry", "nonsense").stdout == "done --telemetry nonsense\n"  # its own
