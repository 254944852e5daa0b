"""The workflow prompts: one source each (`*.md` beside this file), in the words of no one agent."""

from dataclasses import dataclass
from importlib.resources import files

from atomic.events import COMMANDS

ARGUMENTS = "{{arguments}}"
"""Where the source means what the person typed after the command; each agent has its own way."""


@dataclass(frozen=True)
class Workflow:
    """One slash command.

    `name`: as in `/commit`. `description`: one sentence for menus. `hint`: what may follow the
    command. `body`: the prompt, in Markdown, with ARGUMENTS where that text belongs.
    """

    name: str
    description: str
    hint: str
    body: str


def load() -> tuple[Workflow, ...]:
    """All workflows, in the order in which one uses them."""
    folder = files("atomic.workflows")
    return tuple(_parse(name, (folder / f"{name}.md").read_text("utf-8")) for name in COMMANDS)


def _parse(name: str, text: str) -> Workflow:
    """Split a source into its two header lines (`description:`, `hint:`) and its body."""
    description, hint, _blank, body = text.split("\n", 3)
    return Workflow(
        name,
        description.removeprefix("description: "),
        hint.removeprefix("hint: "),
        body,
    )
