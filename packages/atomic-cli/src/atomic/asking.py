"""Questions to the person at the terminal: lists to choose from, as arrows and as numbers.

On `TERM=dumb`, where no cursor can be moved, a list has numbers. Ctrl-C is `click.Abort`, told once
by whoever ends the program. All of it goes to stderr.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from questionary import Question

_WIDE = 60  # columns that a question with its instruction needs


def confirm(question: str) -> bool:
    """Ask for y or n; Enter is a no.

    Raises:
        click.Abort: Ctrl-C or Ctrl-D.
    """
    from afterword.control.question import confirm as ask

    return ask(question)


def one(question: str, choices: Sequence[str]) -> int:
    """Ask for one of a list; return its index. The first is preselected.

    Raises:
        click.Abort: Ctrl-C or Ctrl-D.
    """
    if _is_dumb():
        return _numbers(question, choices, [0], several=False)[0]
    import questionary

    listed = [questionary.Choice(text, value=at) for at, text in enumerate(choices)]
    return int(_ask(questionary.select(question, listed, output=_output())))


def many(question: str, choices: Sequence[str], preselected: Sequence[int]) -> list[int]:
    """Ask for some of a list; return their indexes, in order; at least one.

    Raises:
        click.Abort: Ctrl-C or Ctrl-D.
    """
    if _is_dumb():
        return _numbers(question, choices, preselected, several=True)
    import questionary

    listed = [
        questionary.Choice(text, value=at, checked=at in preselected)
        for at, text in enumerate(choices)
    ]
    asked = questionary.checkbox(
        question,
        listed,
        instruction="(space chooses, enter goes on)" if _is_wide() else " ",
        validate=lambda chosen: bool(chosen) or "Choose one at least: space chooses.",
        output=_output(),
    )
    return sorted(int(at) for at in _ask(asked))


def _is_wide() -> bool:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns >= _WIDE
    except (OSError, ValueError):
        return True


def _is_dumb() -> bool:
    return os.environ.get("TERM", "") in ("dumb", "", "unknown") and sys.platform != "win32"


def _output() -> Any:
    from prompt_toolkit.output import create_output

    return create_output(stdout=sys.stderr)


def _ask(question: "Question") -> Any:
    try:
        return question.unsafe_ask()
    except (KeyboardInterrupt, EOFError):
        raise click.Abort from None


def _numbers(
    question: str, choices: Sequence[str], preselected: Sequence[int], *, several: bool
) -> list[int]:
    click.echo(question, err=True)
    for number, text in enumerate(choices, 1):
        click.echo(f"  {number}) {text}", err=True)
    default = " ".join(str(at + 1) for at in preselected)
    asked = "Numbers, with spaces between" if several else "Number"
    while True:
        said = click.prompt(asked, default=default, show_default=bool(default), err=True)
        found = _places(str(said), len(choices))
        if found and (several or len(found) == 1):
            return found
        click.echo(f"Please answer with numbers from 1 to {len(choices)}.", err=True)


def _places(said: str, count: int) -> list[int]:
    """The numbers in the answer as places from 0; nothing if one of them is none."""
    words = said.replace(",", " ").split()
    if not all(word.isdecimal() and 1 <= int(word) <= count for word in words):
        return []
    return sorted({int(word) - 1 for word in words})
