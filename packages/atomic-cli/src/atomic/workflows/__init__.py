"""The workflow prompts: one source each (`*.md` beside this file), in the words of no one agent."""

import os
from functools import cache
from typing import NamedTuple

from atomic.events import COMMANDS

ARGUMENTS = "{{arguments}}"
"""Where the source means what the person typed after the command; each agent has its own way."""


class Workflow(NamedTuple):
    """One slash command.

    `name`: as in `/commit`. `description`: one sentence for menus. `hint`: what may follow the
    command. `body`: the prompt, in Markdown, with ARGUMENTS where that text belongs.
    """

    name: str
    description: str
    hint: str
    body: str


@cache
def load() -> tuple[Workflow, ...]:
    """All workflows, in the order in which one uses them."""
    return tuple(_parse(name, _read(name)) for name in COMMANDS)


def _read(name: str) -> str:
    # Not importlib.resources: its import takes longer than all of this.
    path = os.path.join(os.path.dirname(__file__), f"{name}.md")
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read()


def _parse(name: str, text: str) -> Workflow:
    """Split a source into its two header lines (`description:`, `hint:`) and its body."""
    description, hint, _blank, body = text.split("\n", 3)
    return Workflow(
        name,
        description.removeprefix("description: "),
        hint.removeprefix("hint: "),
        body,
    )
