"""What goes to a service and what comes back: records, receipts, and the exporter between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Attribute = str | int | bool


@dataclass(frozen=True, slots=True)
class Record:
    """One event, checked against its declaration and ready to go out.

    `time`: seconds since 1970, the event's own moment. `attributes`: all its properties by their
    wire names, those without a value left out.
    """

    name: str
    time: float
    anonymous_id: str
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the service said of one batch. Which records arrived is known here and nowhere else.

    Indexes count within the batch. A record in neither `taken` nor `refused` stays in the buffer.
    """

    taken: frozenset[int] = frozenset()
    refused: Mapping[int, str] = field(default_factory=dict)
    """Never will be taken, and why."""
    problem: str | None = None
    """Why the rest was not taken, in words for `status`; None if there is no rest."""
    retry_after: float | None = None
    """Seconds the service asked us to wait."""
    retry: bool = True
    """May another attempt within this run help?"""
    unacceptable: bool = False
    """The batch was refused as a whole for what is in it: halve it to find out what."""


class Exporter(Protocol):
    """Sends batches to one service. May be abandoned in the middle of an `export` that hangs."""

    def export(self, batch: Sequence[Record]) -> Receipt:
        """Send the batch in one request, at most once, and read the reply. Never raises."""

    def render(self, batch: Sequence[Record]) -> Sequence[object]:
        """The records as they would stand on the wire, as JSON values; sends nothing."""

    def close(self) -> None:
        """Let the connection go."""
