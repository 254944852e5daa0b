"""Small flat JSON files (state, last upload), replaced as a whole; `folder` reads them."""

import contextlib
import errno
import json
import os

from afterword.folder import Flat

_FLAGS: int = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def write(path: str, values: Flat) -> None:
    """Replace the file as a whole: written beside it, then renamed. Raise OSError if it fails."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()]
    data = ("{\n" + ",\n".join(lines) + "\n}\n").encode()
    beside = f"{path}.{os.getpid()}.tmp"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside)  # one who had our number, as in a container, was killed over it
    fd = os.open(beside, _FLAGS, 0o600)
    try:
        try:
            if os.write(fd, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(fd)
        os.replace(beside, path)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = path  # a full disk names no file
        os.unlink(beside)
        raise
