"""The buffer's hot half: append one event, as one line, beside a hundred others doing the same.

Every writer, and the uploader that takes the buffer away by renaming it, holds the file's lock for
the few microseconds in which it works. Who gets the lock looks whether the file it opened is still
the one at the path, and opens anew if it was taken meanwhile. Why each race is harmless:
`docs/reliability.md`.
"""

import _thread
import os
import stat

from afterword import lock
from afterword.lock import same_file

MOST_LINE = 64 * 1024  # Application Insights takes no larger item (service limits page)

_PATIENCE = 0.1
_TRIES = 10
_FLAGS: int = (
    os.O_RDWR
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO put there must not hold the command
    | getattr(os, "O_BINARY", 0)
)
_threads = _thread.allocate_lock()  # the file's lock keeps processes apart, not threads


def _after_fork() -> None:
    global _threads  # noqa: PLW0603  # the thread that may have held it was not forked along
    _threads = _thread.allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def append(path: str, line: bytes) -> int:
    """Append `line` (without its newline) as a whole or not at all; return the file's new size.

    A line cut short by an earlier crash is closed first, so that it swallows nothing. Should the
    lock not be had within a tenth of a second (its holder is stopped, or the file system has no
    locks), the line is appended without: still whole, as O_APPEND is atomic on a local POSIX file
    system; and if the file turns out to have been taken just then, once more to the new one.
    Windows has no atomic append at all; there the lock alone keeps lines apart.

    Raises:
        OSError: it could not be written; the file is as it was.
    """
    threads = _threads
    if not threads.acquire(timeout=_TRIES * _PATIENCE):
        raise BlockingIOError(11, "another thread is writing", path)
    try:
        for _ in range(_TRIES):
            fd = os.open(path, _FLAGS, 0o600)
            try:
                size = _append_locked(fd, path, line)
            finally:
                os.close(fd)  # lets the lock go
            if size is not None:
                return size
        raise BlockingIOError(11, "taken away again and again", path)
    finally:
        threads.release()


def _append_locked(fd: int, path: str, line: bytes) -> int | None:
    """The new size, or None if the file was taken before the line was safely in it."""
    try:
        locked = lock.wait_lock(fd, _PATIENCE)
    except OSError:
        locked = False
    if locked and not same_file(fd, path):
        return None
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(22, "not a plain file", path)
    text = line + b"\n"
    if found.st_size and not _ends_line(fd, found.st_size):
        text = b"\n" + text
    written = os.write(fd, text)
    if written < len(text):
        # Take it back, unless one without a lock wrote behind it; then it is a torn line.
        if locked and os.fstat(fd).st_size == found.st_size + written:
            os.ftruncate(fd, found.st_size)
        raise OSError(28, "no space left for", path)
    if not locked and not same_file(fd, path):
        return None
    return found.st_size + written


def _ends_line(fd: int, size: int) -> bool:
    os.lseek(fd, size - 1, os.SEEK_SET)
    return os.read(fd, 1) == b"\n"
