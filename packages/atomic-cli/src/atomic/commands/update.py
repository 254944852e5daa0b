"""`atomic update`: this project's files, then `atomic` itself, brought to what is newest."""

import click

from atomic import screen
from atomic.agents import AGENTS, installation
from atomic.commands import options, package
from atomic.commands.changes import manifest_of, preview, project_here, report
from atomic.install.apply import apply
from atomic.install.plan import to_update
from atomic.telemetry import telemetry


@click.command()
@options.dry_run
@options.no_banner
def update(dry_run: bool, no_banner: bool) -> None:  # noqa: ARG001  # there is none here
    """Update this project's workflow files, and atomic.

    Files that you have edited are left; the new version is put beside them (`.new`). atomic itself
    is upgraded by the installer it came from: uv tool, pipx or pip.
    """
    if dry_run:
        _update(dry_run=True)
    else:
        with telemetry().command("atomic_command", source="cli", command="update"):
            _update(dry_run=False)


def _update(*, dry_run: bool) -> None:
    project = project_here()
    known = manifest_of(project)
    if not known.files:
        screen.say("This project is not set up: `atomic init` does that.")
    wanted = installation(key for key in known.agents if key in AGENTS)
    steps = to_update(wanted, known, project.read)
    if dry_run:
        preview(steps, err=False)
    elif known.files:
        apply(project, known, steps)
        report(steps, nothing="This project's files are up to date.")
    package.upgrade(dry_run=dry_run)
    if dry_run:
        screen.say("\nNothing was changed.")
