"""The event `command`: the same tool with telemetry and without, over every way to end.

Exit code and output are the same, and the row says what happened.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from integrations_tools import PLUGINS, SOURCES, source

pytestmark = pytest.mark.posix("signals, and pipes that nobody reads")
FRAMEWORKS = list(SOURCES)
HELP = "help: no row"

# arguments, then what the row says: command, outcome, exit code (None: as the process has it)
CASES: list[tuple[str, str, str, int | None]] = [
    ("remote add", "remote add", "ok", 0),
    ("remote rm", "remote remove", "ok", 0),
    ("fails", "fails", "failed", 1),
    ("raises", "raises", "failed", 1),
    ("exits", "exits", "failed", 3),
    ("says", "says", "failed", 1),
    ("leaves", "leaves", "failed", 4),
    ("interrupted", "interrupted", "interrupted", None),
    ("lines", "lines", "broken_pipe", None),
    ("prints", "prints", "broken_pipe", 120),
    ("remote add --nonsense", "remote add", "usage_error", 2),
    ("remote nonsense", "remote", "usage_error", 2),
    ("nonsense", "tool", "usage_error", 2),
    ("remote add --help", HELP, "", 0),
    ("terminated", "terminated: no row", "", None),
]
UNREAD = ("lines", "prints")
"""Commands whose output nobody takes."""


class Tool:
    """The tool with telemetry and without, in folders of their own."""

    def __init__(self, framework: str, folder: Path, home: Path) -> None:
        self.framework = framework
        self.data = home / ".local/share/tool"
        self.environment = {"HOME": str(home), "PATH": os.environ["PATH"], "COLUMNS": "80"}
        site = folder / "site-packages"
        site.mkdir()
        (site / "plug.py").write_text(PLUGINS[framework])
        self.environment["PYTHONPATH"] = str(site)
        for name, telemetry in (("with", True), ("without", False)):
            (folder / name).mkdir()
            (folder / name / "tool.py").write_text(source(framework, with_telemetry=telemetry))
        self.folder = folder

    def run(
        self, arguments: str, *, telemetry: bool = True, read: bool = True
    ) -> tuple[int, str, str]:
        """Exit code, stdout, stderr; `read`: somebody takes the output."""
        folder = self.folder / ("with" if telemetry else "without")
        reading, writing = os.pipe()
        if not read:
            os.close(reading)
        process = subprocess.Popen(
            [sys.executable, "tool.py", *arguments.split()],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(writing)
        out = ""
        if read:
            with os.fdopen(reading) as file:
                out = file.read()
        _, complaint = process.communicate(timeout=30)
        return process.returncode, out, complaint.replace(str(folder), "FOLDER")

    def rows(self) -> list[dict[str, Any]]:
        """The events recorded, oldest first."""
        try:
            text = (self.data / "telemetry-events.jsonl").read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(params=FRAMEWORKS)
def tool(request: pytest.FixtureRequest, tmp_path: Path, home: Path) -> Tool:
    return Tool(request.param, tmp_path, home)


def without_our_frames(text: str) -> str:
    """A traceback without the two frames of `telemetry.run`, which the application calls."""
    kept: list[str] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if lines[at].startswith("  File ") and (
            "afterword" in lines[at] or "<module>" in lines[at]
        ):
            at += 1
            while at < len(lines) and lines[at].startswith("    "):
                at += 1
            continue
        kept.append(lines[at])
        at += 1
    return "\n".join(kept)


def same(framework: str, one: tuple[int, str, str], other: tuple[int, str, str]) -> bool:
    if framework == "argparse":  # its traceback runs through `telemetry.run`; it lists commands
        one = (one[0], one[1], without_our_frames(one[2].replace(", 'telemetry'", "")))
        other = (other[0], other[1], without_our_frames(other[2]))
    return one == other


@pytest.mark.timeout(180)
def test_every_ending_is_what_it_is_without_telemetry(tool: Tool) -> None:
    assert tool.run("telemetry on")[0] == 0
    for arguments, command, outcome, code in CASES:
        read = arguments not in UNREAD
        before = len(tool.rows())
        plain = tool.run(arguments, telemetry=False, read=read)
        told = tool.run(arguments, read=read)
        assert same(tool.framework, told, plain), arguments
        if not outcome:
            assert len(tool.rows()) == before, command
            continue
        (row,) = tool.rows()[before:]
        assert (row["command"], row["outcome"]) == (command, outcome), arguments
        ended = told[0] if told[0] >= 0 else 128 - told[0]  # as a shell tells it
        assert row["exitCode"] == (ended if code is None else code) == ended, arguments


def test_what_can_be_asked_for_besides(tool: Tool) -> None:
    """Names of options that were given on the command line, no values; an error's class."""
    tool.run("telemetry on")
    tool.environment |= {"TOKEN": "secret", "CLAUDECODE": "yes"}
    tool.run("remote --where /a --where /secret/place add -f")
    del tool.environment["CLAUDECODE"]
    tool.run("raises")
    first, second = tool.rows()
    assert sorted(first["options"]) == ["force", "where"]
    assert (first["agent"], second["agent"]) == ("claude", "none")
    assert second["error"] == "LookupError"
    assert "error" not in first
    assert first["install"] == "source"
    assert first["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert first["terminal"] is False
    assert first["duration"] in ("<100ms", "100ms-1s", "1s-10s", "10s-1min")
    assert "secret" not in json.dumps(tool.rows())


def test_a_plugins_name_is_not_told(tool: Tool) -> None:
    """Nor that of a group of its own, which has no function by which it could be known."""
    tool.run("telemetry on")
    assert tool.run("plugin") == (0, "plugged\n", "")
    assert tool.run("internal plugin") == (0, "plugged\n", "")
    assert [row["command"] for row in tool.rows()] == ["other", "other"]
    told = json.loads(tool.run("telemetry schema --json")[1])["events"][0]["fields"][0]["words"]
    assert [word for word in told if "plugin" in word] == []


def test_off_nothing_is_written(tool: Tool, home: Path) -> None:
    plain = tool.run("remote add", telemetry=False)
    assert tool.run("remote add") == plain
    assert list(home.iterdir()) == []


def test_the_commands_of_a_person(tool: Tool) -> None:
    assert tool.run("telemetry on")[1] == "Telemetry is on.\n"
    tool.run("remote add")
    code, out, _ = tool.run("telemetry show")
    assert (code, "command=remote add outcome=ok exit_code=0" in out) == (0, True)
    assert json.loads(tool.run("telemetry status --json")[1])["waiting"]["events"] == 1
    (event,) = json.loads(tool.run("telemetry schema --json")[1])["events"]
    assert set(event["fields"][0]["words"]) == {
        "remote", "remote add", "remote remove", "fails", "raises", "exits", "says", "leaves",
        "aborts", "interrupted", "lines", "prints", "terminated", "tool", "other",
    }  # fmt: skip
    assert tool.run("telemetry reset")[1].startswith("Deleted: 1 event")
    assert tool.run("telemetry nonsense")[0] == 2
    assert tool.run("telemetry off")[1].startswith("Telemetry is off.")
    assert tool.rows() == []  # none of these is an event


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_the_applications_own(tool: Tool, number: signal.Signals) -> None:
    """The engine installs no handler."""
    name = "interrupted" if number == signal.SIGINT else "terminated"
    tool.run("telemetry on")
    assert tool.run(name)[0] == tool.run(name, telemetry=False)[0]
