"""Lock files: one holder at a time for a whole piece of work, gone when it is done.

Who else may look whether one is held, without taking it: `lock.is_held`.
"""

import os
import sys
import time

from afterword.lock import POLL, claim, disclaim, same_file, wait_lock


class FileLock:
    """A lock file: held by one thread of one process at a time, removed by who lets it go.

    Removing a lock file is safe here because a holder is only who has locked the file that is
    *still at the path*; whoever locked a removed one tries again.
    """

    __slots__ = ("_fd", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def acquire(self, patience: float = 0.0) -> bool:
        """Become the holder, waiting at most `patience` seconds. Raise OSError if it cannot be."""
        until = time.monotonic() + patience
        while True:
            taken_away = False
            if claim(self.path, self):
                try:
                    taken_away = not self._lock(until)
                finally:
                    if self._fd < 0:
                        disclaim(self.path)
            if self._fd >= 0:
                return True
            if not taken_away and time.monotonic() >= until:
                return False
            time.sleep(POLL)

    def _lock(self, until: float) -> bool:
        """Lock the file at the path if it can be; False if it was no longer there then."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            fd = os.open(self.path, flags, 0o600)
        except PermissionError:
            if sys.platform != "win32":
                raise
            return True  # just being removed, or a scanner has it: as if it were held
        try:
            if not wait_lock(fd, max(0.0, until - time.monotonic())):
                return True
            if not same_file(fd, self.path):
                return False
            self._fd, fd = fd, -1
            return True
        finally:
            if fd >= 0:
                os.close(fd)

    def release(self) -> None:
        """Remove the lock file and let go. Without effect when not held."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            if sys.platform == "win32":  # an open file cannot be removed there
                os.close(fd)
                fd = -1
            os.unlink(self.path)
        except OSError:
            pass  # on Windows the next holder may have it open already
        finally:
            if fd >= 0:
                os.close(fd)
            disclaim(self.path)
