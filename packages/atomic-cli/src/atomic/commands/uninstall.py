"""`atomic uninstall`: remove the files in this project, the data folder, the program."""

import os
import shlex
import shutil
import time
from dataclasses import dataclass

import click

from afterword.lock import is_held
from atomic import screen
from atomic.commands import lists, options, package
from atomic.commands.changes import changing, find_project, manifest_of
from atomic.install.apply import apply
from atomic.install.plan import Action, Step, of_manifest, to_uninstall
from atomic.install.project import Project
from atomic.screen import Failure
from atomic.telemetry import telemetry

LAST_EVENTS = 5.0
"""Seconds that events which still wait are given to leave, in the background."""

_POLL = 0.02


@dataclass
class Scope:
    """What is to be removed: this project's files, the data folder (a path), the program."""

    files: bool
    data: str | None
    program: bool


@click.command()
@click.option("--project", "project_only", is_flag=True, help="Only what is in this project.")
@options.yes
@click.option("--keep-config", is_flag=True, help="Keep the data folder (settings, events).")
@click.option("-f", "--force", is_flag=True, help="Also what a newer atomic has installed.")
@options.here
@options.dry_run
@options.no_banner
def uninstall(
    *,
    project_only: bool,
    yes: bool,
    keep_config: bool,
    force: bool,
    here: bool,
    dry_run: bool,
    no_banner: bool,  # noqa: ARG001  # there is none here
) -> None:
    """Remove atomic from this project or this computer.

    Three things can be removed, and you are asked about each: what `atomic init` put into this
    project, the data folder, and the program. --project removes the first only; --yes removes all
    three.

    Files that you have edited stay, files that were replaced come back. Other projects keep their
    files, which work without atomic.
    """
    if not (dry_run or yes or project_only or screen.is_interactive()):
        raise click.UsageError("There is nobody to ask: say --project or --yes, or see --dry-run.")
    project = find_project(here=here, ask=not (yes or dry_run))
    known = manifest_of(project, force=force)
    steps = to_uninstall(known, project)
    steps += of_manifest(known, steps, project)
    data = None if keep_config or project_only else _data_folder()
    scope = Scope(files=bool(steps), data=data, program=not project_only)
    if dry_run:
        _preview(scope, steps, err=False)
        screen.say("\nNothing was removed.")
        return
    if not (yes or project_only):
        _ask(scope, steps)
    if not (scope.files or scope.data or scope.program):
        screen.say(
            "There is nothing of atomic's in this project." if project_only else "Nothing to do."
        )
        return
    with telemetry().command("atomic_command", source="cli", command="uninstall"):
        if scope.files:
            _take_out(project, force=force)
    if scope.data is not None:
        _let_last_events_leave()
        _remove_folder(scope.data)
    if scope.program:
        package.uninstall(dry_run=False)


def _preview(scope: Scope, steps: list[Step], *, err: bool) -> None:
    lists.preview(steps, err=err)
    if scope.data is not None:
        click.echo(lists.one_line("remove", screen.home_shortened(scope.data)), err=err)
    if scope.program:
        package.uninstall(dry_run=True)


def _ask(scope: Scope, steps: list[Step]) -> None:
    """Ask for each of the three, saying what it would remove; what was refused is not in scope."""
    from atomic import asking

    if scope.files:
        lists.preview(steps, err=True)
        scope.files = asking.confirm("Remove this from the project?")
    if scope.data is not None:
        screen.say(lists.one_line("remove", screen.home_shortened(scope.data)))
        if not asking.confirm("Remove the data folder (settings, telemetry)?"):
            scope.data = None
    removal = package.removal()
    if removal is not None:
        screen.say(lists.one_line("run", shlex.join(removal), "cyan"))
        scope.program = asking.confirm("Remove atomic itself?")
    else:
        scope.program = False
        package.uninstall(dry_run=True)


def _take_out(project: Project, *, force: bool) -> None:
    with changing(project, force=force) as known:
        steps = to_uninstall(known, project)
        more = of_manifest(known, steps, project)
        apply(project, known, steps)
    lists.report([*steps, *more], nothing="There was nothing of atomic's in this project.")
    if any(step.action is Action.BLOCKED for step in steps):
        raise Failure(
            "Some files could not be taken out of this project; nothing else was removed.",
            "The list above says why. Mend that, then try again.",
        )


def _data_folder() -> str | None:
    """The data folder, if there is one and it is a plain folder."""
    folder = telemetry().folder
    if folder is None or not os.path.isdir(folder.path) or os.path.islink(folder.path):
        return None
    return folder.path


def _let_last_events_leave() -> None:
    """Wait until the upload in the background is done, for a few seconds; the rest is lost."""
    used = telemetry()
    folder = used.folder
    if folder is None or not (used.start_upload() or is_held(folder.upload_lock)):
        return  # nothing waits, or there is no server to be reached
    screen.say("Sending the last events ...")
    until = time.monotonic() + LAST_EVENTS
    while time.monotonic() < until and _is_waiting(folder.path):
        time.sleep(_POLL)


def _is_waiting(folder: str) -> bool:
    try:
        return any(name.startswith("telemetry-events.") for name in os.listdir(folder))
    except OSError:
        return False


def _remove_folder(folder: str) -> None:
    for _ in range(3):  # an upload that is just ending may put a file into it meanwhile
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            screen.say(f"Removed {screen.home_shortened(folder)}.")
            return
        time.sleep(_POLL)
    raise Failure(f"{folder} could not be removed.", "Remove it yourself.")
