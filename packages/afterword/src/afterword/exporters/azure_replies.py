"""What a reply of Application Insights says about each record of a batch. Pure; for both exporters.

A reply is believed only if it has the service's own form and does not contradict itself: the log-in
page of a hotel answers 200 to everything, and would empty the buffer. Statuses:
`docs/azure.md`.
"""

import json
from collections.abc import Mapping

from afterword.exporters.base import WRONG_TIME, Receipt
from afterword.exporters.http import MOST_ANSWER, Reply

_RETRYABLE = frozenset((401, 403, 408, 429, 500, 502, 503, 504))  # per item, as the SDK has it
_QUOTA = frozenset((402, 439))
_ACCEPTED, _PARTIAL, _BAD_REQUEST, _TOO_LARGE = 200, 206, 400, 413
_REFUSALS = range(400, 600)
_MOST_WHY = 200  # characters of an item's message that are kept


def receipt(reply: Reply, count: int) -> Receipt:
    """What the reply to a batch of `count` records says of each of them."""
    status, after = reply.status, reply.retry_after
    if status in (_ACCEPTED, _PARTIAL):
        return _by_item(reply, count)
    if status in (_BAD_REQUEST, _TOO_LARGE):
        return Receipt(problem=f"{status} for the whole batch", unacceptable=True, retry=False)
    if status in _QUOTA:
        return Receipt(problem=f"{status}: quota spent", retry_after=after, retry=False)
    if status in (408, 429) or status >= 500:  # noqa: PLR2004  # the classes of RFC 9110
        return Receipt(problem=f"{status}", retry_after=after, failed=status >= 500)  # noqa: PLR2004  # RFC 9110
    return Receipt(problem=f"{status}, which is no answer of this service", retry=False)


def _by_item(reply: Reply, count: int) -> Receipt:
    """A receipt from the counts and the list of what was not taken."""
    if not reply.whole:
        why = f"{reply.status} with an answer over {MOST_ANSWER // 1024} KB"
        return Receipt(problem=why, retry=False)
    try:
        said = json.loads(reply.body)
        received, accepted = _number(said["itemsReceived"]), _number(said["itemsAccepted"])
        named: dict[int, tuple[int, str]] = {}
        for error in said.get("errors") or ():
            index, status = _number(error["index"]), _number(error["statusCode"])
            if index in named or status not in _REFUSALS:
                return _contradiction(reply)
            named[index] = status, str(error.get("message", ""))[:_MOST_WHY]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Receipt(problem=f"{reply.status} with a body not the service's", retry=False)
    indexes = frozenset(range(count))
    if received != count or accepted != count - len(named) or not indexes >= named.keys():
        return _contradiction(reply)
    reasons = {index: _why_kept(*error) for index, error in named.items()}
    kept = {index: why for index, why in reasons.items() if why is not None}
    refused = {
        index: f"{status} {message}"
        for index, (status, message) in named.items()
        if index not in kept
    }
    return Receipt(
        indexes - frozenset(named),
        refused,
        kept=kept,
        problem=_in_words(kept, count),
        retry_after=reply.retry_after,
        # A wrong time stays wrong, unless the exporter can set it right by the service's clock.
        retry=not kept or any(why != WRONG_TIME for why in kept.values()),
    )


def _contradiction(reply: Reply) -> Receipt:
    return Receipt(problem=f"{reply.status} with counts that do not add up", retry=False)


def _why_kept(status: int, message: str) -> str | None:
    """Why an item that was not taken stays; None where it is refused for good."""
    if message.lower() == "telemetry sampled out.":  # by the service's own sampling, for good
        return None
    if status in _RETRYABLE or status in _QUOTA:
        return str(status)
    # As in: 103: Field 'time' on type 'Envelope' is older than the allowed min date.
    if status == _BAD_REQUEST and message.startswith("103:") and "'time'" in message:
        return WRONG_TIME
    return None


def _in_words(kept: Mapping[int, str], count: int) -> str | None:
    if not kept:
        return None
    why = kept[min(kept)]
    if why == WRONG_TIME:
        return f"the service does not take the time of {len(kept)} of {count}: is the clock right?"
    return f"{why} for {len(kept)} of {count}"


def _number(value: object) -> int:
    """A whole number as JSON has it; ValueError for anything that only compares like one."""
    if type(value) is not int:
        raise ValueError("no whole number")
    return value
