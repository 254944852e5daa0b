"""Small flat JSON files (state, last upload), replaced as a whole; `folder` reads them."""

import contextlib
import errno
import json
import os

from afterword.folder import Flat, stamp
from afterword.lock import put_in_place

_FLAGS: int = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)


def write(path: str, values: Flat) -> None:
    """Replace the file as a whole: written beside it, then renamed. Raise OSError if it fails."""
    _replace(path, values, None)


def update(path: str, values: Flat, seen: tuple[int, ...] | None) -> bool:
    """Replace the file as `write` does, unless it has changed since `seen`; False if it has.

    `seen`: its stamp, taken before it was read. Between the last look and the renaming it may still
    change; who may not lose such a change calls `abandon_others` after it.

    Raises:
        OSError: it could not be written.
    """
    try:
        return _replace(path, values, (seen,))
    except FileNotFoundError:  # abandoned, or the folder is gone
        return False


def abandon_others(path: str) -> None:
    """Remove what others have written beside the file and not renamed yet, so that they fail."""
    folder, name = os.path.split(path)
    for one in os.listdir(folder):
        if one.startswith(f"{name}.") and one.endswith(".tmp"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, one))


def _replace(path: str, values: Flat, seen: tuple[tuple[int, ...] | None] | None) -> bool:
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()]
    data = ("{\n" + ",\n".join(lines) + "\n}\n").encode()
    # Not the process's number: in containers that share a home, several have the same.
    beside = f"{path}.{int.from_bytes(os.urandom(6))}.tmp"
    fd = os.open(beside, _FLAGS, 0o600)
    try:
        try:
            if os.write(fd, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(fd)
        if seen is not None and stamp(path) != seen[0]:
            os.unlink(beside)
            return False
        put_in_place(beside, path)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = path  # a full disk names no file
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    return True
