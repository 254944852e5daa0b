"""The project that a command works on, and the changes to it as people read them."""

import os

import click

from atomic import screen
from atomic.events import COMMANDS
from atomic.install.apply import remembered
from atomic.install.manifest import PATH, Manifest, ManifestError
from atomic.install.plan import Action, Step
from atomic.install.project import Project
from atomic.screen import Failure

_COLOURS = {
    Action.CREATE: "green",
    Action.REPLACE: "green",
    Action.MERGE: "green",
    Action.RESTORE: "green",
    Action.OFFER: "yellow",
    Action.KEEP: "yellow",
    Action.REMOVE: "red",
    Action.TAKE_OUT: "red",
}


def project_here() -> Project:
    """The project in the working directory."""
    return Project(os.getcwd())


def must_not_be_home(project: Project) -> None:
    """Raise Failure for the home folder: an agent's settings in it are those of all projects."""
    if project.root == os.path.realpath(os.path.expanduser("~")):
        raise Failure(
            "This is your home folder: an agent's settings in it are for all projects.",
            "Go to a project's folder first.",
        )


def manifest_of(project: Project) -> Manifest:
    """What was installed in the project.

    Raises:
        Failure: that cannot be told.
    """
    try:
        return remembered(project)
    except ManifestError as error:
        raise Failure(
            f"{PATH}: {error}.", "Bring it back from version control, or remove it."
        ) from error


def preview(steps: list[Step], *, err: bool) -> None:
    """Print every step that changes something or needs a word, to stderr or stdout."""
    for line in _lines([step for step in steps if step.action is not Action.UNCHANGED]):
        click.echo(line, err=err)


def report(steps: list[Step], *, nothing: str) -> None:
    """Say what was done, files of one kind in one line; `nothing` if that is nothing."""
    for line in _lines(_summed_up(steps)):
        screen.say(line)
    if all(step.action is Action.UNCHANGED for step in steps):
        screen.say(nothing)


def _lines(steps: list[Step]) -> list[str]:
    width = max((len(step.path) for step in steps), default=0)
    return [_line(step, width) for step in steps]


def _line(step: Step, width: int) -> str:
    word = click.style(f"{step.action.value:>9}", fg=_COLOURS.get(step.action))
    note = click.style(f"  {step.note}", dim=True) if step.note else ""
    return f"{word}  {step.path:<{width if note else 0}}{note}"


def _summed_up(steps: list[Step]) -> list[Step]:
    """One step for all commands of an agent to which the same happened; others as they are."""
    summed: dict[tuple[Action, str, str], list[Step]] = {}
    for step in steps:
        if step.action is not Action.UNCHANGED:
            key = (step.action, step.note, _kind(step.path))
            summed.setdefault(key, []).append(step)
    return [
        alike[0] if len(alike) == 1 else Step(action, kind, note=note or f"{len(alike)} commands")
        for (action, note, kind), alike in summed.items()
    ]


def _kind(path: str) -> str:
    """The path with `*` for the name of one of our commands."""
    for name in COMMANDS:
        path = path.replace(f"/{name}.", "/*.").replace(f"/{name}/", "/*/")
    return path
