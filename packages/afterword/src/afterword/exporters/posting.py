"""One request and its receipt: what was read from the answer, or why there was none."""

import time
from collections.abc import Callable
from dataclasses import replace

from afterword.exporters.base import Receipt
from afterword.exporters.http import Host, NoAnswerError, Reply


def post(host: Host, path: str, body: bytes, read: Callable[[Reply], Receipt]) -> Receipt:
    """Post a batch and read the answer; the receipt has the request's size and time.

    Args:
        host: where to.
        path: below the host's URL.
        body: the batch.
        read: what an answer says of the batch.
    """
    began = time.monotonic()
    try:
        reply = host.post(path, body)
    except NoAnswerError as error:
        receipt, size = unanswered(error), len(body)
    else:
        receipt, size = read(reply), reply.size
    return replace(receipt, size=size, seconds=time.monotonic() - began)


def unanswered(error: NoAnswerError) -> Receipt:
    """The receipt of a batch to which no answer came."""
    return Receipt(problem=str(error), retry=error.retry)
