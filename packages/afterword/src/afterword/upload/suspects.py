"""What a service refuses, and when that is believed. Pure.

A service that refuses everything is broken, or the key is wrong: that must not empty the buffer. So
a refused event is a *suspect*, and stays. It may be dropped once the service has shown that it
takes others: the answer that refused it has taken something, or one answer before it and one after
it have. A run drops a few at most, so that a service that is half broken costs little until
somebody sees it.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

MOST_DROPPED = 5
"""Events that one run drops because they were refused."""

T = TypeVar("T", bound=Hashable)


@dataclass(slots=True)
class Suspects(Generic[T]):
    """The refused events of a run.

    `waiting`: refused after an answer that took something, by an answer that took nothing; one more
    that takes something confirms them. `dropped`: how many have left. `why`: what the service said
    of the last one refused, None if it refused none.
    """

    took_some: bool = False
    waiting: list[T] = field(default_factory=list)
    dropped: int = 0
    refused: int = 0
    why: str | None = None

    def answered(self, *, taken: bool, refused: Iterable[tuple[T, str]]) -> list[T]:
        """Note one answer; return what may be dropped now, in the order it was refused.

        Args:
            taken: it has taken at least one event.
            refused: what it refused, with the service's reason.
        """
        new = list(refused)
        if new:
            self.refused += len(new)
            self.why = new[-1][1]
        confirmed: list[T] = []
        if taken:
            self.took_some = True
            room = MOST_DROPPED - self.dropped
            confirmed = list(dict.fromkeys([*self.waiting, *(one for one, _ in new)]))[:room]
            self.dropped += len(confirmed)
            self.waiting.clear()
        elif self.took_some:
            self.waiting += [one for one, _ in new if one not in self.waiting]
        return confirmed
