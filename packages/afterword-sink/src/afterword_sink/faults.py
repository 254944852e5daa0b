"""Faults on demand: what a fault is, how it is written, and which request it applies to.

Pure. `delivery` applies a fault to a connection, `grammar` reads it from text.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

from afterword_sink.envelopes import Item, ItemError

GRAMMAR = """\
A fault says what is answered, how the answer is sent, and which requests it applies to:

    script    = fault *( ";" fault )          tried in this order for every request
    fault     = *( word | key "=" value )     quoted as in a shell

What is answered
    (nothing)       what the service would answer
    ok              the same, written out: `ok times=2; 500`
    warning         the same, and OTLP's success says something beside it
    300 ... 599     this status for every item, e.g. `402`, `439`, `500`
    retry-after=V   with it: a header `Retry-After`, as it stands, or `date+SECONDS` for a date
    redirect to=URL with status 307, or 308 and the like where given
    item            some items refused, the rest taken; the status is the service's own
    206             the same, but the status is 206 even where nothing was taken
                    (OTLP answers both with 200 and how many records were rejected)
    status=S[,S]    with both: the items' statuses in turn (default 503)
    every=N at=I,I share=P match=TEXT   with both: which items; every Nth, those at these places,
                    each by this chance, those whose JSON has this text. `206` alone: every=2;
                    `item` alone: all
    malformed-206   a 206 (OTLP: 200) that contradicts itself; how=NAME says how: counts, too-many,
                    range, twice, text, no-index, no-status, no-objects, no-list, null-list,
                    object-list, empty-list, null-counts, no-object, empty
    not-json        a page of HTML, with status 200 or the one given

How it is sent
    (nothing)             at once, whole
    delay=SECONDS         after this time, with any of these
    hang                  accepted, never answered
    close                 the connection closed without an answer
    refuse                the same, and no new connection is taken for some time: for=SECONDS
                          (default 1)
    headers-then-silence  status and headers, then nothing
    cut                   closed in the middle; keep=N bytes of the body (default: half)
    drip                  one byte of the body each second; pace=SECONDS for another pace

Which requests fail
    times=N   so many requests, then never again (default: all)
    chance=P  each request by this chance, from the sink's seed; the others meet the next fault

