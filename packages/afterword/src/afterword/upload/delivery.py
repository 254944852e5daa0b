"""The delivery of one batch: attempts, waiting between them, halving. Pure.

A batch that is refused as a whole for its content is halved until what is refused is alone. But if
three single events fail in a row, or five in all, the service is what is broken: then the rest of
the batch is left as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from afterword.exporters.base import Receipt

MOST_ALONE_IN_A_ROW, MOST_ALONE = 3, 5

Export = Callable[[list[int]], Receipt]
"""Make one request with these records of the batch. The receipt counts within them."""

Wait = Callable[[int, float | None], bool]
"""Wait before an attempt (the first, never waited for, is 1) as long as is right when the service
asked for so many seconds; False if there are no more attempts."""

Halve = Callable[[Receipt, int], bool]
"""Would this failure, of so many records, be another one for half of them?"""


@dataclass(slots=True)
class Delivery:
    """What became of a batch, but for what each receipt said of its records."""

    took_some: bool = False
    problem: str | None = None
    retry_after: float | None = None
    fatal: bool = False
    """The next batch would fail as well."""
    most_taken: int = 0
    """The most records that one answer took."""
    halved: bool = False
    alone: int = 0
    """Records that were sent alone and were not taken either."""


def deliver(size: int, export: Export, wait: Wait, halve: Halve) -> Delivery:
    """Deliver a batch of `size` records."""
    done = Delivery()
    parts = [list(range(size))]
    in_a_row = 0
    while parts:
        part = parts.pop()
        # One attempt for a half: what is looked for is in the batch and not in the moment.
        receipt, left, took = _attempts(part, export, no_wait if done.halved else wait)
        if took:
            done.took_some = True
            done.most_taken = max(done.most_taken, took)
            in_a_row = 0
        if left and halve(receipt, len(left)):
            done.halved = True
            if len(left) > 1:
                half = len(left) // 2
                parts += [left[half:], left[:half]]
                continue
        elif left:
            done.problem = receipt.problem or "not taken"
            done.retry_after = receipt.retry_after
            if len(left) == len(part):
                done.fatal = True
                break
        if done.halved and not took:
            in_a_row, done.alone = in_a_row + 1, done.alone + 1
            if left:
                done.problem = receipt.problem or "not taken"
            if in_a_row >= MOST_ALONE_IN_A_ROW or done.alone >= MOST_ALONE:
                done.fatal = bool(left) and not done.took_some
                break
    return done


def no_wait(_attempt: int, _asked: float | None) -> bool:
    """No more attempts."""
    return False


def _attempts(part: list[int], export: Export, wait: Wait) -> tuple[Receipt, list[int], int]:
    """Send this part until settled or out of attempts.

    Returns:
        The last receipt; what is left; the most that one answer took.
    """
    left, attempt, took = part, 1, 0
    while True:
        receipt = export(left)
        took = max(took, len(receipt.taken))
        left = [
            index
            for at, index in enumerate(left)
            if at not in receipt.taken and at not in receipt.refused
        ]
        if not left or not receipt.retry or receipt.unacceptable:
            return receipt, left, took
        attempt += 1
        if not wait(attempt, receipt.retry_after):
            return receipt, left, took
