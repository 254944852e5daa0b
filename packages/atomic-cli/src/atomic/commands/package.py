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
from atomic.telemetry import command

_NOT_LOOKED_UP = "The newest version of atomic could not be looked up"


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


def removal() -> tuple[str, ...] | None:
    """The command that removes the program; None if that is not ours to do."""
    # Windows does not let a running program be removed.
    return None if sys.platform == "win32" else installer.decide(installer.facts()).uninstall


def uninstall(*, dry_run: bool) -> None:
    """Remove `atomic`, or say how that is done. Raise Failure if the installer fails."""
    wanted = removal()
    if wanted is None:
        found = installer.decide(installer.facts())
        by_hand = f"Remove it with: {shlex.join(found.uninstall or ())}"
        screen.say(f"atomic itself stays. {found.to_uninstall or by_hand}")
    elif dry_run:
        click.echo(lists.one_line("run", shlex.join(wanted), "cyan"))
    else:
        _run(wanted)
        screen.say("atomic is uninstalled.")


def _newest(lookup: tuple[str, ...]) -> str:
    """The newest version there is: a line of its own, or in pip's report.

    Raises:
        Failure: it cannot be found out.
    """
    _must_be_there(lookup, f"Upgrade {installer.PACKAGE} with it yourself.")
    asked = subprocess.run(lookup, capture_output=True, text=True, check=False)
    try:
        if asked.stdout[:1].isdecimal():
            return asked.stdout.strip()
        return str(json.loads(asked.stdout)["install"][0]["metadata"]["version"])
    except (ValueError, LookupError, TypeError):
        said = [line for line in asked.stderr.splitlines() if line.lower().startswith("error:")]
        why = said[-1].partition(": ")[2] if said else f"exit code {asked.returncode}"
        raise Failure(
            f"{_NOT_LOOKED_UP}: {why}", "Are you online? atomic itself was not changed."
        ) from None


def _run(wanted: tuple[str, ...]) -> None:
    """Run an installer, which says on stderr what it does meanwhile."""
    said = shlex.join(wanted)
    _must_be_there(wanted, f"Run this yourself: {said}")
    screen.say(click.style(f"$ {said}", dim=True))
    ended = subprocess.run(wanted, stdout=sys.stderr, check=False)
    if ended.returncode:
        raise Failure(f"{said} failed (exit code {ended.returncode}).")


def _must_be_there(wanted: tuple[str, ...], hint: str) -> None:
    if not installer.is_there(wanted):
        raise Failure(f"{wanted[0]} is not on the PATH.", hint)


def _version() -> str:
    asked = subprocess.run([*command(), "--version"], capture_output=True, text=True, check=False)
    return asked.stdout.strip().rpartition(" ")[2] or __version__
