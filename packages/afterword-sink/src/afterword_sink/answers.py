"""What a request is answered, and what of it is stored: by the server's rules, or by a fault's.

Pure: a request as it was read and the fault it meets in, the reply and the items to store out. How
a reply is written depends on the protocol: `azure_replies`, `otlp.replies`.
"""

import random
from dataclasses import dataclass, field, replace
from typing import Protocol

from afterword_sink.envelopes import Batch, Item, ItemError
from afterword_sink.faults import Fault, retry_after

_NOT_MODIFIED = 304  # the one status here that has no body
_PAGE = b"<!DOCTYPE html><html><body><h1>Sign in to use this network</h1></body></html>\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that waits to be sent.

    Attributes:
        status: The HTTP status.
        body: The body, whole.
        headers: Beside `Content-Type` and `Content-Length`.
        media_type: Of the body.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request leads to.

    Attributes:
        reply: What goes back.
        stored: The items that go into the tables.
        accepted: How many items the client is told, in a whole answer, to have been accepted.
    """

    reply: Reply
    stored: list[Item]
    accepted: int


class Replies(Protocol):
    """How one protocol writes its replies."""

    def own(self, received: int, errors: list[ItemError], *, partial: bool, warning: str) -> Reply:
        """What the server itself answers.

        Args:
            received: How many items came.
            errors: Those that were not taken.
            partial: Answer as to a part, even where none or all was taken.
            warning: What is said beside a success, where the protocol has a place for it.
        """

    def refusal(self, status: int, received: int) -> Reply:
        """Nothing was taken, by this status."""

    def malformed(self, how: str, received: int, status: int) -> Reply:
        """A reply that contradicts itself."""


def answer(
    batch: Batch, fault: Fault | None, replies: Replies, *, dice: random.Random, now: float
) -> Answer:
    """Answer a request.

    Args:
        batch: The request's items.
        fault: The fault it meets; None for none.
        replies: Of its protocol.
        dice: For items refused by chance.
        now: Seconds since the epoch, for a `Retry-After` that is a date.
    """
    items, errors = batch.items, batch.errors
    if fault is None:
        reply = replies.own(batch.received, errors, partial=False, warning="")
        return Answer(reply, items, len(items))
    if fault.selection is not None:
        refused = list(fault.selection.refused(items, dice))
        gone = {error.position for error in refused}
        items = [item for item in items if item.position not in gone]
        errors = sorted(errors + refused)
    if fault.is_honest:
        partial = fault.selection is not None and fault.selection.always_206
        reply = replies.own(batch.received, errors, partial=partial, warning=fault.warning)
        return Answer(reply, items, len(items))
    reply = _misleading(batch.received, errors, fault, replies, now)
    return Answer(reply, items if fault.store else [], 0)


def _misleading(
    received: int, errors: list[ItemError], fault: Fault, replies: Replies, now: float
) -> Reply:
    """What a fault answers that is not to be believed, or does not arrive."""
    headers = {}
    if fault.retry_after:
        headers["retry-after"] = retry_after(fault.retry_after, now)
    if fault.location:
        headers["location"] = fault.location
    if fault.status is None:
        return replies.own(received, errors, partial=False, warning="")
    if fault.status == _NOT_MODIFIED:
        return Reply(fault.status, b"", headers)
    if fault.html:
        return Reply(fault.status, _PAGE, headers, "text/html; charset=utf-8")
    if fault.malformed:
        return replies.malformed(fault.malformed, received, fault.status)
    return replace(replies.refusal(fault.status, received), headers=headers)
