"""Promise 1, asked first: when an integration asks by itself, and when it does not."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from integrations_tools import PLUGINS, SOURCES, source
from support import needs

if sys.platform != "win32":
    import fcntl
    import pty
    import termios

pytestmark = [
    pytest.mark.posix("a terminal"),
    needs("setsid"),
]


class Tool:
    """One tool with telemetry, on a terminal of its own."""

    def __init__(self, framework: str, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        (folder / "plug.py").write_text(PLUGINS[framework])
        (folder / "tool.py").write_text(source(framework, with_telemetry=True))

    def run(
        self,
        arguments: str,
        *,
        types: str = "",
        piped: bool = False,
        columns: int = 0,
        variables: Mapping[str, str] | None = None,
    ) -> tuple[int, bool, str]:
        """Exit code, was it asked, all that the terminal showed."""
        ours, theirs = pty.openpty()
        if columns:
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", sys.executable, "tool.py", *arguments.split()],
            cwd=self.folder,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], "COLUMNS": "80"}
            | dict(variables or {}),
            stdin=theirs,
            stdout=subprocess.PIPE if piped else theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        typed = False
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break
            shown += part
            if b"[y/N]" in shown and not typed:
                os.write(ours, types.encode())
                typed = True
        process.communicate(timeout=30)
        os.close(ours)
        return process.returncode, typed, shown.decode()

    def state(self) -> dict[str, object] | None:
        """What is kept of the answer; None if nothing is."""
        path = self.home / ".local/share/tool/telemetry.json"
        found: dict[str, object] | None = json.loads(path.read_text()) if path.exists() else None
        return found


@pytest.fixture(params=list(SOURCES))
def tool(request: pytest.FixtureRequest, tmp_path: Path, home: Path) -> Tool:
    return Tool(request.param, tmp_path, home)


def test_the_first_command_of_a_person_asks(tool: Tool) -> None:
    code, asked, shown = tool.run("remote add", types="y\n")
    assert (code, asked) == (0, True)
    assert shown.index("[y/N]") < shown.index("added")  # before the command does its work
    for said in ("A command has ended", "WHERE", "MORE", "tool telemetry off"):
        assert said in shown
    state = tool.state()
    assert state is not None
    assert state["consentGiven"] is True
    assert "command.outcome:word" in str(state["agreed"])
    events = (tool.home / ".local/share/tool/telemetry-events.jsonl").read_text()
    assert '"command":"remote add"' in events  # what was agreed to is recorded from now on
    assert tool.run("remote add")[:2] == (0, False)


@pytest.mark.parametrize("tool", ["argparse"], indirect=True)
@pytest.mark.parametrize("columns", [50, 200])
def test_the_question_is_as_wide_as_the_terminal(tool: Tool, columns: int) -> None:
    shown = tool.run("remote add", types="n\n", columns=columns)[2]
    longest = max(len(line) for line in shown.splitlines())
    assert longest <= (min(columns, 80))


@pytest.mark.parametrize("types", ["\n", "n\n", "\x04"], ids=["Enter", "n", "Ctrl-D"])
def test_a_no_is_kept(tool: Tool, types: str) -> None:
    assert tool.run("remote add", types=types)[:2] == (0, True)
    state = tool.state()
    assert state is not None
    assert state["consentGiven"] is False
    assert tool.run("remote add")[:2] == (0, False)


def test_ctrl_c_stops_the_command_and_answers_nothing(tool: Tool) -> None:
    code, asked, shown = tool.run("remote add", types="\x03")
    assert (code in (1, 130), asked) == (True, True)
    assert "added" not in shown
    assert "Traceback" not in shown
    assert tool.state() is None


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        ("--help", {}),
        ("remote add --help", {}),
        ("remote nonsense", {}),
        ("telemetry status", {}),
        ("remote add", {"CI": "1"}),
        ("remote add", {"CLAUDECODE": "1"}),
        ("remote add", {"DO_NOT_TRACK": "1"}),
        ("remote add", {"TOOL_TELEMETRY": "0"}),
    ],
)
def test_nobody_is_asked(tool: Tool, arguments: str, variables: dict[str, str]) -> None:
    assert tool.run(arguments, types="y\n", variables=variables)[1] is False
    assert tool.state() is None


@pytest.mark.parametrize("tool", ["click"], indirect=True)
def test_a_shell_that_asks_how_to_complete_is_not_asked(tool: Tool) -> None:
    code, asked, shown = tool.run("", types="y\n", variables={"_TOOL_PY_COMPLETE": "bash_source"})
    assert (code, asked, "complete" in shown) == (0, False, True)


def test_nobody_is_asked_whose_output_goes_on_to_another_program(tool: Tool) -> None:
    assert tool.run("remote add", types="y\n", piped=True)[1] is False
    assert tool.state() is None
