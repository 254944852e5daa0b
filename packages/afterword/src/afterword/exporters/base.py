"""What is sent to a service and what comes back: records, receipts, and the exporter.

To send to another backend, write a class with the three methods of `Exporter`; there is an example
in `docs/exporters.md`. It is given to `Telemetry` as `exporter="package.module:function"`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Attribute = str | int | bool

WRONG_TIME = "its time is not taken"
"""In `Receipt.kept`: the service finds the record too old or too far ahead, so a clock is wrong."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event, checked against its declaration and ready to be sent.

    `time`: seconds since 1970, the event's own moment. `attributes`: all its properties by their
    wire names, those without a value left out.
    """

    name: str
    time: float
    anonymous_id: str
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the service said about one batch. Only the receipt tells which records arrived.

    Indexes count within the batch. A record in neither `taken` nor `refused` stays in the buffer.
    """

    taken: frozenset[int] = frozenset()
    """Delivered: they are removed from the buffer."""
    refused: Mapping[int, str] = field(default_factory=dict)
    """What the service will never take, and why."""
    problem: str | None = None
    """Why the rest was not taken, in words for `status`; None if there is no rest."""
    retry_after: float | None = None
    """Seconds the service asked us to wait."""
    retry: bool = True
    """May another attempt within this run help?"""
    unacceptable: bool = False
    """The batch was refused as a whole for what is in it: halve it to find out what."""
    failed: bool = False
    """The service failed over the batch (5xx), perhaps over one record in it."""
    kept: Mapping[int, str] = field(default_factory=dict)
    """Not taken now, and why: a status, or WRONG_TIME. These stay in the buffer."""
    rejected: int = 0
    """How many of those taken the service then rejected without saying which."""
    size: int = 0
    """Bytes of the request's body as sent; 0 if nothing was sent."""
    seconds: float = 0.0
    """From the start of the request to the end of its answer, or to its failure."""


class Exporter(Protocol):
    """Sends batches to one service. May be abandoned in the middle of an `export` that hangs."""

    def export(self, batch: Sequence[Record]) -> Receipt:
        """Send the batch in one request, at most once, and read the reply. Never raises."""

    def render(self, batch: Sequence[Record]) -> Sequence[object]:
        """The records as they would be on the wire, as JSON values. Sends nothing."""

    def close(self) -> None:
        """Close the connection. May be called by another thread while `export` hangs."""
