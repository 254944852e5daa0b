"""Parts for the tests of `atomic`: where it is, how it is run, what the agents hand to its hooks.

The payloads are as captured from Claude Code 2.1.330, Copilot CLI 1.0.102 and OpenCode 1.18.33 on
2026-11-22, from Gemini CLI 0.61.0 and Codex CLI 0.169.0 on 2026-11-24, paths and texts replaced.
"""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

ATOMIC = os.path.join(
    sysconfig.get_path("scripts"), "atomic.exe" if sys.platform == "win32" else "atomic"
)

Event = dict[str, Any]


class Run(Protocol):
    """Run `atomic` as a process of its own, in the project, with no terminal."""

    def __call__(
        self, *arguments: str, stdin: bytes | str = b"", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]: ...


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The test's environment without pytest's own variables."""
    kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return kept | dict(more or {})


def tree(root: Path) -> dict[str, bytes | None]:
    """Every file below `root` with its content, every folder with None."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }


_CLAUDE = {"transcript_path": "/t/38c4.jsonl", "cwd": "/c"}
_INTERACTIVE = (
    'The user explicitly invoked the "/{}" skill. Follow its instructions now.\n\n<skill-'
)


def claude_command(session: str, command: str) -> str:
    return json.dumps({
        "session_id": session, **_CLAUDE, "prompt_id": "47b4", "permission_mode": "default",
        "hook_event_name": "UserPromptExpansion", "expansion_type": "slash_command",
        "command_name": command, "command_args": "fix the thing",
        "command_source": "projectSettings", "prompt": f"/{command} fix the thing",
    })  # fmt: skip


def claude_end(session: str, reason: str = "other") -> str:
    event = {"hook_event_name": "SessionEnd", "prompt_id": "47b4", "reason": reason}
    return json.dumps({"session_id": session, **_CLAUDE, **event})


def claude_start(session: str, source: str = "startup") -> str:
    event = {"hook_event_name": "SessionStart", "source": source}
    return json.dumps({"session_id": session, **_CLAUDE, **event})


def copilot_prompt(session: str, prompt: str) -> str:
    return json.dumps(
        {"sessionId": session, "timestamp": 1795379558336, "cwd": "/c", "prompt": prompt}
    )


def copilot_command(session: str, command: str, *, interactive: bool = False) -> str:
    raw = f"/{command} fix the thing"
    return copilot_prompt(session, _INTERACTIVE.format(command) if interactive else raw)


def copilot_end(session: str, reason: str = "complete") -> str:
    return json.dumps(
        {"sessionId": session, "timestamp": 1795379558336, "cwd": "/c", "reason": reason}
    )


def opencode_command(session: str, command: str) -> str:
    return json.dumps({"event": "command", "session": session, "command": command})


def opencode_end(*sessions: str) -> str:
    return json.dumps({"event": "end", "sessions": sessions})


_GEMINI = {"transcript_path": "/t/session.jsonl", "cwd": "/c", "timestamp": "2026-11-24T21:11:42Z"}


def gemini_prompt(session: str, prompt: str) -> str:
    event = {"hook_event_name": "BeforeAgent", "prompt": prompt}
    return json.dumps({"session_id": session, **_GEMINI, **event})


def gemini_command(session: str, command: str) -> str:
    """The prompt is handed over expanded, as it stands in the command's file."""
    mark = f"<!-- atomic: /{command} -->"
    return gemini_prompt(session, f"{mark}\n\n# Do it\n\nThe work: fix the thing\n")


def gemini_end(session: str, reason: str = "exit") -> str:
    event = {"hook_event_name": "SessionEnd", "reason": reason}
    return json.dumps({"session_id": session, **_GEMINI, **event})


_CODEX = {"transcript_path": "/t/rollout.jsonl", "cwd": "/c"}


def codex_prompt(session: str, prompt: str) -> str:
    event = {"hook_event_name": "UserPromptSubmit", "turn_id": "01a2", "model": "x"}
    more = {"permission_mode": "default", "prompt": prompt}
    return json.dumps({"session_id": session, **_CODEX, **event, **more})


def codex_command(session: str, command: str) -> str:
    return codex_prompt(session, f"${command} fix the thing")


def codex_end(session: str, reason: str = "other") -> str:
    event = {"hook_event_name": "SessionEnd", "reason": reason}
    return json.dumps({"session_id": session, **_CODEX, **event})
