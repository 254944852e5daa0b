"""Group lines into batches that the service takes: at most 100 events and 500 KB. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from afterword.exporters.base import Record
from afterword.upload.segments import Line

MOST_EVENTS = 100
MOST_BYTES = 500_000

_ENVELOPE = 600  # bytes around the properties: name, key, time, tags; measured 560 at the most
_PROPERTY = 16  # quotes, colon, comma, and room for `false`


class Pending(NamedTuple):
    """A record on its way, and the line it came from."""

    line: Line
    record: Record


def wire_size(record: Record) -> int:
    """At least the bytes that the record takes in a request."""
    attributes = record.attributes
    names, values = sum(map(len, attributes)), sum(map(len, map(str, attributes.values())))
    return _ENVELOPE + _PROPERTY * len(attributes) + names + values


def in_batches(
    records: Iterable[Pending], most: Callable[[], int] | None = None
) -> Iterator[list[Pending]]:
    """Group the records, in order, each batch as full as the limits allow.

    `most`: events in the next batch, asked anew for each; by default MOST_EVENTS.
    """
    most = most or (lambda: MOST_EVENTS)
    batch: list[Pending] = []
    size = 2  # the array's brackets
    for pending in records:
        more = wire_size(pending.record)
        if batch and (len(batch) >= most() or size + more > MOST_BYTES):
            yield batch
            batch, size = [], 2
        batch.append(pending)
        size += more
    if batch:
        yield batch
