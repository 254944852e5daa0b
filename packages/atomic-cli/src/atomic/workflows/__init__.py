"""The prompts, one source for each, independent of the agent.

`*.md` beside this file are the workflows, which people call by their names. `helpers/*.md` are the
sub-agents to which two of them hand work.
"""

import os
from functools import cache
from typing import NamedTuple

from atomic.names import COMMANDS

ARGUMENTS = "{{arguments}}"
"""Where the source means what the person typed after the command; each agent has its own way."""

HELPERS = ("codebase-locator", "codebase-analyser", "codebase-pattern-finder", "change-reviewer")
"""The sub-agents, in the order in which they are used."""


class Workflow(NamedTuple):
    """One slash command.

    `name`: as in `/commit`. `description`: one sentence for menus. `hint`: what may follow the
    command. `body`: the prompt, in Markdown, with ARGUMENTS where that text belongs.
    """

    name: str
    description: str
    hint: str
    body: str


class Helper(NamedTuple):
    """One sub-agent, which changes nothing.

    `name`: by which the workflows call it. `description`: when it is to be used. `runs_git`: it may
    run programs, to see a change. `body`: what it is told, in Markdown.
    """

    name: str
    description: str
    runs_git: bool
    body: str


@cache
def load() -> tuple[Workflow, ...]:
    """All workflows, in the order in which one uses them."""
    return tuple(Workflow(name, *_parse(f"{name}.md")) for name in COMMANDS)


@cache
def load_helpers() -> tuple[Helper, ...]:
    """All sub-agents."""
    found = ((name, *_parse(os.path.join("helpers", f"{name}.md"))) for name in HELPERS)
    return tuple(Helper(name, said, "git" in reads, body) for name, said, reads, body in found)


def _parse(name: str) -> tuple[str, str, str]:
    """A source's two header lines (`description:`, then `hint:` or `reads:`) and its body."""
    # Not importlib.resources: its import takes longer than all of this.
    path = os.path.join(os.path.dirname(__file__), name)
    with open(path, encoding="utf-8", newline="\n") as file:
        first, second, _blank, body = file.read().split("\n", 3)
    return first.partition(": ")[2], second.partition(": ")[2], body
