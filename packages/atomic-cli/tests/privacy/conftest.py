"""A person's machine: a home, a project with secrets in it, and agents that do nothing."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from atomic_support import ATOMIC
from support import Server

from atomic.names import AGENTS

Atomic = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def person(tmp_path: Path) -> Path:
    """The home, with a project and three agents in it."""
    home = tmp_path / "home"
    project = home / "project"
    (project / ".git").mkdir(parents=True)
    (project / ".git" / "config").write_text('[remote "origin"]\n\turl = git@host:secret.git\n')
    (home / "bin").mkdir()
    for agent in AGENTS:
        program = home / "bin" / agent
        program.write_text("#!/bin/sh\nexit 0\n")
        program.chmod(0o755)
    return home


@pytest.fixture
def environment(person: Path, server: Server) -> dict[str, str]:
    return {
        "HOME": str(person),
        "PATH": os.pathsep.join([str(person / "bin"), os.defpath]),
        "ATOMIC_TELEMETRY_CONNECTION_STRING": server.connection_string,
    }


@pytest.fixture
def atomic(person: Path, environment: dict[str, str]) -> Atomic:
    """Run the real `atomic` in the project."""

    def run(
        *arguments: str, before: tuple[str, ...] = (), stdin: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*before, ATOMIC, *arguments],
            cwd=person / "project", env=environment | more, input=stdin,
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def data(person: Path) -> Path:
    return person / ".local" / "share" / "atomic"


def hooks(session: str = "a-session") -> list[tuple[list[str], str]]:
    """Every hook of every agent: its arguments and its payload."""
    claude = {"session_id": session, "transcript_path": "/t.jsonl", "cwd": "/c"}
    copilot = {"sessionId": session, "timestamp": 1795379558336, "cwd": "/c"}
    return [
        (
            ["hook", "claude"],
            json.dumps(claude | {
                "hook_event_name": "UserPromptExpansion", "expansion_type": "slash_command",
                "command_name": "commit", "command_args": "fix", "prompt": "/commit fix",
            }),
        ),
        (["hook", "claude"], json.dumps(claude | {"hook_event_name": "SessionEnd"})),
        (["hook", "copilot", "prompt"], json.dumps(copilot | {"prompt": "/commit fix"})),
        (["hook", "copilot", "end"], json.dumps(copilot | {"reason": "complete"})),
        (
            ["hook", "opencode"],
            json.dumps({"event": "command", "session": session, "command": "commit"}),
        ),
        (["hook", "opencode"], json.dumps({"event": "end", "sessions": [session]})),
        (
            ["hook", "gemini"],
            json.dumps(claude | {
                "hook_event_name": "BeforeAgent", "prompt": "<!-- atomic: /commit -->\n# Commit\n",
            }),
        ),
        (["hook", "gemini"], json.dumps(claude | {"hook_event_name": "SessionEnd"})),
        (
            ["hook", "codex"],
            json.dumps(claude | {"hook_event_name": "UserPromptSubmit", "prompt": "$commit fix"}),
        ),
        (["hook", "codex"], json.dumps(claude | {"hook_event_name": "SessionEnd"})),
    ]  # fmt: skip


@pytest.fixture
def every_hook() -> list[tuple[list[str], str]]:
    return hooks()
