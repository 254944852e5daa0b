"""The project that a command works on: the folder in which it is run."""

import os

import click

from atomic import screen
from atomic.install.apply import remembered
from atomic.install.manifest import PATH, Manifest, ManifestError
from atomic.install.plan import Action, Step
from atomic.install.project import Project
from atomic.screen import Failure


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


def show(steps: list[Step], *, dry_run: bool, nothing: str) -> None:
    """Print the steps: as the result where nothing is done, else as what was done.

    `nothing`: what to say where there is nothing to do.
    """
    lines = screen.lines(steps)
    for line in lines:
        click.echo(line, err=not dry_run)
    if all(step.action in (Action.UNCHANGED, Action.KEEP) for step in steps):
        screen.say(nothing)
    elif dry_run:
        screen.say("\nNothing was written.")
