"""The agents that `atomic` knows, one module each, and which files each of them needs."""

from collections.abc import Iterable

from atomic.agents import claude, codex, copilot, gemini, opencode
from atomic.agents.agent import Agent, HookEntry, Installation
from atomic.names import PROGRAMS
from atomic.workflows import load, load_helpers

__all__ = ["AGENTS", "Agent", "HookEntry", "Installation", "installation"]

_INSTALLED = {
    "claude": claude.installation,
    "copilot": copilot.installation,
    "opencode": opencode.installation,
    "gemini": gemini.installation,
    "codex": codex.installation,
}
AGENTS = {key: Agent(key, *PROGRAMS[key], given) for key, given in _INSTALLED.items()}


def installation(keys: Iterable[str]) -> Installation:
    """The files of the agents with these keys, all together."""
    workflows, helpers = load(), load_helpers()
    files: dict[str, str] = {}
    hooks: dict[str, tuple[HookEntry, ...]] = {}
    for key in keys:
        given = AGENTS[key].installation(workflows, helpers)
        files |= given.files
        hooks |= given.hooks
    return Installation(files, hooks)