An item is stored if the client was sent, whole, an answer that accepts it. `after=store` first
stores what would have been accepted, and then fails.
"""


def _error(index: int, status: int = 503) -> dict[str, Any]:
    return {"index": index, "statusCode": status, "message": message(status)}


def _reply_206(received: int, errors: list[Any]) -> dict[str, Any]:
    accepted = max(received - len(errors), 0)
    return {"itemsReceived": received, "itemsAccepted": accepted, "errors": errors}


class Travel(StrEnum):
    """How an answer is sent."""

    WHOLE = "whole"
    HANG = "hang"
    CLOSE = "close"
    REFUSE = "refuse"
    SILENCE = "headers-then-silence"
    CUT = "cut"
    DRIP = "drip"


MALFORMED: dict[str, Callable[[int], Any]] = {
    "counts": lambda n: {"itemsReceived": n, "itemsAccepted": n - 1, "errors": []},
    "too-many": lambda n: {"itemsReceived": n, "itemsAccepted": n + 5, "errors": []},
    "range": lambda n: _reply_206(n, [_error(n), _error(-1), _error(10**12)]),
    "twice": lambda n: _reply_206(n, [_error(0, 503), _error(0, 400)]),
    "text": lambda n: _reply_206(n, [{"index": "0", "statusCode": "503", "message": 1}]),
    "no-index": lambda n: _reply_206(n, [{"statusCode": 503, "message": "Busy"}]),
    "no-status": lambda n: _reply_206(n, [{"index": 0, "message": "Busy"}]),
    "no-objects": lambda n: _reply_206(n, [None, 3, "x", []]),
    "no-list": lambda n: {"itemsReceived": n, "itemsAccepted": 0},
    "null-list": lambda n: {"itemsReceived": n, "itemsAccepted": 0, "errors": None},
    "object-list": lambda n: {"itemsReceived": n, "itemsAccepted": 0, "errors": {"0": 503}},
    "empty-list": lambda n: {"itemsReceived": n, "itemsAccepted": 0, "errors": []},
    "null-counts": lambda _: {"itemsReceived": None, "itemsAccepted": None, "errors": []},
    "no-object": lambda _: [],
    "empty": lambda _: {},
}
"""The ways in which a 206 can contradict itself, for a request of n items."""

MESSAGES = {
    400: "Bad request",
    401: "Unauthorized",
    402: "Monthly quota exceeded",
    403: "Forbidden",
    408: "Request timeout",
    413: "Request body is too large",
    429: "Too many requests",
    439: "Daily quota exceeded",
    500: "Internal Server Error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}
"""The message of an item refused by a fault."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items of a request are refused, and with which status.

    Attributes:
        statuses: Used in turn.
        every: Every Nth item, counted from 1; 0 for none by this rule.
        at: Those at these positions, counted from 0.
        share: Each with this probability.
        match: Those whose JSON contains this text.
        always_206: Answer 206 even if no item was accepted.
    """

    statuses: tuple[int, ...]
    every: int = 0
    at: frozenset[int] = frozenset()
    share: float = 0.0
    match: str = ""
    always_206: bool = False

    def refused(self, items: Iterable[Item], rng: random.Random) -> Iterator[ItemError]:
        """The items that are refused, each with its status."""
        turn = 0
        for item in items:
            if self._hits(item, rng):
                status = self.statuses[turn % len(self.statuses)]
                turn += 1
                yield ItemError(item.position, status, message(status))

    def _hits(self, item: Item, rng: random.Random) -> bool:
        return (
            (self.every > 0 and (item.position + 1) % self.every == 0)
            or item.position in self.at
            or (self.share > 0 and rng.random() < self.share)
            or (self.match != "" and self.match.encode() in item.text)
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        text: As it was written.
        status: The answer to the whole request; None for the service's own.
        retry_after: The header's value, not yet a date; empty for none.
        location: The header's value; empty for none.
        warning: The message of OTLP's success; empty for none.
        selection: Which items are refused; None for none.
        malformed: A key of `MALFORMED`; empty for none.
        html: Answer with a page, not with JSON.
        travel: How the answer is sent.
        delay: Seconds before it is sent.
        keep: Bytes of the body before it is cut; None for half of them.
        pace: Seconds between two bytes, if it is sent byte by byte.
        refusal: Seconds in which no new connection is taken.
        store: Store first what would have been accepted.
        times: How many requests it applies to; None for all.
        chance: The share of requests it applies to.
    """

    text: str
    status: int | None = None
    retry_after: str = ""
    location: str = ""
    warning: str = ""
    selection: Selection | None = None
    malformed: str = ""
    html: bool = False
    travel: Travel = Travel.WHOLE
    delay: float = 0.0
    keep: int | None = None
    pace: float = 1.0
    refusal: float = 1.0
    store: bool = False
    times: int | None = None
    chance: float = 1.0

    @property
    def is_honest(self) -> bool:
        """Whether the client receives a whole answer that says what was accepted."""
        own_answer = self.status is None and not self.malformed and not self.html
        return own_answer and self.travel in {Travel.WHOLE, Travel.DRIP}


class Plan:
    """Decides which fault applies to each request.

    Args:
        faults: Tried in this order for every request.
        seed: Of the random generator behind `chance` and `share`; the same seed gives the same run.
    """

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        self._faults = tuple(faults)
        self._left = [fault.times for fault in faults]
        self.rng = random.Random(seed)  # noqa: S311  # to be repeated, not to be secret

    def next(self) -> Fault | None:
        """The fault that applies to the next request, if any."""
        for place, fault in enumerate(self._faults):
            left = self._left[place]
            if left == 0 or (fault.chance < 1 and self.rng.random() >= fault.chance):
                continue
            if left is not None:
                self._left[place] = left - 1
            return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """The faults in order, each with how many requests it still applies to."""
        return [
            {"fault": fault.text, "left": left}
            for fault, left in zip(self._faults, self._left, strict=True)
        ]


def message(status: int) -> str:
    """The service's message for a status."""
    return MESSAGES.get(status, f"Status {status}")


def retry_after(value: str, now: float) -> str:
    """The header's value: as it stands, or the date so many seconds from now."""
    if not value.startswith("date+"):
        return value
    moment = datetime.fromtimestamp(now + float(value.removeprefix("date+")), UTC)
    return format_datetime(moment, usegmt=True)
