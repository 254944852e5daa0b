"""One `atomic` at a time changes a project: a lock file in `.atomic`, there while it is held.

The lock dies with its holder. A file that a killed `atomic` has left is taken over by the next one.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from afterword.lock import same_file, try_lock
from atomic.install.project import PATIENCE, BusyError, Project
from atomic.install.root import FOLDER

PATH = f"{FOLDER}/lock"
_POLL = 0.02


class Held:
    """The lock, held. `made`: `.atomic` is there for us alone; it goes with the lock if empty."""

    def __init__(self, *, made: bool) -> None:
        self.made = made


@contextmanager
def hold(project: Project, waiting: Callable[[], None]) -> Iterator[Held]:
    """Lock the project for changes. `waiting` is called before another is awaited.

    Raises:
        BusyError: another one does not come to its end.
        BlockedError, OSError: nothing can be written in the project.
    """
    fd, made = _take(project, waiting)
    held = Held(made=made)
    try:
        yield held
    finally:
        if os.name == "nt":  # an open file cannot be removed there
            os.close(fd)
        with contextlib.suppress(OSError):
            os.unlink(project.locate(PATH))
        if os.name != "nt":
            os.close(fd)
        if held.made:
            project.remove_folder(FOLDER)


def _take(project: Project, waiting: Callable[[], None]) -> tuple[int, bool]:
    """The lock file, open and locked; and whether `.atomic` was made for it."""
    until, told = time.monotonic() + PATIENCE, False
    made = False
    while True:
        made = bool(project.make_folders(FOLDER)) or made
        path = project.locate(PATH)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except FileNotFoundError:
            continue  # who made the folder has just removed it
        if _is_locked_by_us(fd) and same_file(fd, path):
            return fd, made
        os.close(fd)
        if time.monotonic() > until:
            raise BusyError
        if not told:
            waiting()
            told = True
        time.sleep(_POLL)


def _is_locked_by_us(fd: int) -> bool:
    try:
        return try_lock(fd)
    except OSError:  # a file system without locks: nothing keeps two apart there
        return True
