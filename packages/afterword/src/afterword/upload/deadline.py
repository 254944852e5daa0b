"""Calls that end in time, whatever they hang in: a name, a socket, a drip.

They are made one after another in one thread of their own: starting a thread for each cost a tenth
of the upload. What does not come back in time is left behind, its thread with it.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


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
        threading.Thread(target=_work, args=(self._calls, self._answers), daemon=True).start()

    def call(self, function: Callable[[], T], seconds: float) -> T:
        """What the function returns; it must not raise.

        Raises:
            Overdue: it took longer.
        """
        self._calls.put(function)
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            self.close()
            raise Overdue from None

    def close(self) -> None:
        """Let the thread end, as soon as it comes back."""
        self._calls.put(None)


def _work(calls: SimpleQueue[Callable[[], T] | None], answers: SimpleQueue[T]) -> None:
    while (function := calls.get()) is not None:
        answers.put(function())
