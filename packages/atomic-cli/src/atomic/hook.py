"""`atomic hook AGENT`: called by an agent's session. Silent, harmless, quick, exit code 0.

An agent waits for its hooks and shows what they print, to the person or to the model. So nothing
here writes to a stream, raises, or runs long; and nothing is read further than to decide whether it
concerns us. Payloads as captured from Claude Code 2.1, Copilot CLI 1.0, OpenCode 1.18,
Gemini CLI 0.61 and Codex CLI 0.169.
"""

import os
import sys

from atomic.telemetry import telemetry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from atomic.sessions import Ended, Sessions

MOST = 1_000_000
"""Bytes of payload that are read; over that it is given up."""

_TIME_LIMIT = 4  # seconds; the agents wait five


def run(arguments: list[str]) -> "NoReturn":
    """Handle one hook, and exit with 0: `arguments` are the agent and, for Copilot, the event."""
    try:
        _limit_time()
        payload = _read()
        used = telemetry()
        if payload and used.decision().on and used.folder is not None:
            from atomic.sessions import Sessions

            sessions = Sessions(used.folder.path)
            _handle(arguments, payload, os.environ, sessions)
            for ended in sessions.sweep(used.clock()):
                _record(ended)
    except BaseException:  # noqa: BLE001, S110  # an agent's session is no place for our troubles
        pass
    sys.exit(0)


def _limit_time() -> None:
    """End, silently, if the agent never closes our input."""
    if sys.platform != "win32":
        import _signal  # type: ignore[import-not-found]  # `signal` would import `enum`

        _signal.signal(_signal.SIGALRM, lambda _number, _frame: os._exit(0))
        _signal.alarm(_TIME_LIMIT)


def _read() -> bytes:
    """The payload; empty if there is none, or too much of it."""
    if sys.stdin is None or sys.stdin.isatty():
        return b""
    parts, size = [], 0
    while size <= MOST and (part := os.read(0, 65536)):
        parts.append(part)
        size += len(part)
    return b"".join(parts) if size <= MOST else b""


def _handle(
    arguments: list[str], payload: bytes, environment: "Mapping[str, str]", sessions: "Sessions"
) -> None:
    import json

    found = json.loads(payload)
    agent = arguments[0]
    if agent == "claude":
        _claude(found, environment, sessions)
    elif agent == "copilot":
        _copilot(arguments[1], found, sessions)
    elif agent == "opencode":
        _opencode(found, sessions)
    elif agent == "gemini":
        _gemini(found, sessions)
    elif agent == "codex":
        _codex(found, sessions)


def _claude(found: "Any", environment: "Mapping[str, str]", sessions: "Sessions") -> None:
    """Claude Code names its event. Copilot runs Claude's hooks as well, and counts by its own."""
    if "COPILOT_CLI" in environment:
        return
    event = found["hook_event_name"]
    if event == "UserPromptExpansion" and found["expansion_type"] == "slash_command":
        _count("claude", found["session_id"], found["command_name"], sessions)
    elif event == "SessionEnd":
        _end("claude", found["session_id"], sessions)


def _copilot(event: str, found: "Any", sessions: "Sessions") -> None:
    """Copilot does not name its event; the installed command does."""
    from atomic.slash import of_copilot_prompt

    if event == "prompt":
        _count("copilot", found["sessionId"], of_copilot_prompt(found["prompt"]), sessions)
    elif event == "end":
        _end("copilot", found["sessionId"], sessions)


def _gemini(found: "Any", sessions: "Sessions") -> None:
    """Gemini CLI names its event, and hands over the expanded prompt."""
    from atomic.slash import of_gemini_prompt

    if found["hook_event_name"] == "BeforeAgent":
        _count("gemini", found["session_id"], of_gemini_prompt(found["prompt"]), sessions)
    elif found["hook_event_name"] == "SessionEnd":
        _end("gemini", found["session_id"], sessions)


def _codex(found: "Any", sessions: "Sessions") -> None:
    """Codex CLI names its event, and hands over the prompt as it was typed."""
    from atomic.slash import of_codex_prompt

    if found["hook_event_name"] == "UserPromptSubmit":
        _count("codex", found["session_id"], of_codex_prompt(found["prompt"]), sessions)
    elif found["hook_event_name"] == "SessionEnd":
        _end("codex", found["session_id"], sessions)


def _opencode(found: "Any", sessions: "Sessions") -> None:
    """What `agents/opencode_plugin.ts` tells."""
    if found["event"] == "command":
        _count("opencode", found["session"], found["command"], sessions)
    elif found["event"] == "end":
        for session in found["sessions"]:
            _end("opencode", session, sessions)


def _count(agent: str, session: "Any", command: "Any", sessions: "Sessions") -> None:
    from atomic.names import COMMANDS

    if command in COMMANDS and isinstance(session, str) and session:
        sessions.count(agent, session, command)


def _end(agent: str, session: "Any", sessions: "Sessions") -> None:
    if isinstance(session, str) and session:
        ended = sessions.end(agent, session)
        if ended is not None:
            _record(ended)


def _record(ended: "Ended") -> None:
    from atomic.events import MOST_COMMANDS

    telemetry().record(
        "agent_session",
        source="session_hook",
        agent_type=ended.agent,
        commands=ended.commands[:MOST_COMMANDS],
        command_count=len(ended.commands),
    )
    ended.forget()
