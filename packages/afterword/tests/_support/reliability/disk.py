"""A process that dies at its Nth call that changes the disk, without dying.

From that call on, every call that would change the disk or open a file raises `Killed` instead: so
the disk stays as SIGKILL would leave it, whatever `finally` and `with` still try. Closing works, as
a dead process lets its locks go.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

_CHANGES = ("open", "write", "unlink", "rename", "replace", "ftruncate", "fsync", "mkdir", "chmod")


class Killed(BaseException):
    """The process is dead from here on."""


class Disk:
    """Counts this thread's calls down to the one that kills; None: it lives."""

    def __init__(self, calls_left: int | None) -> None:
        self._left = calls_left
        self._thread = threading.get_ident()
        self.dead = False

    def kill(self) -> None:
        """Let the next call be the last."""
        self._left = 0

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Stand in for `os`; `Killed` ends here."""
        real = {name: getattr(os, name) for name in _CHANGES}
        try:
            for name, function in real.items():
                setattr(os, name, self._guarded(function))
            with contextlib.suppress(Killed):
                yield
        finally:
            for name, function in real.items():
                setattr(os, name, function)

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **keywords: Any) -> Any:
            if threading.get_ident() == self._thread and self._left is not None:
                if self._left <= 0:
                    self.dead = True
                    raise Killed
                self._left -= 1
            return function(*arguments, **keywords)

        return guarded
