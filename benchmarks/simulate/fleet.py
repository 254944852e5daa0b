"""Who uses the tool, and when: installs, their commands, and when they are offline.

None of it is measured: no telemetry was read for it. The shapes are the usual ones (a few do most,
people work by day, commands come in bursts) and the numbers stand here to be changed.
"""

import math
import random
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

HOUR, DAY = 3600.0, 86400.0

COMMANDS_A_DAY = 10.0
"""Mean over all installs, on a working day."""
_SPREAD = 1.2  # of the logarithm: the median install runs half the mean, 1 in 100 eight times it
_BURST = 4.0  # commands that follow one another, on average ...
_PAUSE = 45.0  # ... so many seconds apart
_WEEKEND = 0.35
_ZONES = {-8: 12, -5: 20, 0: 10, 1: 22, 2: 8, 5: 12, 8: 16}  # hours from UTC, and installs in 100
_DAY_CURVE = (1, 1, 0, 0, 0, 1, 2, 4, 8, 12, 14, 13, 10, 12, 14, 14, 13, 11, 8, 6, 5, 5, 4, 2)
_ON_THE_HOUR = 0.01  # share of installs that a scheduler runs, at the full hour

# Share of installs, and how they are connected.
KINDS = {"connected": 0.70, "laptop": 0.25, "away": 0.04, "walled off": 0.01}
_LAPTOP_ONLINE, _LAPTOP_OFFLINE = 8 * HOUR, 2 * HOUR
_AWAY_DAYS, _AWAY_SPREAD = 6.0, 0.9  # median of one absence, and spread of its logarithm


@dataclass(slots=True)
class Install:
    """One install. `offline`: times at which the connection changes, beginning online."""

    kind: str
    offline: list[float] = field(default_factory=list)

    def is_offline(self, now: float) -> bool:
        """Has it no way to the service?"""
        return self.kind == "walled off" or bisect_right(self.offline, now) % 2 == 1


@dataclass(slots=True)
class Fleet:
    """A sample of installs and all their commands, as (seconds, index of the install), in order."""

    installs: list[Install]
    commands: list[tuple[float, int]]
    days: int


def make(count: int, days: int, *, seed: int = 1, kinds: Mapping[str, float] = KINDS) -> Fleet:
    """A fleet of `count` installs over `days` days, of which the first is a Monday, 0:00 UTC."""
    rng = random.Random(seed)  # noqa: S311  # a simulation
    installs, commands = [], list[tuple[float, int]]()
    hours = list(accumulate(_DAY_CURVE))
    zones, shares = list(_ZONES), list(accumulate(_ZONES.values()))
    mean = math.log(COMMANDS_A_DAY) - _SPREAD**2 / 2
    for index in range(count):
        (kind,) = rng.choices(list(kinds), weights=list(kinds.values()))
        installs.append(Install(kind, _offline(kind, days, rng)))
        if rng.random() < _ON_THE_HOUR:
            commands += [(hour * HOUR + rng.gauss(2, 0.5), index) for hour in range(24 * days)]
            continue
        bursts = rng.lognormvariate(mean, _SPREAD) / _BURST
        (zone,) = rng.choices(zones, cum_weights=shares)
        for day in range(-1, days + 1):
            for _ in range(_poisson(bursts * (_WEEKEND if day % 7 >= 5 else 1.0), rng)):  # Saturday
                (hour,) = rng.choices(range(24), cum_weights=hours)
                now = day * DAY + (hour - zone + rng.random()) * HOUR
                while 0 <= now < days * DAY:
                    commands.append((now, index))
                    if rng.random() < 1 / _BURST:
                        break
                    now += rng.expovariate(1 / _PAUSE)
    commands.sort()
    return Fleet(installs, commands, days)


def _offline(kind: str, days: int, rng: random.Random) -> list[float]:
    """When its connection changes: off, on, off, on."""
    changes: list[float] = []
    if kind == "laptop":
        now = rng.expovariate(1 / _LAPTOP_ONLINE)
        while now < days * DAY:
            back = now + rng.expovariate(1 / _LAPTOP_OFFLINE)
            changes += [now, back]
            now = back + rng.expovariate(1 / _LAPTOP_ONLINE)
    elif kind == "away":
        leaves = rng.uniform(-0.25, 0.75) * days * DAY
        changes = [leaves, leaves + rng.lognormvariate(math.log(_AWAY_DAYS), _AWAY_SPREAD) * DAY]
    return changes


def _poisson(mean: float, rng: random.Random) -> int:
    """A number of arrivals (Knuth; a normal where that would be slow)."""
    if mean > 50:  # exp(-mean) is fine, the loop is long
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    least, product, count = math.exp(-mean), rng.random(), 0
    while product > least:
        product *= rng.random()
        count += 1
    return count
