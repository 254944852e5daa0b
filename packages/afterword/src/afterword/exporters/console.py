"""For development: what would be sent is shown, and then removed from the buffer."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO

from afterword.errors import in_words
from afterword.exporters.base import Receipt, Record


class ConsoleExporter:
    """Writes each event to a stream, one property a line.

    Args:
        role: the application's name.
        stream: where to; None for standard error.
    """

    def __init__(self, *, role: str, stream: TextIO | None = None) -> None:
        self._role = role
        self._stream = stream

    def export(self, batch: Sequence[Record]) -> Receipt:
        """Show the batch, and take all of it. If it cannot be shown, it stays in the buffer."""
        stream = self._stream if self._stream is not None else sys.stderr
        try:
            stream.write("".join(f"{text(self._role, record)}\n" for record in batch))
            stream.flush()
        except (OSError, ValueError, AttributeError) as error:  # closed, or there is none
            return Receipt(problem=f"it cannot be shown: {in_words(error)}", retry=False)
        return Receipt(frozenset(range(len(batch))))

    def render(self, batch: Sequence[Record]) -> list[object]:
        """The events as JSON values."""
        return [{"name": record.name, **record.attributes} for record in batch]

    def close(self) -> None:
        """Nothing to close."""


def text(role: str, record: Record) -> str:
    """One event, readable."""
    moment = datetime.fromtimestamp(record.time, UTC).isoformat(" ", "milliseconds")
    width = max(map(len, record.attributes), default=0)
    lines = [f"  {name:<{width}}  {value}" for name, value in record.attributes.items()]
    return "\n".join([f"{role}: {record.name} at {moment}", *lines])
