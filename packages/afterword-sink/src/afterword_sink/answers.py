"""Decide what a request is answered and which of its items are stored.

Pure: a parsed request and the fault that applies to it in, the reply and the items to store out.
How a reply is written depends on the protocol: see `azure_replies` and `otlp.replies`.
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
    """A response, before it is sent.

    Attributes:
        status: The HTTP status.
        body: The body, whole.
        headers: Other than `Content-Type` and `Content-Length`.
        media_type: Of the body.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a request.

    Attributes:
        reply: The response.
        stored: The items that go into the tables.
        accepted: How many items the answer accepts.
    """

    reply: Reply
    stored: list[Item]
    accepted: int


class Replies(Protocol):
    """How one protocol writes its replies."""

    def own(self, received: int, errors: list[ItemError], *, partial: bool, warning: str) -> Reply:
        """The reply that the server gives by its own rules.

        Args:
            received: How many items the request held.
            errors: Those that were refused.
            partial: Answer with a partial success even if all or none was accepted.
            warning: A message to add to a success, if the protocol has a field for it.
        """

    def refusal(self, status: int, received: int) -> Reply:
        """The reply that refuses everything with this status."""

    def malformed(self, how: str, received: int, status: int) -> Reply:
        """A reply that contradicts itself."""


def answer(
    batch: Batch, fault: Fault | None, replies: Replies, *, rng: random.Random, now: float
) -> Answer:
    """Answer a request.

    Args:
        batch: The request's items.
        fault: The fault that applies to it, if any.
        replies: Those of its protocol.
        rng: Decides which items are refused by chance.
        now: Seconds since the epoch, for a `Retry-After` that is a date.
    """
    items, errors = batch.items, batch.errors
    if fault is None:
        reply = replies.own(batch.received, errors, partial=False, warning="")
        return Answer(reply, items, len(items))
    if fault.selection is not None:
        refused = list(fault.selection.refused(items, rng))
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
    """The reply of a fault that misleads the client or never arrives whole."""
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
