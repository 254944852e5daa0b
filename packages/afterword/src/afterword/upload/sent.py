"""A copy of what was sent, kept on the person's machine for them to read.

The uploader adds to it after the service has taken an event; no command does. A copy that cannot
be kept is no failure: nothing here raises.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from afterword.folder import DataFolder
from afterword.schema import timestamp

MOST_BYTES = 1_000_000
"""The file's size; over that the oldest copies leave first."""

MOST_AGE = 30 * 24 * 3600.0
"""Seconds for which a copy is kept."""

_MOST_LINE = 100_000  # bytes; an event takes 64 KB at most
_PLAIN: int = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_APPEND: int = os.O_RDWR | os.O_APPEND | os.O_CREAT | _PLAIN
_CREATE: int = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN
_READ: int = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _PLAIN
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Copy:
    """One event that was sent: when (ISO 8601, UTC), to which host, and as it was on the wire."""

    at: str
    host: str
    sent: object


def path_of(folder: DataFolder) -> str:
    """Where the copies are."""
    return os.path.join(folder.path, "telemetry-sent.jsonl")


def keep(
    folder: DataFolder,
    host: str,
    items: Sequence[object],
    now: float,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Add copies of what was just taken, and remove what is too old or too much.

    Args:
        folder: the data folder.
        host: who has taken them.
        items: each event as it was on the wire, as a JSON value.
        now: seconds since 1970.
        wanted: asked before and after: has the person not turned it off, or reset it?
    """
    path = path_of(folder)
    if not items or not wanted():
        return
    at = timestamp(now)
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
        lines = [_encode({"at": at, "host": host, "sent": item}) + "\n" for item in items]
        if _append(path, "".join(lines).encode(), timestamp(now - MOST_AGE)):
            _trim(path, now)
    if not wanted():  # whoever turned it off has deleted what was there before
        delete(folder)


def read(folder: DataFolder, now: float) -> Iterator[Copy]:
    """The copies that are there, the oldest first; what cannot be read is left out."""
    oldest = timestamp(now - MOST_AGE)
    for line in _lines(path_of(folder)):
        copy = _copy(line)
        if copy is not None and copy.at >= oldest:
            yield copy


def delete(folder: DataFolder) -> None:
    """Remove all copies."""
    with contextlib.suppress(OSError):
        os.unlink(path_of(folder))


def _append(path: str, data: bytes, oldest: str) -> bool:
    """Append; is the file too large now, or its first line too old?"""
    fd = os.open(path, _APPEND, 0o600)
    with open(fd, "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                data = b"\n" + data  # an uploader was killed in the middle of a line
        file.write(data)
        file.seek(0)
        first = file.read(_MOST_LINE).partition(b"\n")[0]
        return size + len(data) > MOST_BYTES or _is_older(first, oldest)


def _trim(path: str, now: float) -> None:
    """Rewrite the file without its oldest copies: those too old, and half of them if too many."""
    with open(os.open(path, _READ), "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - MOST_BYTES // 2) if size > MOST_BYTES else 0)
        kept = file.read()
    first = kept.find(b"\n") + 1 if len(kept) < size else 0  # not in the middle of a line
    oldest = timestamp(now - MOST_AGE)
    while first < len(kept) and _is_older(kept[first : _end_of_line(kept, first)], oldest):
        first = _end_of_line(kept, first)
    beside = f"{path}.{os.getpid()}.tmp"
    fd = os.open(beside, _CREATE, 0o600)
    try:
        with open(fd, "wb") as new:
            new.write(kept[first:])
        os.replace(beside, path)
    except OSError:
        os.unlink(beside)
        raise


def _end_of_line(text: bytes, start: int) -> int:
    """Where the line that begins there is over, its line break included."""
    return text.find(b"\n", start) + 1 or len(text)


def _lines(path: str) -> list[bytes]:
    try:
        with open(os.open(path, _READ), "rb") as file:
            return file.readlines(2 * MOST_BYTES + (1 << 20))
    except OSError:
        return []


def _is_older(line: bytes, oldest: str) -> bool:
    copy = _copy(line)
    return copy is None or copy.at < oldest


def _copy(line: bytes) -> Copy | None:
    try:
        found = json.loads(line)
        at, host, sent = found["at"], found["host"], found["sent"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Copy(at, host, sent) if isinstance(at, str) and isinstance(host, str) else None
