"""The service: takes events, up to its documented limits, unless it is down."""

from collections.abc import Sequence
from typing import NamedTuple

EVENTS_A_SECOND = 32_000
"""For one key, counted over a minute (Application Insights service limits)."""

BYTES_A_DAY = 100e9
"""Default daily cap of a resource."""

BYTES_AN_EVENT = 580
"""On the wire, measured (`facts` of the exporter)."""

MINUTE, DAY = 60.0, 86400.0


class Answer(NamedTuple):
    """Taken or not; the seconds it asks to wait; may another attempt within the run help?"""

    taken: bool
    retry_after: float | None = None
    retry: bool = True


class Service:
    """One resource, seen by a sample of the fleet.

    Args:
        scale: installs of the fleet for one of the sample; the limits are divided by it.
        down: from when to when it answers 503, in seconds.
        tells: with a 503 it says when it will be back, to the second.
        daily_cap: events a day of the whole fleet; None for the default cap in bytes.
        days: how long to count.
    """

    def __init__(
        self,
        *,
        scale: float,
        days: int,
        down: Sequence[tuple[float, float]] = (),
        tells: bool = False,
        daily_cap: float | None = None,
    ) -> None:
        self.scale = scale
        self._down = tuple(down)
        self._tells = tells
        self._minute_most = EVENTS_A_SECOND * MINUTE / scale
        cap = BYTES_A_DAY / BYTES_AN_EVENT if daily_cap is None else daily_cap
        self.day_most = cap / scale
        minutes = days * 1440 + 61
        self.taken = [0] * minutes
        self.requests = [0] * minutes
        self.throttled = [0] * minutes
        self.days = [0] * (days + 2)

    def request(self, now: float, events: int) -> Answer:
        """One request with so many events."""
        minute, day = int(now / MINUTE), int(now / DAY)
        if minute >= len(self.taken):
            return Answer(False)  # the simulation is over
        self.requests[minute] += 1
        for start, end in self._down:
            if start <= now < end:
                return Answer(False, end - now if self._tells else None)
        if self.taken[minute] + events > self._minute_most:
            self.throttled[minute] += 1
            return Answer(False)
        if self.days[day] + events > self.day_most:
            return Answer(False, retry=False)
        self.taken[minute] += events
        self.days[day] += events
        return Answer(True)
