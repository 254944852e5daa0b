"""Append an event to the buffer as one line, while other processes do the same.

Every writer, and the uploader that takes the buffer away by renaming it, holds the file's lock for
the few microseconds in which it works. Who gets the lock looks whether the file it opened is still
the one at the path, and opens anew if it was taken meanwhile. Why each race is harmless:
`docs/reliability.md`. Loaded only where telemetry is on.
"""

import _thread
import os
import stat
import sys

from afterword.schema import buffer_key, timestamp, uuid4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from afterword.schema import Event

MOST_LINE = 64 * 1024  # Application Insights takes no larger item (service limits page)

_PLATFORM = sys.platform if sys.platform in ("darwin", "linux", "win32") else "other"
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
_threads = _thread.RLock()  # the file's lock keeps processes apart, not threads
_patience = _PATIENCE  # seconds; none any more after a wait in vain, until it is had again


def _after_fork() -> None:
    global _threads  # noqa: PLW0603  # the thread that may have held it was not forked along
    _threads = _thread.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _is_owned(lock: "_thread.RLock") -> bool:
    """Does this thread hold the lock? Asked as `threading.Condition` does."""
    return bool(lock._is_owned())  # type: ignore[attr-defined]  # noqa: SLF001


def encode(
    event: "Event",
    fields: "Mapping[str, object]",
    *,
    anonymous_id: str,
    version: tuple[str, str],
    now: float,
) -> str:
    """One event as it stands in the buffer. By declaration nothing in it needs escaping.

    `fields` are as declared. `version`: the application's, by its key; `now`: seconds since 1970.
    """
    parts = [
        f'"eventId":"{uuid4()}","eventType":"{event.name}","timestamp":"{timestamp(now)}"',
        f'"anonymousId":"{anonymous_id}","platform":"{_PLATFORM}"',
        f'"{version[0]}":"{version[1]}"',
    ]
    for key, field in event.fields.items():
        if field.kind == "id":
            parts.append(f'"{buffer_key(key)}":"{uuid4()}"')
        elif key in fields:
            parts.append(f'"{buffer_key(key)}":{field.encode(fields[key])}')
    return "{" + ",".join(parts) + "}"


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
    if _is_owned(threads):
        raise BlockingIOError(11, "a signal's handler came into the midst of another append", path)
    try:  # also around the taking of the lock: a Ctrl-C may come right after it
        if not threads.acquire(timeout=_TRIES * _PATIENCE):
            raise BlockingIOError(11, "another thread is writing", path)
        for attempt in range(_TRIES):
            fd = -1
            try:
                fd = os.open(path, _FLAGS, 0o600)
                size = _append_locked(fd, path, line, _PATIENCE if attempt else _patience)
            finally:
                if fd >= 0:
                    os.close(fd)  # lets the lock go
            if size is not None:
                return size
        raise BlockingIOError(11, "taken away again and again", path)
    finally:
        if _is_owned(threads):
            threads.release()


def _append_locked(fd: int, path: str, line: bytes, patience: float) -> int | None:
    """The new size, or None if the file was taken before the line was safely in it."""
    try:
        locked = _lock(fd, patience)
    except OSError:
        locked = False
    found = os.fstat(fd)
    if locked and not _is_at(path, found):
        return None
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
    if not locked and not _is_at(path, found):
        return None
    return found.st_size + len(text)


def _lock(fd: int, patience: float) -> bool:
    """Lock the file; as a rule at once, so that `lock` is loaded only where one has to wait."""
    global _patience  # noqa: PLW0603  # a stopped holder is waited for once, not by each event
    if sys.platform != "win32":
        try:
            os.lockf(fd, os.F_TLOCK, 0)
        except (BlockingIOError, PermissionError):
            pass
        else:
            _patience = _PATIENCE
            return True
    from afterword import lock

    had = lock.wait_lock(fd, patience)
    _patience = _PATIENCE if had else 0.0
    return had


def _is_at(path: str, found: os.stat_result) -> bool:
    """Is the file that `found` tells of still the one at the path?"""
    try:
        there = os.lstat(path)
    except OSError:
        return False
    return found.st_ino == there.st_ino and found.st_dev == there.st_dev


def _ends_line(fd: int, size: int) -> bool:
    if sys.platform != "win32":
        return os.pread(fd, 1, size - 1) == b"\n"
    os.lseek(fd, size - 1, os.SEEK_SET)
    return os.read(fd, 1) == b"\n"
