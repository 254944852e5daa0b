"""Calls with a time limit, whatever they hang in: name resolution, a socket, a slow answer.

They are made one after another in one thread of their own: starting a thread for each cost a tenth
of the upload. What does not come back in time is left behind, its thread with it.
"""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from afterword.upload.process import start_deaf

T = TypeVar("T")

LOOK = 0.05
"""Seconds between two looks whether the call is still wanted."""


class Overdue(Exception):  # noqa: N818  # not an error: the call may yet come back, unheard
    """The call did not come back in time. No further one can be made here: make another caller."""


class Unwanted(Exception):  # noqa: N818  # the same
    """The call is no longer wanted, and left behind."""


class Caller(Generic[T]):
    """Makes calls in a thread, each with a time limit.

    Raises:
        RuntimeError: no thread can be started.
    """

    def __init__(self) -> None:
        self._calls = SimpleQueue[Callable[[], T] | None]()
        self._answers = SimpleQueue[T]()
        arguments = (self._calls, self._answers)
        self._thread = threading.Thread(target=_work, args=arguments, daemon=True)
        start_deaf(self._thread)

    def call(
        self, function: Callable[[], T], seconds: float, wanted: Callable[[], bool] = lambda: True
    ) -> T:
        """What the function returns; it must not raise.

        `wanted`: asked every few moments while it is waited for.

        Raises:
            Overdue: it took longer.
            Unwanted: it is not wanted any more.
        """
        until = time.monotonic() + seconds
        self._calls.put(function)
        while True:
            try:
                return self._answers.get(timeout=max(0.0, min(LOOK, until - time.monotonic())))
            except Empty:
                pass
            if not wanted():
                self._calls.put(None)
                raise Unwanted
            if time.monotonic() >= until:
                self._calls.put(None)  # should it ever come back
                raise Overdue

    def close(self, seconds: float = 0.1) -> bool:
        """End the thread, waiting so long for a call in progress; False if it is still at it."""
        self._calls.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()


def _work(calls: SimpleQueue[Callable[[], T] | None], answers: SimpleQueue[T]) -> None:
    while (function := calls.get()) is not None:
        answers.put(function())
