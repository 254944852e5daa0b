"""What `init` installs, run as the agents run it: by their shells and runtimes, not by us."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atomic_support as payloads
import pytest
from atomic_support import Event, Run, environment, tree

from atomic.agents import installation

Events = Callable[[], list[Event]]


def claude_hooks() -> dict[str, str]:
    """The shell command of each of Claude's events."""
    return {
        entry.event: entry.command
        for entry in installation(["claude"]).hooks[".claude/settings.json"]
    }


def copilot_hooks() -> dict[str, str]:
    text = installation(["copilot"]).files[".github/hooks/atomic-telemetry.json"]
    return {event: hooks[0]["bash"] for event, hooks in json.loads(text)["hooks"].items()}


def shell(command: str, stdin: str, program: str = "sh", **variables: str) -> None:
    """Run a hook's command, which says nothing and ends with 0."""
    ended = subprocess.run(
        [program, "-c", command], input=stdin, env=environment(variables),
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


SHELLS = [name for name in ("sh", "dash", "bash", "zsh") if shutil.which(name)]


@pytest.mark.parametrize("program", SHELLS)
def test_the_commands_count(program: str, atomic: Run, agreed: None, events: Events) -> None:
    shell(claude_hooks()["UserPromptExpansion"], payloads.claude_command("38c4", "commit"), program)
    shell(claude_hooks()["SessionEnd"], payloads.claude_end("38c4"), program)
    prompt = payloads.copilot_command("f414", "explain-code")
    shell(copilot_hooks()["userPromptSubmitted"], prompt, program)
    shell(copilot_hooks()["sessionEnd"], payloads.copilot_end("f414"), program)
    assert [(event["agentType"], event["commands"]) for event in events()] == [
        ("claude", ["commit"]),
        ("copilot", ["explain-code"]),
    ]


@pytest.mark.parametrize("program", SHELLS)
def test_without_atomic_they_are_silent_and_harmless(program: str, home: Path) -> None:
    for hooks in (claude_hooks(), copilot_hooks()):
        for command in hooks.values():
            shell(command, payloads.claude_end("38c4"), program, PATH="/usr/bin:/bin")
    assert tree(home) == tree(Path.cwd()) == {}


def test_another_program_of_that_name_is_not_heard(
    program: Callable[[str, str], Path],
) -> None:
    """Red Hat had an `atomic` of its own."""
    program("atomic", "echo usage: atomic; echo error >&2; exit 2")
    for hooks in (claude_hooks(), copilot_hooks()):
        for command in hooks.values():
            shell(command, "{}")


def test_the_commands_for_powershell_know_no_shell_operators() -> None:
    """Windows PowerShell 5.1 has neither `&&` nor `||`; Claude's command is one for all shells."""
    text = installation(["copilot"]).files[".github/hooks/atomic-telemetry.json"]
    commands = [hooks[0]["powershell"] for hooks in json.loads(text)["hooks"].values()]
    for command in [*claude_hooks().values(), *commands]:
        assert "&&" not in command
        assert "||" not in command
        assert command.endswith("; exit 0")


def test_both_levels_of_claudes_hooks_are_there(atomic: Run, project: Path) -> None:
    atomic("init", "-a", "claude", "-y")
    hooks = json.loads((project / ".claude/settings.json").read_text())["hooks"]
    for event in ("UserPromptExpansion", "SessionEnd"):
        (group,) = hooks[event]
        (hook,) = group["hooks"]
        assert (hook["type"], hook["timeout"]) == ("command", 5)


# The plugin, in Node: it has no types, so that it is JavaScript as well.

DRIVER = """
import {{ AtomicTelemetry }} from {plugin!r}
const calls = {calls}
const parents = {parents}
const asked = []
const client = {{ session: {{ get: async ({{ path }}) => {{
  asked.push(path.id)
  if (!(path.id in parents)) throw new Error("no such session")
  return {{ data: {{ id: path.id, parentID: parents[path.id] ?? undefined }} }}
}} }} }}
const hooks = await AtomicTelemetry({{ client }})
for (const [name, input] of calls) await hooks[name](input, {{ parts: [] }})
await hooks.dispose()
console.log(JSON.stringify(asked))
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., list[str]]:
    """Load the plugin, call its hooks one after the other, and dispose of it."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    source = installation(["opencode"]).files[".opencode/plugins/atomic-telemetry.ts"]
    (tmp_path / "plugin.mjs").write_text(source)

    def run(
        calls: list[tuple[str, Any]], parents: dict[str, str | None], **variables: str
    ) -> list[str]:
        (tmp_path / "driver.mjs").write_text(
            DRIVER.format(
                plugin=str(tmp_path / "plugin.mjs"),
                calls=json.dumps(calls),
                parents=json.dumps(parents),
            )
        )
        ended = subprocess.run(
            ["node", str(tmp_path / "driver.mjs")],
            env=environment(variables), capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert (ended.returncode, ended.stderr) == (0, "")
        asked = json.loads(ended.stdout)
        assert isinstance(asked, list)
        return asked

    return run


Plugin = Callable[..., list[str]]


def used(session: str, command: str) -> tuple[str, Any]:
    given = {"command": command, "sessionID": session, "arguments": "secret text"}
    return "command.execute.before", given


def test_opencode_sessions_are_kept_apart(plugin: Plugin, agreed: None, events: Events) -> None:
    plugin(
        [used("ses_1", "commit"), used("ses_2", "create-spec"), used("ses_1", "commit"),
         used("ses_3", "theirs"), used("ses_2", "commit")],
        {"ses_1": None, "ses_2": None, "ses_3": None},
    )  # fmt: skip
    assert sorted(sorted(event["commands"]) for event in events()) == [
        ["commit", "commit"],
        ["commit", "create-spec"],
    ]


def test_a_sub_agents_session_counts_for_its_parent(
    plugin: Plugin, agreed: None, events: Events
) -> None:
    asked = plugin(
        [used("ses_1", "commit"), used("ses_child", "explain-code"), used("ses_grand", "commit")],
        {"ses_1": None, "ses_child": "ses_1", "ses_grand": "ses_child"},
    )
    (event,) = events()
    assert sorted(event["commands"]) == ["commit", "commit", "explain-code"]
    assert len(asked) == len(set(asked)) == 3


def test_a_session_that_was_announced_is_not_asked_about(
    plugin: Plugin, agreed: None, events: Events
) -> None:
    created = {"type": "session.created", "properties": {"info": {"id": "ses_1"}}}
    child = {"type": "session.created", "properties": {"info": {"id": "c", "parentID": "ses_1"}}}
    other = {"type": "session.idle", "properties": {"sessionID": "ses_1"}}
    calls = [("event", {"event": event}) for event in (created, child, other)]
    assert plugin([*calls, used("c", "commit")], {}) == []
    assert [event["commands"] for event in events()] == [["commit"]]


def test_a_server_that_does_not_answer_costs_nothing(
    plugin: Plugin, agreed: None, events: Events
) -> None:
    plugin([used("ses_1", "commit")], {})
    assert [event["commands"] for event in events()] == [["commit"]]


def test_without_atomic_the_plugin_is_silent_and_harmless(plugin: Plugin, home: Path) -> None:
    node = os.path.dirname(str(shutil.which("node")))
    plugin([used("ses_1", "commit")], {"ses_1": None}, PATH=f"{node}:/bin")
    assert tree(home) == {}


def test_nothing_that_was_typed_is_handed_on(
    plugin: Plugin, program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    program("atomic", f"cat >> {tmp_path}/told; echo >> {tmp_path}/told")
    plugin([used("ses_1", "commit")], {"ses_1": None})
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert told == [
        {"event": "command", "session": "ses_1", "command": "commit"},
        {"event": "end", "sessions": ["ses_1"]},
    ]


def test_without_commands_nothing_is_started(
    plugin: Plugin, program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    program("atomic", f"touch {tmp_path}/started")
    plugin([], {})
    assert not (tmp_path / "started").exists()
