"""Changes to a project as people read them: a line for each file, or for files of one kind."""

from collections.abc import Sequence

import click

from atomic import screen
from atomic.install.plan import Action, Step
from atomic.names import COMMANDS
from atomic.workflows import HELPERS

_COLOURS = {
    Action.CREATE: "green",
    Action.REPLACE: "green",
    Action.MERGE: "green",
    Action.RESTORE: "green",
    Action.OFFER: "yellow",
    Action.KEEP: "yellow",
    Action.BLOCKED: "red",
    Action.REMOVE: "red",
    Action.TAKE_OUT: "red",
}
_WORD = 9
_INDENT = " " * (_WORD + 2)


def preview(steps: Sequence[Step], *, err: bool) -> None:
    """Print what would be done: each file to a pipe, files of one kind in one line to a person.

    `err`: to stderr, else to stdout.
    """
    shown = [step for step in steps if step.action is not Action.UNCHANGED]
    for line in lines(_summed_up(shown) if screen.is_terminal(err=err) else shown, err=err):
        click.echo(line, err=err)


def report(steps: Sequence[Step], *, nothing: str) -> None:
    """Say what was done, files of one kind in one line; `nothing` if that is nothing."""
    for line in lines(_summed_up(steps), err=True):
        screen.say(line)
    if all(step.action is Action.UNCHANGED for step in steps):
        screen.say(nothing)


def lines(steps: Sequence[Step], *, err: bool) -> list[str]:
    """The steps as they are printed, no line wider than the terminal."""
    width = max((len(step.path) for step in steps if step.note), default=0)
    columns = screen.columns(err=err)
    return [line for step in steps for line in _lines(step, width, columns)]


def one_line(word: str, what: str, colour: str = "red") -> str:
    """A line like those of the steps, for what is no file of a project."""
    return f"{click.style(f'{word:>{_WORD}}', fg=colour)}  {what}"


def _lines(step: Step, width: int, columns: int) -> list[str]:
    word = click.style(f"{step.action.value:>{_WORD}}", fg=_COLOURS.get(step.action))
    if not step.note:
        return [f"{word}  {step.path}"]
    if len(_INDENT) + width + 2 + len(step.note) <= columns:
        return [f"{word}  {step.path:<{width}}{click.style(f'  {step.note}', dim=True)}"]
    import textwrap

    room = max(columns - len(_INDENT) - 2, 20)
    note = textwrap.wrap(step.note, room, break_long_words=False, break_on_hyphens=False)
    return [
        f"{word}  {step.path}",
        *(f"{_INDENT}  {click.style(line, dim=True)}" for line in note),
    ]


def _summed_up(steps: Sequence[Step]) -> list[Step]:
    """One step for all commands of an agent to which the same happened; others as they are."""
    summed: dict[tuple[Action, str, str], list[Step]] = {}
    for step in steps:
        if step.action is not Action.UNCHANGED:
            key = (step.action, step.note, _kind(step.path))
            summed.setdefault(key, []).append(step)
    return [
        alike[0] if len(alike) == 1 else Step(action, kind, note=note or _count(alike))
        for (action, note, kind), alike in summed.items()
    ]


def _count(steps: Sequence[Step]) -> str:
    return f"{len(steps)} {'sub-agents' if '/agents/' in steps[0].path else 'commands'}"


def _kind(path: str) -> str:
    """The path with `*` for the name of one of our commands or sub-agents."""
    for name in (*COMMANDS, *HELPERS):
        path = path.replace(f"/{name}.", "/*.").replace(f"/{name}/", "/*/")
    return path
