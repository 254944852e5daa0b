"""The agents that `atomic` knows, one module each, and which files each of them needs."""

from collections.abc import Iterable, Sequence
from importlib import import_module

from atomic.agents.agent import Agent, HookEntry, Installation
from atomic.names import PROGRAMS
from atomic.workflows import Helper, Workflow, load, load_helpers

__all__ = ["AGENTS", "Agent", "HookEntry", "Installation", "installation"]

AGENTS = {key: Agent(key, *names) for key, names in PROGRAMS.items()}


def installation(keys: Iterable[str]) -> Installation:
    """The files of the agents with these keys, all together."""
    workflows, helpers = load(), load_helpers()
    files: dict[str, str] = {}
    hooks: dict[str, tuple[HookEntry, ...]] = {}
    for key in keys:
        given = _installation(key, workflows, helpers)
        files |= given.files
        hooks |= given.hooks
    return Installation(files, hooks)


def _installation(
    key: str, workflows: Sequence[Workflow], helpers: Sequence[Helper]
) -> Installation:
    """The files of one agent, from the module with its name, which is loaded for it."""
    given = import_module(f"atomic.agents.{key}").installation(workflows, helpers)
    assert isinstance(given, Installation)  # noqa: S101  # for the type checker
    return given
