"""Upgrade and remove the package `atomic-cli` itself, by the installer it came from."""

import json
import shlex
import subprocess
import sys

import click

from atomic import __version__, installer, screen
from atomic.commands import lists
from atomic.install.versions import is_newer
from atomic.screen import Failure

_ASK_VERSION = f"from importlib.metadata import version; print(version({installer.PACKAGE!r}))"
_NOT_LOOKED_UP = "What the newest atomic is could not be looked up"


def command() -> tuple[str, ...]:
    """How this `atomic` is started by full path, so that it is the same one."""
    return (sys.executable, "-P", "-c", "from atomic.__main__ import main; main()")


def upgrade(*, dry_run: bool) -> bool:
    """Upgrade `atomic`, or say how that is done; True if there is a new one now.

    Raises:
        Failure: what is newest could not be looked up, or the installer failed.
    """
    found = installer.decide(installer.facts())
    if found.upgrade is None:
        screen.say(f"atomic itself ({__version__}) was not upgraded. {found.to_upgrade}")
        return False
    if dry_run:
        click.echo(lists.one_line("run", shlex.join(found.upgrade), "cyan"))
        return False
    newest = _newest(found.lookup) if found.lookup else None
    if newest is None or is_newer(newest, __version__):
        _run(found.upgrade)
        now = _version()
        if now != __version__:
            screen.say(f"atomic is {now} now (was {__version__}).")
            return True
        if newest is not None:
            raise Failure(f"atomic is still {__version__}, though {newest} is there.")
    screen.say(f"atomic {__version__} is the newest.")
    return False


def can_be_removed() -> bool:
    """Is it ours to remove the program?"""
    return _removal() is not None


def how_to_remove() -> str:
    """The command that removes the program, or what the person does instead."""
    found = installer.decide(installer.facts())
    if found.uninstall is None:
        return found.to_uninstall
    return shlex.join(found.uninstall)


def uninstall(*, dry_run: bool) -> None:
    """Remove `atomic`, or say how that is done. Raise Failure if the installer fails."""
    removal = _removal()
    if removal is None:
        how = how_to_remove()
        screen.say(f"atomic itself stays. {how if ' with' in how else f'Remove it with: {how}'}")
    elif dry_run:
        click.echo(lists.one_line("run", shlex.join(removal), "cyan"))
    else:
        _run(removal)
        screen.say("atomic is uninstalled.")


def _removal() -> tuple[str, ...] | None:
    # Windows does not let a running program be removed.
    return None if sys.platform == "win32" else installer.decide(installer.facts()).uninstall


def _newest(lookup: tuple[str, ...]) -> str:
    """The newest version there is, as pip reports it.

    Raises:
        Failure: it cannot be found out.
    """
    _must_be_there(lookup, f"Upgrade {installer.PACKAGE} with it yourself.")
    asked = subprocess.run(lookup, capture_output=True, text=True, check=False)
    try:
        return str(json.loads(asked.stdout)["install"][0]["metadata"]["version"])
    except (ValueError, LookupError, TypeError):
        said = [line for line in asked.stderr.splitlines() if line.startswith("ERROR:")]
        why = said[-1].removeprefix("ERROR: ") if said else f"exit code {asked.returncode}"
        raise Failure(
            f"{_NOT_LOOKED_UP}: {why}", "Are you online? atomic itself stays as it is."
        ) from None


def _run(command: tuple[str, ...]) -> None:
    """Run an installer, which says on stderr what it does meanwhile."""
    said = shlex.join(command)
    _must_be_there(command, f"Run this yourself: {said}")
    screen.say(click.style(f"$ {said}", dim=True))
    ended = subprocess.run(command, stdout=sys.stderr, check=False)
    if ended.returncode:
        raise Failure(f"{said} failed (exit code {ended.returncode}).")


def _must_be_there(command: tuple[str, ...], hint: str) -> None:
    if not installer.is_there(command):
        raise Failure(f"{command[0]} is not on the PATH.", hint)


def _version() -> str:
    asked = subprocess.run(
        [sys.executable, "-P", "-c", _ASK_VERSION], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or __version__
