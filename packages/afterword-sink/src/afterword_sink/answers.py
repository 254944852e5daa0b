"""What a request is answered, and what of it is stored: by the service's rules, or by a fault's.

Pure: a request as it was read and the fault it meets in, the reply and the items to store out.
"""

import random
from dataclasses import dataclass, field
from typing import Any

import orjson

from afterword_sink.envelopes import Batch, Item, ItemError
from afterword_sink.faults import MALFORMED, Fault, message, retry_after

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


def answer(
    batch: Batch, fault: Fault | None, *, dice: random.Random, now: float, app_id: str
) -> Answer:
    """Answer a request.

    Args:
        batch: The request's items.
        fault: The fault it meets; None for none.
        dice: For items refused by chance.
        now: Seconds since the epoch, for a `Retry-After` that is a date.
        app_id: The id of the resource, part of the service's reply.
    """
    if fault is None:
        return Answer(_service(batch.received, batch.errors, app_id), batch.items, len(batch.items))
    items, errors = batch.items, batch.errors
    if fault.selection is not None:
        refused = list(fault.selection.refused(items, dice))
        gone = {error.position for error in refused}
        items = [item for item in items if item.position not in gone]
        errors = sorted(errors + refused)
    if fault.is_honest:
        always_206 = fault.selection is not None and fault.selection.always_206
        reply = _service(batch.received, errors, app_id, always_206=always_206)
        return Answer(reply, items, len(items))
    return Answer(
        _misleading(batch.received, errors, fault, now, app_id), items if fault.store else [], 0
    )


def unavailable(received: int, app_id: str) -> Reply:
    """What the service answers where it has no room for what came."""
    errors = [ItemError(place, 503, message(503)) for place in range(received)]
    return Reply(503, _service(received, errors, app_id).body)


def _service(
    received: int, errors: list[ItemError], app_id: str, *, always_206: bool = False
) -> Reply:
    """The service's own: 200 for all, 206 for some, the first item's status for none."""
    accepted = max(received - len(errors), 0)
    status = 200 if not errors else 206 if accepted or always_206 else errors[0].status
    return _reply(
        status,
        {
            "itemsReceived": received,
            "itemsAccepted": accepted,
            "appId": app_id,
            "errors": [
                {"index": error.position, "statusCode": error.status, "message": error.message}
                for error in errors
            ],
        },
    )


def _misleading(
    received: int, errors: list[ItemError], fault: Fault, now: float, app_id: str
) -> Reply:
    """What a fault answers that is not to be believed, or does not arrive."""
    headers = {}
    if fault.retry_after:
        headers["retry-after"] = retry_after(fault.retry_after, now)
    if fault.location:
        headers["location"] = fault.location
    if fault.status is None:
        return _service(received, errors, app_id)
    if fault.status == _NOT_MODIFIED:
        return Reply(fault.status, b"", headers)
    if fault.html:
        return Reply(fault.status, _PAGE, headers, "text/html; charset=utf-8")
    if fault.malformed:
        return _reply(fault.status, MALFORMED[fault.malformed](received))
    every = [ItemError(place, fault.status, message(fault.status)) for place in range(received)]
    return Reply(fault.status, _service(received, every, app_id).body, headers)


def _reply(status: int, content: Any) -> Reply:
    return Reply(status, orjson.dumps(content))
