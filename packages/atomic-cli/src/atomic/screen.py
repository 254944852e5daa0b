"""Output for people: results on stdout, messages on stderr, colours if wanted."""

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

import click

from atomic import __version__

WIDTH = 80
"""Columns of a terminal that does not say how wide it is."""

_NO_END = 100_000


class Failure(click.ClickException):
    """What the person asked for cannot be done.

    `message`: what went wrong. `hint`: what to do about it. `code`: the exit code.
    """

    def __init__(self, message: str, hint: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code

    def show(self, file: object = None) -> None:  # noqa: ARG002  # click's signature
        """Print it to stderr."""
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {self.message}", err=True)
        if self.hint:
            click.echo(self.hint, err=True)


def colours(environment: Mapping[str, str]) -> bool | None:
    """Whether to colour: False if the environment says no (https://no-color.org); else None.

    None leaves it to click: yes on a terminal, no in a file or a pipe.
    """
    return False if environment.get("NO_COLOR") or environment.get("TERM") == "dumb" else None


def end_by_failed_call(error: OSError) -> NoReturn:
    """Say which call to the system failed, for which file, and exit with 1."""
    with contextlib.suppress(OSError):  # stderr may be on the same full disk
        if not isinstance(error, BrokenPipeError):  # who read our output has had enough
            what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
            Failure(f"{what}.").show()
    _let_go_of_streams()
    sys.exit(1)


def end_by_failure(error: click.ClickException, code: int) -> NoReturn:
    """Print what is wrong, and exit with the code even if it cannot be printed."""
    try:
        error.show()
    except OSError:
        _let_go_of_streams()
    sys.exit(code)


def _let_go_of_streams() -> None:
    """Make sure that Python's last flush of these streams succeeds."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(message: str = "") -> None:
    """Tell the person something that is no result."""
    click.echo(message, err=True)


def banner() -> None:
    """Two lines before `init`, on a terminal only."""
    if sys.stderr.isatty():
        say(f"{click.style('atomic', bold=True, fg='cyan')} {__version__}")
        say(click.style("Workflow commands for coding agents.\n", dim=True))


def is_interactive() -> bool:
    """Can the person be asked? Questions go to stderr, answers come from stdin."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def is_terminal(*, err: bool) -> bool:
    """Does a person read what goes to stderr (`err`) or stdout?"""
    return (sys.stderr if err else sys.stdout).isatty()


def columns(*, err: bool) -> int:
    """How wide the terminal is; a file or pipe has no end."""
    try:
        return os.get_terminal_size((sys.stderr if err else sys.stdout).fileno()).columns or WIDTH
    except (OSError, ValueError):
        return _NO_END


def home_shortened(path: str) -> str:
    """The path with `~` for the home folder."""
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path.startswith(home + os.sep) else path
