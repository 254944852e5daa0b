"""A record of requests: the last ones in full, and counts of all."""

import base64
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

KEPT_REQUESTS = 1_000
KEPT_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Entry:
    """One request as it came.

    Attributes:
        number: Counted from 1, over the life of the sink.
        time: When its last byte was there, in seconds since the epoch.
        method: `POST`, ...
        path: As sent, with a doubled slash if there was one, and with the query string.
        headers: Names in lower case, in the order sent.
        body: The bytes as they came, still packed if they came packed.
        fault: The fault that was played on it; empty for none.
        status: What was answered; None where no status line went out.
        items: How many items it held.
    """

    number: int
    time: float
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    fault: str = ""
    status: int | None = None
    items: int = 0

    def as_json(self) -> dict[str, Any]:
        """The entry as `GET /sink/requests` shows it; the body is in base64."""
        return {
            "number": self.number,
            "time": self.time,
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "body": base64.b64encode(self.body).decode("ascii"),
            "fault": self.fault,
            "status": self.status,
        }


@dataclass(slots=True)
class Ledger:
    """The last requests and the counts.

    Args:
        log: Called with each request that has been answered.

    Attributes:
        requests: How many came to the ingestion endpoint or to a path the sink does not have.
        received: Items in them.
        accepted: Items answered as accepted.
        statuses: How often each status was answered; `none` where nothing was.
        faults: How often each fault was played.
    """

    log: Callable[[Entry], None] = lambda _entry: None
    requests: int = 0
    received: int = 0
    accepted: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    _kept: deque[Entry] = field(default_factory=deque)
    _kept_bytes: int = 0

    def open(
        self, *, time: float, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> Entry:
        """Record a request; the oldest ones are dropped if there are too many."""
        self.requests += 1
        entry = Entry(self.requests, time, method, path, headers, body)
        self._kept.append(entry)
        self._kept_bytes += len(body)
        while len(self._kept) > KEPT_REQUESTS or (
            self._kept_bytes > KEPT_BYTES and len(self._kept) > 1
        ):
            self._kept_bytes -= len(self._kept.popleft().body)
        return entry

    def answered(self, entry: Entry, status: int | None) -> None:
        """Record the status a request was answered with; None for no answer."""
        entry.status = status
        self.statuses["none" if status is None else str(status)] += 1
        if entry.fault:
            self.faults[entry.fault] += 1
        self.log(entry)

    def entries(self) -> list[Entry]:
        """The requests still kept, oldest first."""
        return list(self._kept)

    def counts(self) -> dict[str, Any]:
        """The counts as `GET /sink/stats` shows them."""
        return {
            "requests": self.requests,
            "received": self.received,
            "accepted": self.accepted,
            "statuses": dict(self.statuses),
            "faults": dict(self.faults),
        }

    def clear(self) -> None:
        """Forget all requests and start counting at 1."""
        self.requests = self.received = self.accepted = self._kept_bytes = 0
        self.statuses.clear()
        self.faults.clear()
        self._kept.clear()
