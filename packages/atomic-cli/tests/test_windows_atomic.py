"""`atomic` on Windows, from init to uninstall, as a program of its own with drive letters in paths.

`make test-windows` runs it, under Wine; nothing else collects it.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from atomic_support import Event, Run, claude_command, claude_end, tree
from support import Server, wait_until

EVERY = ("--agent", "claude", "--agent", "copilot", "--agent", "opencode")


def test_a_project_is_set_up_and_left_as_it_was(atomic: Run, project: Path) -> None:
    own = project / "CLAUDE.md"
    own.write_bytes(b"# Ours\r\n\r\nWith Windows' line ends.\r\n")
    before = tree(project)
    assert atomic("init", "--yes", *EVERY).returncode == 0
    assert len(tree(project)) > len(before) + 10
    assert own.read_bytes() == b"# Ours\r\n\r\nWith Windows' line ends.\r\n"
    assert atomic("init", "--yes", *EVERY).returncode == 0
    assert atomic("uninstall", "--yes").returncode == 0
    assert tree(project) == before


def test_settings_with_windows_line_ends_are_merged_and_given_back(
    atomic: Run, project: Path
) -> None:
    settings = project / ".claude" / "settings.json"
    settings.parent.mkdir()
    text = b'{\r\n  "permissions": {\r\n    "allow": ["Bash(dir C:\\\\temp)"]\r\n  }\r\n}\r\n'
    settings.write_bytes(text)
    assert atomic("init", "--yes", "--agent", "claude").returncode == 0
    merged = json.loads(settings.read_bytes())
    assert merged["permissions"] == {"allow": ["Bash(dir C:\\temp)"]}
    assert merged["hooks"]
    assert atomic("uninstall", "--yes").returncode == 0
    assert settings.read_bytes() == text


def test_from_the_hook_to_the_service(
    atomic: Run, project: Path, folder: Path, agreed: None, uploading: Server
) -> None:
    """The data lies under %LOCALAPPDATA%, and the uploader is a process of its own."""
    place = {"cwd": str(project), "transcript_path": "C:\\Users\\me\\.claude\\38c4.jsonl"}
    for said in (claude_command("s1", "commit"), claude_end("s1")):
        payload = json.dumps({**json.loads(said), **place})
        done = atomic("hook", "claude", stdin=payload)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    wait_until(
        lambda: [one for one in uploading.events() if one.get("agent_type") == "claude"], 120
    )
    sent = "".join(request.body.decode() for request in uploading.requests)
    for named in (os.environ["USERPROFILE"], "38c4", str(project), "s1"):
        assert json.dumps(named)[1:-1] not in sent


def test_on_status_and_off(atomic: Run, folder: Path) -> None:
    assert atomic("telemetry", "on").returncode == 0
    told = json.loads(atomic("telemetry", "status", "--json").stdout)
    assert told["on"] is True
    assert told["folder"] == str(folder)
    assert atomic("telemetry", "off").returncode == 0
    assert json.loads(atomic("telemetry", "status", "--json").stdout)["on"] is False


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii", "utf-8"])
@pytest.mark.parametrize("command", [["telemetry", "status"], ["telemetry", "schema"], ["--help"]])
def test_any_console_can_show_it(atomic: Run, encoding: str, command: list[str]) -> None:
    done = atomic(*command, variables={"PYTHONIOENCODING": encoding, "NO_COLOR": "1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout


def test_a_policy_of_the_machine_is_heeded(
    atomic: Run, agreed: None, events: Callable[[], list[Event]]
) -> None:
    policy = Path(os.environ["PROGRAMDATA"]) / "atomic" / "telemetry.json"
    policy.parent.mkdir(parents=True)
    policy.write_text('{"enabled": false}')
    told = json.loads(atomic("telemetry", "status", "--json").stdout)
    assert (told["on"], told["cause"]) == (False, "policy")


def test_the_program_can_be_removed_while_its_uploader_runs(
    atomic: Run, agreed: None, uploading: Server, tmp_path: Path
) -> None:
    """Its uploader is Python and not `atomic.exe`, which is free once the command has ended."""
    from atomic_support import ATOMIC
    from support import Answer

    uploading.script = lambda _number, _request: Answer(hang=True)
    assert atomic("hook", "claude", stdin=claude_command("s1", "commit")).returncode == 0
    assert atomic("hook", "claude", stdin=claude_end("s1")).returncode == 0
    wait_until(lambda: uploading.requests, 60)
    moved = tmp_path / "atomic.exe"
    os.rename(ATOMIC, moved)
    os.rename(moved, ATOMIC)
    assert subprocess.run([ATOMIC, "--version"], check=True, timeout=60).returncode == 0
