"""Parse the query API's `timespan`: an ISO 8601 duration or interval."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_DURATION = re.compile(
    r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")


class Span(NamedTuple):
    """The time from `start` up to, but not including, `end`."""

    start: datetime
    end: datetime


def parse(text: str, *, now: datetime) -> Span:
    """Parse a timespan.

    Args:
        text: `PT1H`, `2026-11-01/2026-11-24`, `2026-11-01T00:00:00Z/P7D` or `P7D/2026-11-24`.
        now: The end, if it is only a duration.

    Raises:
        ValueError: It has another form.
    """
    first, slash, second = text.strip().partition("/")
    try:
        if not slash:
            return Span(now - _duration(first), now)
        if first.startswith("P"):
            end = _moment(second)
            return Span(end - _duration(first), end)
        start = _moment(first)
        return Span(start, start + _duration(second) if second[:1] == "P" else _moment(second))
    except (ValueError, OverflowError):
        raise ValueError(
            f"the timespan '{text[:60]}' is neither a duration (PT1H, P7D) nor an interval "
            "(2026-11-01/2026-11-24, 2026-11-01T00:00:00Z/P7D)"
        ) from None


def _duration(text: str) -> timedelta:
    parts = _DURATION.fullmatch(text)
    if parts is None or not any(parts.groups()):
        raise ValueError
    return timedelta(
        **{unit: float(part) for unit, part in zip(_UNITS, parts.groups(), strict=True) if part}
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
