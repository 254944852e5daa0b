"""One batch, delivered as far as it will go: attempts, waiting between them, halving.

A batch the service refuses as a whole is halved until what it cannot take stands alone. But a
service that has not taken anything yet, and refuses three records that stand alone, is what is
broken: then the records are only suspects, and stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from afterword.exporters.base import Receipt, Record

MOST_SUSPECTS = 3

Wait = Callable[[int, float | None], bool]
"""Wait before an attempt (the first, never waited for, is 1) as long as is right when the service
asked for so many seconds; False if there are no more attempts."""


@dataclass(slots=True)
class Delivery:
    """What became of a batch. Indexes count within it; what is in none of the sets stays."""

    taken: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    suspects: dict[int, str] = field(default_factory=dict)
    """Refused while standing alone, by a service that has taken nothing so far."""
    problem: str | None = None
    retry_after: float | None = None
    fatal: bool = False
    """The next batch would fare no better."""


def deliver(
    batch: Sequence[Record],
    export: Callable[[Sequence[Record]], Receipt],
    wait: Wait,
    done: Delivery | None = None,
) -> Delivery:
    """Deliver one batch. `export` makes one request.

    `done`: filled in from answer to answer, for a caller that may be interrupted.
    """
    if done is None:
        done = Delivery()
    parts = [list(range(len(batch)))]
    while parts:
        part = parts.pop()
        receipt, left = _attempts(batch, part, export, wait, done)
        if not left:
            continue
        if receipt.unacceptable:
            if len(left) > 1:
                half = len(left) // 2
                parts += [left[half:], left[:half]]
                continue
            done.suspects[left[0]] = receipt.problem or "refused"
            if done.taken or len(done.suspects) < MOST_SUSPECTS:
                continue
            done.problem = "the service refuses every event"
            return done
        done.problem = receipt.problem or "not taken"
        done.retry_after = receipt.retry_after
        if len(left) == len(part):
            done.fatal = True
            break
    if done.taken:
        done.refused |= done.suspects
        done.suspects.clear()
    elif done.suspects and done.problem is None:
        done.problem = "the service refuses every event"
    return done


def _attempts(
    batch: Sequence[Record],
    part: list[int],
    export: Callable[[Sequence[Record]], Receipt],
    wait: Wait,
    done: Delivery,
) -> tuple[Receipt, list[int]]:
    """Send this part until settled or out of attempts; the last receipt, and what is left."""
    left, attempt = part, 1
    while True:
        receipt = export([batch[index] for index in left])
        done.taken.update(left[at] for at in receipt.taken)
        done.refused.update({left[at]: why for at, why in receipt.refused.items()})
        left = [index for index in left if index not in done.taken and index not in done.refused]
        if not left or not receipt.retry or receipt.unacceptable:
            return receipt, left
        attempt += 1
        if not wait(attempt, receipt.retry_after):
            return receipt, left
