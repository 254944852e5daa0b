"""Append an event to the buffer, while other commands do the same. On the startup path.

Every writer, and the uploader that takes the buffer by renaming it, holds the file's lock for the
few microseconds in which it works. A writer that gets the lock checks that the file it opened is
still the one at the path, and opens it again if it was taken meanwhile. A writer that does not get
the lock in time writes to a file of its own beside it, which the uploader finds by its name. Why
each race is harmless: `docs/reliability.md`. Loaded only where telemetry is on.
"""

import _thread
import os
import stat
import sys

from afterword.schema import buffer_key, timestamp, uuid4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from afterword.schema import Event

MOST_LINE = 62 * 1024
"""Bytes. Application Insights takes no item over 64 KB (service limits page), and what is sent with
a line takes up to one more."""

_PLATFORM = sys.platform if sys.platform in ("darwin", "linux", "win32") else "other"
_PATIENCE = 0.02
"""Seconds a command waits for the lock, before it writes to a file of its own."""

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
_token = ""  # names this process's own files; empty until it needs one


def _after_fork() -> None:
    global _threads, _token  # noqa: PLW0603  # the thread that may have held it was not forked along
    _threads = _thread.RLock()
    _token = ""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _is_owned(lock: "_thread.RLock") -> bool:
    """Does this thread hold the lock? Asked as `threading.Condition` does."""
    return bool(lock._is_owned())  # type: ignore[attr-defined]  # noqa: SLF001


def enter(patience: float) -> bool:
    """Be the one thread of this process that has a buffer file open, until `leave`.

    On POSIX closing any descriptor of a file releases this process's lock on it. So this is called
    before a file that is appended to is opened, even to read it.

    Args:
        patience: seconds to wait for another thread.

    Returns:
        False if another thread kept it, or this thread has it already (in a signal handler).
    """
    return not _is_owned(_threads) and _threads.acquire(timeout=patience)


def leave() -> None:
    """Leave, so that another thread can enter. Without effect for a thread that has not entered."""
    if _is_owned(_threads):
        _threads.release()


def encode(
    event: "Event",
    fields: "Mapping[str, object]",
    *,
    anonymous_id: str,
    version: tuple[str, str],
    now: float,
) -> str:
    """One event as a line of the buffer. By declaration nothing in it needs escaping.

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


def append(path: str, line: bytes, wanted: "Callable[[], bool] | None" = None) -> int:
    """Append `line` (without its newline) as a whole or not at all, and never without a lock.

    A line cut short by an earlier crash is closed first, so that it swallows nothing. Where the
    lock is not had in time (its holder is stopped, another thread or the interrupted code of a
    signal's handler is writing, a scanner holds the file) the line goes to a file of our own beside
    it: `telemetry-events.new-TOKEN.jsonl`. A POSIX file system without locks is the exception:
    there it is appended, which O_APPEND keeps whole on a local disk. Nothing is sent from there, as
    nobody can be the one uploader.

    Args:
        path: the buffer.
        line: the event.
        wanted: asked with the lock held, just before the write. Who turns it off writes that down
            first and then takes the file, with its lock: so either we see it, or the line is taken.

    Returns:
        The file's size; of all files beside it too, where we had to write to one of our own. -1 if
        `wanted` said no: nothing was written.

    Raises:
        OSError: it could not be written; the file is as it was.
    """
    global _patience  # noqa: PLW0603  # a stopped holder is waited for once, not by each event
    if _is_owned(_threads):
        return _append_beside(path, line, "", wanted)
    try:  # also around the taking of the lock: a Ctrl-C may come right after it
        if not enter(_TRIES * _PATIENCE):
            return _append_beside(path, line, "", wanted)
        for attempt in range(_TRIES):
            try:
                size = _append(path, line, _PATIENCE if attempt else _patience, wanted)
            except BlockingIOError:
                _patience = 0.0
                break
            if size is not None:
                _patience = _PATIENCE
                return size
        return _append_beside(path, line, _own_token(), wanted)
    finally:
        leave()


def _append(
    path: str,
    line: bytes,
    patience: float,
    wanted: "Callable[[], bool] | None",
    *,
    ours: bool = False,
) -> int | None:
    """Append to this file; its new size, or None if it was taken before the line was safely in it.

    -1 if it is no longer `wanted`.

    `ours`: no other process appends to it, so it needs no lock where there are none.

    Raises:
        BlockingIOError: somebody has the file, and keeps it.
        OSError: as `append` does.
    """
    fd = -1
    try:
        fd = os.open(path, _FLAGS, 0o600)
        return _append_locked(fd, path, line, patience, wanted, ours=ours)
    except PermissionError as error:
        if sys.platform != "win32":
            raise
        raise BlockingIOError(11, "others have it open, or it is being deleted", path) from error
    finally:
        if fd >= 0:
            os.close(fd)  # releases the lock


def _append_beside(path: str, line: bytes, token: str, wanted: "Callable[[], bool] | None") -> int:
    """Append to a file of our own; the size of all that was not taken yet.

    `token` names the file: this process's, where no other thread can be at it; or empty, for a new
    one. Only an uploader can have it, for the moment in which it renames it.

    Raises:
        OSError: as `append` does.
    """
    stem = path.removesuffix(".jsonl")
    for _ in range(_TRIES):
        beside = f"{stem}.new-{token or _new_token()}.jsonl"
        try:
            size = _append(beside, line, 0.0, wanted, ours=True)
            if size is not None:
                return _size_of_new(path, f"{stem}.new-") if size >= 0 else size
        except BlockingIOError:
            pass
        token = ""
    raise BlockingIOError(11, "taken away again and again", path)


def _own_token() -> str:
    global _token  # noqa: PLW0603  # one file for a process, however many events it writes there
    _token = _token or _new_token()
    return _token


def _new_token() -> str:
    return os.urandom(8).hex()


def _size_of_new(path: str, beside: str) -> int:
    folder = os.path.dirname(path)
    size = 0
    for name in os.listdir(folder):
        one = os.path.join(folder, name)
        if one == path or one.startswith(beside):
            try:
                size += os.lstat(one).st_size
            except OSError:
                continue  # taken in this moment
    return size


def _append_locked(
    fd: int,
    path: str,
    line: bytes,
    patience: float,
    wanted: "Callable[[], bool] | None",
    *,
    ours: bool,
) -> int | None:
    """As `_append`, with the file open as `fd`."""
    locked = _lock(fd, path, patience, ours=ours)
    found = os.fstat(fd)
    if locked and not _is_at(path, found):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise OSError(22, "not a plain file", path)
    if wanted is not None and not wanted():
        return -1
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


def _lock(fd: int, path: str, patience: float, *, ours: bool) -> bool:
    """Lock the file; as a rule at once, so that `lock` is loaded only where one has to wait.

    Returns:
        False where there are no locks, and the line may be appended all the same.

    Raises:
        BlockingIOError: it may not; another process has the lock, and keeps it.
    """
    if sys.platform != "win32":
        try:
            os.lockf(fd, os.F_TLOCK, 0)
        except (BlockingIOError, PermissionError):
            pass
        except OSError:
            return False
        else:
            return True
    elif ours:
        return True  # and that it is open keeps an uploader from taking it
    from afterword import lock

    if not lock.wait_lock(fd, patience):
        raise BlockingIOError(11, "another process is writing", path)
    return True


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
