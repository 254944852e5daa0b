"""Locks that end with their holder, on each system.

A lock is held on an open file descriptor and ends when it is closed or its process dies, so there
is never a stale one. POSIX: `os.lockf`, which is in the interpreter (`fcntl` is a module to load,
1.7 ms). It excludes processes, not threads, and closing *any* descriptor of the file in this
process releases it: so in a threaded program only one thread at a time may use a lock file.
Windows: `msvcrt.locking` on one byte far behind the data, because there a lock forbids reading; and
a file that anybody has open can be neither renamed nor removed, so that is tried with patience.
"""

import os
import sys
import time

POLL = 0.0005
"""Seconds for which who waits for a lock sleeps, first; then twice as long each time."""

_YIELDS = 10
"""How often who waits first lets the others run instead: an append is done in microseconds, but its
process may have lost the processor to us. A hundred writers at once get a third more done so."""

_LONGEST_NAP = 0.02

_FAR = 1 << 30
"""Where the locked byte lies on Windows: far behind the data, and in reach of 32 bits."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


if sys.platform == "win32":
    import msvcrt

    def _let_others_run() -> None:
        time.sleep(0)

    def try_lock(fd: int) -> bool:
        """Take the lock on `fd` if it is free; never wait."""
        here = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:  # EACCES; Wine 8 gives no number, or an old one
            return False
        finally:
            os.lseek(fd, here, os.SEEK_SET)
        return True

    def is_locked(fd: int) -> bool:
        """Does another process hold the lock on `fd`? To ask is to take it, for a moment."""
        return not try_lock(fd)

    def patiently(change: "Callable[[], object]", patience: float = 0.1) -> None:
        """Rename or remove a file, again and again for `patience` seconds while it is open.

        One of our commands has it open for microseconds, a virus scanner or an indexer for longer.

        Raises:
            PermissionError: somebody kept it open.
            OSError: it cannot be for another reason.
        """
        until = time.monotonic() + patience
        nap = POLL
        while True:
            try:
                change()
            except PermissionError:
                left = until - time.monotonic()
                if left <= 0:
                    raise
                time.sleep(min(nap, left))
                nap = min(2 * nap, _LONGEST_NAP)
            else:
                return

    def put_in_place(beside: str, path: str) -> None:
        """Replace the small file at `path` by `beside`, also while a suspended command has it open.

        Then it is written over where it stands: a person's no must not wait for that command. Who
        reads it in this moment finds no answer in it, and no answer is a no as well.

        Raises:
            PermissionError: others have it open, and share it with nobody.
            OSError: it cannot be for another reason.
        """
        try:
            patiently(lambda: os.replace(beside, path))
        except PermissionError:
            with open(beside, "rb") as new:
                data = new.read()
            fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_BINARY)
            try:
                os.write(fd, data)
            finally:
                os.close(fd)
            os.unlink(beside)

    def rename_and_close(fd: int, path: str, target: str, patience: float = 0.1) -> None:
        """Rename the locked file at `path`, open as `fd`, and close that in any case.

        An open file cannot be renamed here: so ours is closed first, and while any writer has it
        open the rename fails. What we lose as a lock the system holds for us.

        Raises:
            PermissionError: for `patience` seconds somebody had it open.
            OSError: it is gone, `target` is there, or it cannot be for another reason.
        """
        os.close(fd)
        patiently(lambda: os.rename(path, target), patience)

else:
    _let_others_run = os.sched_yield

    def try_lock(fd: int) -> bool:
        """Take the lock on `fd` if it is free; never wait. Raise OSError without locks."""
        try:
            os.lockf(fd, os.F_TLOCK, 0)
        except (BlockingIOError, PermissionError):  # EAGAIN or EACCES: somebody holds it
            return False
        return True

    def is_locked(fd: int) -> bool:
        """Does another process hold the lock on `fd`? Raise OSError without locks."""
        try:
            os.lockf(fd, os.F_TEST, 0)
        except (BlockingIOError, PermissionError):
            return True
        return False

    def patiently(change: "Callable[[], object]", patience: float = 0.1) -> None:  # noqa: ARG001
        """Rename or remove a file; on POSIX it may be open elsewhere."""
        change()

    def put_in_place(beside: str, path: str) -> None:
        """Replace the small file at `path` by `beside`."""
        os.replace(beside, path)

    def rename_and_close(fd: int, path: str, target: str, patience: float = 0.1) -> None:  # noqa: ARG001
        """Rename the locked file at `path`, open as `fd`, and close that in any case."""
        try:
            os.rename(path, target)
        finally:
            os.close(fd)


def wait_lock(fd: int, patience: float) -> bool:
    """Take the lock on `fd`, waiting at most `patience` seconds for its holder.

    Bounded, because a holder may be a stopped process (Ctrl-Z in the wrong microsecond).
    """
    for _ in range(_YIELDS):
        if try_lock(fd):
            return True
        _let_others_run()
    until = time.monotonic() + patience
    nap = POLL
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(nap, left))
        if try_lock(fd):
            return True
        nap *= 2  # a hundred who wait are not to be what the holder waits for
    return False


def same_file(fd: int, path: str) -> bool:
    """Is the file open as `fd` still the one at `path`, or was it renamed or removed meanwhile?"""
    try:
        there = os.lstat(path)
    except OSError:
        return False
    here = os.fstat(fd)
    return here.st_ino == there.st_ino and here.st_dev == there.st_dev


_claimed: dict[tuple[str, int], object] = {}
"""Which thread of this process is at which lock file. With the process's id, as a fork inherits
the dictionary and not the locks. `setdefault` is one step: it claims, or says who was there."""


def is_held(path: str) -> bool:
    """Does a living process hold the lock file at `path`? Changes nothing; False if unsure."""
    if not claim(path, object()):
        return True
    try:
        return is_locked_at(path)
    finally:
        disclaim(path)


def is_locked_at(path: str) -> bool:
    """Does another process hold the lock on the file at `path`? False if unsure.

    For who is the one thread of this process at it.
    """
    try:
        fd = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        return is_locked(fd)
    except OSError:
        return False
    finally:
        os.close(fd)


def claim(path: str, owner: object) -> bool:
    """Be the one thread of this process at the lock file; False if another one is."""
    return _claimed.setdefault((path, os.getpid()), owner) is owner


def disclaim(path: str) -> None:
    """No longer be it."""
    _claimed.pop((path, os.getpid()), None)
