"""`atomic uninstall`: take away what is in this project, the data folder, and the package."""

import os
import shutil
import time

import click

from afterword.integrations.click import confirm
from afterword.lock import is_held
from atomic import screen
from atomic.commands import options, package
from atomic.commands.changes import manifest_of, preview, project_here, report
from atomic.install.apply import apply
from atomic.install.plan import to_uninstall
from atomic.telemetry import telemetry

LAST_EVENTS = 5.0
"""Seconds that events which still wait are given to leave, in the background."""

_POLL = 0.02


@click.command()
@options.yes
@click.option("--keep-config", is_flag=True, help="Keep the data folder (settings, events).")
@options.dry_run
@options.no_banner
def uninstall(yes: bool, keep_config: bool, dry_run: bool, no_banner: bool) -> None:  # noqa: ARG001
    """Remove atomic from this project and this computer.

    Takes away exactly what `atomic init` put into this project: files that you have edited stay,
    files that it replaced come back. Then the data folder, then the program. Projects elsewhere
    keep their files, which work without atomic; uninstall there first if you want them gone.
    """
    project = project_here()
    known = manifest_of(project)
    steps = to_uninstall(known, project.read)
    folder = None if keep_config else _data_folder()
    if not (dry_run or yes or screen.is_interactive()):
        raise click.UsageError("There is nobody to ask: say --yes, or see --dry-run first.")
    if dry_run or not yes:
        preview(steps, err=not dry_run)
        if folder is not None:
            click.echo(f"   remove  {screen.home_shortened(folder)}", err=not dry_run)
    if dry_run:
        package.uninstall(dry_run=True)
        screen.say("\nNothing was removed.")
        return
    if not (yes or confirm("Remove all this, and atomic itself?")):
        raise click.Abort
    with telemetry().command("atomic_command", source="cli", command="uninstall"):
        apply(project, known, steps)
        report(steps, nothing="There was nothing of atomic's in this project.")
    _let_last_events_leave()
    if folder is not None:
        _remove_folder(folder)
    package.uninstall(dry_run=False)


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
    raise screen.Failure(f"{folder} could not be removed.", "Remove it yourself.")
