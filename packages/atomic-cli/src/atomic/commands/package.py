"""Upgrade and remove the package `atomic-cli` itself, by the installer it came from."""

import shlex
import subprocess
import sys

import click

from atomic import __version__, installer, screen
from atomic.screen import Failure

_ASK_VERSION = f"from importlib.metadata import version; print(version({installer.PACKAGE!r}))"


def upgrade(*, dry_run: bool) -> None:
    """Upgrade `atomic`, or say how that is done. Raise Failure if the installer fails."""
    found = installer.decide(installer.facts())
    if found.upgrade is None:
        screen.say(f"atomic itself ({__version__}) was not upgraded. {found.to_upgrade}")
    elif dry_run:
        click.echo(f"      run  {shlex.join(found.upgrade)}")
    else:
        _run(found.upgrade)
        now = _version()
        if now == __version__:
            screen.say(f"atomic {__version__} is the newest.")
        else:
            screen.say(f"atomic is {now} now (was {__version__}).")
            screen.say("Run `atomic update` once more in each project for what it brings.")


def uninstall(*, dry_run: bool) -> None:
    """Remove `atomic`, or say how that is done. Raise Failure if the installer fails."""
    found = installer.decide(installer.facts())
    if found.uninstall is None or sys.platform == "win32":
        # Windows does not let a running program be removed.
        instead = shlex.join(found.uninstall) if found.uninstall else ""
        screen.say(f"atomic itself stays. {found.to_uninstall or f'Remove it with: {instead}'}")
    elif dry_run:
        click.echo(f"      run  {shlex.join(found.uninstall)}")
    else:
        _run(found.uninstall)
        screen.say("atomic is uninstalled.")


def _run(command: tuple[str, ...]) -> None:
    """Run an installer, which says on stderr what it does meanwhile."""
    said = shlex.join(command)
    if not installer.is_there(command):
        raise Failure(f"{command[0]} is not on the PATH.", f"Run this yourself: {said}")
    screen.say(click.style(f"$ {said}", dim=True))
    ended = subprocess.run(command, stdout=sys.stderr, check=False)
    if ended.returncode:
        raise Failure(f"{said} failed (exit code {ended.returncode}).")


def _version() -> str:
    asked = subprocess.run(
        [sys.executable, "-P", "-c", _ASK_VERSION], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or __version__
