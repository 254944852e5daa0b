"""Hooks as the agents call them: the real program, their payloads on stdin."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import atomic_support as payloads
import pytest
from atomic_support import ATOMIC, Event, Run, environment, tree
from support import Server, wait_until

from atomic.hook import MOST
from atomic.names import COMMANDS

Events = Callable[[], list[Event]]

# For each agent: the arguments and payloads of a command, and of the session's end.
Call = tuple[tuple[str, ...], str]
Calls = tuple[Callable[[str, str], Call], Callable[[str], Call]]
AGENTS: dict[str, Calls] = {
    "claude": (
        lambda session, command: (("claude",), payloads.claude_command(session, command)),
        lambda session: (("claude",), payloads.claude_end(session)),
    ),
    "copilot": (
        lambda session, command: (
            ("copilot", "prompt"),
            payloads.copilot_command(session, command),
        ),
        lambda session: (("copilot", "end"), payloads.copilot_end(session)),
    ),
    "opencode": (
        lambda session, command: (("opencode",), payloads.opencode_command(session, command)),
        lambda session: (("opencode",), payloads.opencode_end(session)),
    ),
    "gemini": (
        lambda session, command: (("gemini",), payloads.gemini_command(session, command)),
        lambda session: (("gemini",), payloads.gemini_end(session)),
    ),
    "codex": (
        lambda session, command: (("codex",), payloads.codex_command(session, command)),
        lambda session: (("codex",), payloads.codex_end(session)),
    ),
}
each_agent = pytest.mark.parametrize("agent", AGENTS)


def session_event(agent: str, *commands: str) -> Event:
    return {
        "eventType": "agent_session",
        "source": "session_hook",
        "agentType": agent,
        "commands": list(commands),
        "commandCount": len(commands),
    }


def without_id(events: list[Event]) -> list[Event]:
    return [{key: value for key, value in event.items() if key != "sessionId"} for event in events]


@pytest.fixture
def hook(atomic: Run) -> "Hook":
    """Call a hook, which is silent and ends with 0, whatever it is given."""

    def call(one: Call, variables: dict[str, str] | None = None) -> None:
        arguments, payload = one
        ended = atomic("hook", *arguments, stdin=payload, variables=variables)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")

    return call


Hook = Callable[..., None]


@each_agent
def test_a_session_is_one_event(agent: str, hook: Hook, agreed: None, events: Events) -> None:
    command, end = AGENTS[agent]
    hook(command("38c4", "commit"))
    hook(command("38c4", "explain-code"))
    hook(command("38c4", "commit"))
    assert events() == []
    hook(end("38c4"))
    assert without_id(events()) == [session_event(agent, "commit", "explain-code", "commit")]
    assert "38c4" not in json.dumps(events())


@each_agent
def test_the_end_fired_twice_is_one_event(
    agent: str, hook: Hook, agreed: None, events: Events
) -> None:
    command, end = AGENTS[agent]
    hook(command("38c4", "commit"))
    hook(end("38c4"))
    hook(end("38c4"))
    assert len(events()) == 1


@each_agent
def test_a_session_without_commands_is_no_event(
    agent: str, hook: Hook, agreed: None, events: Events, folder: Path
) -> None:
    command, end = AGENTS[agent]
    hook(command("38c4", "theirs"))
    hook(command("38c4", "ralph:commit"))
    hook(end("38c4"))
    assert events() == []
    assert not (folder / "sessions").exists()


@each_agent
def test_a_resumed_session_adds_only_what_is_new(
    agent: str, hook: Hook, agreed: None, events: Events
) -> None:
    command, end = AGENTS[agent]
    hook(command("38c4", "commit"))
    hook(end("38c4"))
    hook(command("38c4", "create-gh-pr"))
    hook(end("38c4"))
    assert without_id(events()) == [
        session_event(agent, "commit"),
        session_event(agent, "create-gh-pr"),
    ]
    first, second = events()
    assert first["sessionId"] != second["sessionId"]  # not even we can join them


def test_a_fork_has_only_its_own_commands(hook: Hook, agreed: None, events: Events) -> None:
    command, end = AGENTS["claude"]
    hook(command("38c4", "commit"))
    hook((("claude",), payloads.claude_start("fork", "fork")))
    hook(command("fork", "create-spec"))
    hook(end("fork"))
    hook(end("38c4"))
    assert without_id(events()) == [
        session_event("claude", "create-spec"),
        session_event("claude", "commit"),
    ]


def test_sessions_of_one_process_are_kept_apart(hook: Hook, agreed: None, events: Events) -> None:
    command, _ = AGENTS["opencode"]
    hook(command("ses_1", "commit"))
    hook(command("ses_2", "create-spec"))
    hook((("opencode",), payloads.opencode_end("ses_1", "ses_2", "ses_3")))
    assert without_id(events()) == [
        session_event("opencode", "commit"),
        session_event("opencode", "create-spec"),
    ]


def test_the_same_id_of_two_agents_is_two_sessions(
    hook: Hook, agreed: None, events: Events
) -> None:
    for agent, (command, _) in AGENTS.items():
        hook(command("same", "commit"))
        assert events() == [], agent
    for _, end in AGENTS.values():
        hook(end("same"))
    assert without_id(events()) == [session_event(agent, "commit") for agent in AGENTS]


def test_what_the_copilot_screen_makes_of_a_command(
    hook: Hook, agreed: None, events: Events
) -> None:
    interactive = payloads.copilot_command("f414", "commit", interactive=True)
    hook((("copilot", "prompt"), interactive))
    hook((("copilot", "prompt"), payloads.copilot_prompt("f414", "what does /commit do?")))
    hook((("copilot", "end"), payloads.copilot_end("f414", "user_exit")))
    assert without_id(events()) == [session_event("copilot", "commit")]


def test_copilot_running_the_hooks_of_claude_is_not_counted_twice(
    hook: Hook, agreed: None, events: Events
) -> None:
    command, end = AGENTS["claude"]
    hook(command("38c4", "commit"), COPILOT)
    hook(end("38c4"), COPILOT)
    assert events() == []


def test_other_events_of_claude_are_none_of_ours(hook: Hook, agreed: None, events: Events) -> None:
    command, end = AGENTS["claude"]
    mcp = json.loads(command("38c4", "commit")[1]) | {"expansion_type": "mcp_prompt"}
    stop = json.loads(command("38c4", "commit")[1]) | {"hook_event_name": "Stop"}
    for payload in (mcp, stop):
        hook((("claude",), json.dumps(payload)))
    hook(end("38c4"))
    assert events() == []


COPILOT = {"COPILOT_CLI": "1", "CLAUDE_PROJECT_DIR": "/c"}

BAD: list[bytes] = [
    b"", b"\n", b"null", b"[]", b"{}", b"{", b"commit", b"\xff\xfe", b'{"session_id": 1}',
    b'{"session_id": {}, "hook_event_name": "SessionEnd"}',
    b'{"sessionId": "", "prompt": "/commit"}', b'{"sessionId": "x", "prompt": 7}',
    b'{"event": "end", "sessions": 3}', b'{"event": "end", "sessions": [null, {}, 1]}',
    b'{"event": "command", "session": "s", "command": ["commit"]}',
    b"[" * 100_000, b'{"session_id": "' + b"x" * MOST + b'"}',
]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        "claude",
        "copilot prompt",
        "copilot end",
        "copilot",
        "opencode",
        "gemini",
        "codex",
        "other",
        "",
        "-h",
    ],
)
def test_nothing_disturbs_a_hook(arguments: str, atomic: Run, agreed: None, events: Events) -> None:
    with ThreadPoolExecutor(2) as pool:
        for ended in pool.map(lambda bad: atomic("hook", *arguments.split(), stdin=bad), BAD):
            assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert events() == []


def test_a_payload_over_a_megabyte_is_given_up(hook: Hook, agreed: None, events: Events) -> None:
    command, end = AGENTS["copilot"]
    arguments, payload = command("f414", "commit")
    for size in (MOST, MOST + 1):
        long = json.loads(payload)
        long["prompt"] += "x" * (size - len(json.dumps(long)))
        assert len(json.dumps(long)) == size
        hook((arguments, json.dumps(long)))
    hook(end("f414"))
    assert without_id(events()) == [session_event("copilot", "commit")]


def test_without_a_yes_nothing_is_written(hook: Hook, home: Path) -> None:
    for command, end in AGENTS.values():
        hook(command("38c4", "commit"))
        hook(end("38c4"))
    assert tree(home) == {}


def test_turned_off_meanwhile_the_session_is_gone(
    hook: Hook, atomic: Run, agreed: None, folder: Path
) -> None:
    command, end = AGENTS["claude"]
    hook(command("38c4", "commit"))
    assert (folder / "sessions").exists()
    atomic("config", "set", "telemetry", "false")
    hook(end("38c4"))
    assert list(tree(folder)) == ["telemetry.json"]


def test_what_lies_there_meanwhile_tells_nothing(hook: Hook, agreed: None, folder: Path) -> None:
    command, _ = AGENTS["claude"]
    hook(command("38c4", "commit"))
    sessions = folder / "sessions"
    (name,) = [path.name for path in sessions.iterdir() if path.name != "salt"]
    assert "38c4" not in name
    assert (sessions / name).read_text() == "commit\n"
    assert {oct(path.stat().st_mode & 0o777) for path in sessions.iterdir()} == {"0o600"}
    assert oct(sessions.stat().st_mode & 0o777) == "0o700"


def test_twenty_sessions_side_by_side(atomic: Run, agreed: None, events: Events) -> None:
    """Twenty sessions of three commands each, all at once: each has its own three."""
    agents = [list(AGENTS)[number % 3] for number in range(20)]
    wanted = [[COMMANDS[(number + step * 2) % 7] for step in range(3)] for number in range(20)]

    def session(number: int) -> None:
        command, end = AGENTS[agents[number]]
        calls = [command(f"s{number}", name) for name in wanted[number]] + [end(f"s{number}")]
        for arguments, payload in calls:
            assert atomic("hook", *arguments, stdin=payload).returncode == 0

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(session, range(20)))
    expected = [session_event(agent, *names) for agent, names in zip(agents, wanted, strict=True)]
    order = lambda event: json.dumps(event, sort_keys=True)  # noqa: E731
    assert sorted(without_id(events()), key=order) == sorted(expected, key=order)
    assert len({event["sessionId"] for event in events()}) == 20


def test_many_commands_of_one_session_at_the_same_time(
    atomic: Run, agreed: None, events: Events
) -> None:
    command, end = AGENTS["claude"]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(
            lambda name: atomic("hook", "claude", stdin=command("38c4", name)[1]), COMMANDS * 2
        ):
            pass
        # Twice the end as well: one of the two finds it.
        list(pool.map(lambda _: atomic("hook", "claude", stdin=end("38c4")[1]), range(4)))
    (event,) = events()
    assert sorted(event["commands"]) == sorted(COMMANDS * 2)


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_session_that_was_killed_is_swept_by_a_later_run(
    hook: Hook, agreed: None, events: Events, folder: Path
) -> None:
    command, end = AGENTS["claude"]
    hook(command("killed", "commit"))
    hook(command("alive", "create-spec"))
    sessions = folder / "sessions"
    (killed,) = [path for path in sessions.iterdir() if path.read_bytes() == b"commit\n"]
    age(killed, 23 * 3600)
    hook(end("other"))
    assert events() == []
    age(killed, 25 * 3600)
    hook(end("other"))
    assert without_id(events()) == [session_event("claude", "commit")]
    hook(end("killed"))
    assert len(events()) == 1
    hook(end("alive"))
    assert without_id(events())[1:] == [session_event("claude", "create-spec")]


def test_a_session_older_than_events_may_get_is_deleted_and_no_event(
    hook: Hook, agreed: None, events: Events, folder: Path
) -> None:
    command, end = AGENTS["claude"]
    hook(command("old", "commit"))
    sessions = folder / "sessions"
    (old,) = [path for path in sessions.iterdir() if path.name != "salt"]
    age(old, 31 * 24 * 3600)
    hook(end("other"))
    assert events() == []
    assert [path.name for path in sessions.iterdir()] == ["salt"]


def test_status_names_the_files_of_sessions(
    atomic: Run, hook: Hook, agreed: None, folder: Path
) -> None:
    hook(AGENTS["claude"][0]("one", "commit"))
    said = atomic("telemetry", "status").stdout
    for path in (folder / "sessions").iterdir():
        assert str(path) in said


def test_who_died_while_ending_a_session_is_swept_too(
    hook: Hook, agreed: None, events: Events, folder: Path
) -> None:
    command, end = AGENTS["copilot"]
    hook(command("f414", "commit"))
    sessions = folder / "sessions"
    (state,) = [path for path in sessions.iterdir() if path.name != "salt"]
    left = state.rename(sessions / f"{state.name}.4711.ending")
    hook(end("f414"))
    assert events() == []  # its taker may be at work
    age(left, 3600)
    hook(end("f414"))
    assert without_id(events()) == [session_event("copilot", "commit")]
    assert [path.name for path in sessions.iterdir()] == ["salt"]


def test_an_old_session_ended_and_swept_at_the_same_time_is_one_event(
    atomic: Run, agreed: None, events: Events, folder: Path
) -> None:
    """Its file looks abandoned to whoever sweeps, also after its taker has renamed it."""
    command, end = AGENTS["claude"]
    for number in range(4):
        atomic("hook", "claude", stdin=command(f"s{number}", "commit")[1])
    for path in (folder / "sessions").iterdir():
        if path.name != "salt":
            age(path, 48 * 3600)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: atomic("hook", "claude", stdin=end(f"s{n % 4}")[1]), range(12)))
    assert without_id(events()) == [session_event("claude", "commit")] * 4


def test_what_others_put_there_is_no_event(
    hook: Hook, agreed: None, events: Events, folder: Path
) -> None:
    command, end = AGENTS["claude"]
    hook(command("38c4", "commit"))
    (state,) = [path for path in (folder / "sessions").iterdir() if path.name != "salt"]
    state.write_text("commit\nsecret project\n\n../../x\ncommit\ncomm")
    hook(end("38c4"))
    assert without_id(events()) == [session_event("claude", "commit", "commit")]


def test_an_agent_that_never_closes_the_pipe_is_not_waited_for(agreed: None) -> None:
    reading, writing = os.pipe()
    try:
        hook = subprocess.Popen([ATOMIC, "hook", "claude"], stdin=reading, env=environment())
        os.write(writing, b'{"session_id"')
        assert hook.wait(10) == 0
    finally:
        os.close(reading)
        os.close(writing)


def test_streams_that_are_closed(agreed: None) -> None:
    for closed in ("<&-", "<&- >&- 2>&-", ">&- 2>&-"):
        script = f"printf '{{}}' | {ATOMIC} hook claude {closed}"
        ended = subprocess.run(
            ["sh", "-c", script], env=environment(), capture_output=True, timeout=20, check=False
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_the_upload_outlives_the_agent_that_is_killed(
    uploading: Server, agreed: None, tmp_path: Path
) -> None:
    """The agent is a process group that ends with a SIGKILL right after its hook."""
    command, end = AGENTS["claude"]
    script = f"""
        printf '%s' '{command("38c4", "commit")[1]}' | {ATOMIC} hook claude
        printf '%s' '{end("38c4")[1]}' | {ATOMIC} hook claude
        kill -9 0
    """
    agent = subprocess.Popen(["sh", "-c", script], env=environment(), start_new_session=True)
    assert agent.wait(30) == -9
    wait_until(uploading.events)
    (event,) = uploading.events()
    assert (event["commands"], event["agent_type"]) == ("commit", "claude")
