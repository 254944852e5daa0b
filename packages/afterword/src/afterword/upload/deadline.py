"""Calls that end in time, whatever they hang in: a name, a socket, a drip.

They are made one after another in one thread of their own: starting a thread for each cost a tenth
of the upload. What does not come back in time is left behind, its thread with it.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from afterword.upload.process import start_deaf

T = TypeVar("T")

_MOMENT = 0.1  # seconds


class Overdue(Exception):  # noqa: N818  # not an error: the call may yet come back, unheard
    """The call did not come back in time. No further one can be made here: make another caller."""


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

    def call(self, function: Callable[[], T], seconds: float) -> T:
        """What the function returns; it must not raise.

        Raises:
            Overdue: it took longer.
        """
        self._calls.put(function)
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            self._calls.put(None)  # should it ever come back
            raise Overdue from None

    def close(self) -> None:
        """End the thread; do not wait for it where it is in the middle of a call."""
        self._calls.put(None)
        self._thread.join(_MOMENT)


def _work(calls: SimpleQueue[Callable[[], T] | None], answers: SimpleQueue[T]) -> None:
    while (function := calls.get()) is not None:
        answers.put(function())
