"""`atomic update`: update `atomic` itself, then this project's files."""

import subprocess
import sys

import click

# The first two are for the program's end: an upgrade replaces the files they would come from.
from atomic import launch, running, screen  # noqa: F401
from atomic.agents import AGENTS, installation
from atomic.commands import lists, options, package
from atomic.commands.changes import changing, find_project, manifest_of
from atomic.install.apply import apply
from atomic.install.plan import Action, of_manifest, to_update
from atomic.install.project import Project
from atomic.screen import Failure
from atomic.telemetry import command, telemetry


@click.command()
@click.option("--project", "files_only", is_flag=True, help="Update this project's files only.")
@click.option("-f", "--force", is_flag=True, help="Also files that a newer atomic has installed.")
@options.here
@options.dry_run
@options.no_banner
def update(files_only: bool, force: bool, here: bool, dry_run: bool, no_banner: bool) -> None:  # noqa: ARG001  # there is none here
    """Update atomic, and this project's workflow files.

    atomic itself is upgraded by the installer it came from: uv tool, pipx or pip. Files that you
    have edited are left; the new version is put beside them (`.new`).
    """
    project = find_project(here=here, ask=not dry_run)
    if dry_run:
        if not files_only:
            package.upgrade(dry_run=True)
        _preview(project, force=force)
        screen.say("\nNothing was changed.")
        return
    failed = None
    if not files_only:
        try:
            if package.upgrade(dry_run=False):
                sys.exit(_continue_with_new_one(project, force=force))
        except Failure as error:
            failed = error
    with telemetry().command("atomic_command", source="cli", command="update"):
        _update(project, force=force)
        if failed is not None:
            raise failed


def _continue_with_new_one(project: Project, *, force: bool) -> int:
    """The new `atomic` does the files, and counts the command; its exit code."""
    again = [*command(), "update", "--project", "--here", *(["--force"] * force)]
    return subprocess.run(again, cwd=project.root, check=False).returncode


def _preview(project: Project, *, force: bool) -> None:
    known = manifest_of(project, force=force)
    wanted = installation(key for key in known.agents if key in AGENTS)
    steps = to_update(wanted, known, project)
    lists.preview([*steps, *of_manifest(known, steps, project)], err=False)


def _update(project: Project, *, force: bool) -> None:
    if not manifest_of(project, force=force).files:
        screen.say("This project is not set up: `atomic init` does that.")
        return
    with changing(project, force=force) as known:
        wanted = installation(key for key in known.agents if key in AGENTS)
        steps = to_update(wanted, known, project)
        more = of_manifest(known, steps, project)
        apply(project, known, steps)
    lists.report([*steps, *more], nothing="This project's files are up to date.")
    if any(step.action is Action.BLOCKED for step in steps):
        raise Failure("Some files could not be updated.", "The list above says why.")
