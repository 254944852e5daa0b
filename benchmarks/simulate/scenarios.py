"""What happens to the fleet: ordinary days, an outage and its return, weeks offline, a limit.

Each function returns one table: a heading for each column, and rows of text. Load is that of the
whole fleet, of which a sample is simulated: a sample of 20,000 installs stands for ten million,
each of its events for 500.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import fleet
from engine import Outcome, Rules, simulate
from fleet import DAY, HOUR, Fleet
from service import BYTES_A_DAY, BYTES_AN_EVENT, EVENTS_A_SECOND, Service

from afterword.upload.retry import FIRST_COOL_DOWN, LONGEST_COOL_DOWN, cool_down

LARGEST = 10_000_000
_MINUTE = 60.0
_OUT = DAY + 13 * HOUR + 10 * _MINUTE  # Tuesday, 13:10 UTC: Europe at work, America starting
_NEVER = float("inf")


class Table(NamedTuple):
    """A heading for each column, and rows."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def ordinary(people: Fleet) -> tuple[Table, Table]:
    """Load on three ordinary working days, by size of the fleet; and how soon events arrive."""
    service = Service(scale=LARGEST / len(people.installs), days=people.days)
    outcome = simulate(people, service, Rules())
    rows = []
    for size in (10_000, 100_000, 1_000_000, LARGEST):
        of = size / LARGEST
        day = max(service.days) * service.scale * of
        busiest = max(service.taken) * service.scale * of / _MINUTE
        rows.append((
            f"{size:,}",
            f"{day / 1e6:,.2f} million",
            f"{day * BYTES_AN_EVENT / 1e9:.2f} GB",
            f"{day * BYTES_AN_EVENT / BYTES_A_DAY:.1%}",
            f"{day / DAY:,.1f}",
            f"{busiest:,.0f}",
            f"{busiest / EVENTS_A_SECOND:.2%}",
            f"{max(service.requests) * service.scale * of / _MINUTE:,.0f}",
        ))  # fmt: skip
    load = Table(
        ("installs", "events a day", "data a day", "of the daily cap", "mean events/s",
         "busiest minute, events/s", "of the limit", "requests/s then"), rows,
    )  # fmt: skip
    return load, _delays(people, outcome)


def _delays(people: Fleet, outcome: Outcome) -> Table:
    rows = []
    until = (people.days - 1) * DAY  # events of the last day may still come
    for kind in (*fleet.KINDS, "all"):
        late = [
            arrived - recorded
            for recorded, arrived, index in outcome.arrived
            if recorded < until and kind in ("all", people.installs[index].kind)
        ]
        late += [
            _NEVER
            for recorded, index in outcome.waiting
            if recorded < until and kind in ("all", people.installs[index].kind)
        ]
        share = sum(1 for install in people.installs if kind in ("all", install.kind))
        rows.append((
            kind,
            f"{share / len(people.installs):.0%}",
            *(_duration(_quantile(late, part)) for part in (0.5, 0.9, 0.95, 0.99)),
            f"{sum(1 for delay in late if delay <= _MINUTE) / len(late):.1%}",
        ))  # fmt: skip
    return Table(("installs", "share", "median", "90%", "95%", "99%", "within a minute"), rows)


def rules() -> dict[str, Rules]:
    """The engine as it is, and with one thing changed each."""
    ours = Rules()
    return {
        "as it is": ours,
        "no jitter": replace(ours, cool_down=lambda n, asked, _: cool_down(n, asked, 1.0)),
        "no cool-down": replace(ours, cool_down=lambda _n, _asked, _chance: 0.0),
        "one attempt a run": replace(ours, wait_before=lambda *_: None),
        "three after a failed run too": replace(
            ours, wait_before=lambda attempt, asked, _, chance: Rules().wait_before(
                attempt, asked, 0, chance
            ),
        ),
        "cool-down at most 24 h": replace(ours, cool_down=at_most(DAY)),
        "cool-down at most 1 h": replace(ours, cool_down=at_most(HOUR)),
        "no batches": replace(ours, batch=1),
        "no gathering": replace(ours, gather=0.0),
    }  # fmt: skip


def at_most(most: float) -> Callable[[int, float | None, float], float]:
    """The engine's doubling, with another end."""

    def cool_down(n: int, _asked: float | None, chance: float) -> float:
        return min(FIRST_COOL_DOWN * 2.0 ** min(n - 1, 20), most) * (0.5 + chance / 2)

    return cool_down


def outage(people: Fleet) -> Table:
    """Four hours without the service, for ten million installs, with and without each rule."""
    rows = []
    told = {
        "told when it is back": Rules(),
        "told, no jitter on it": replace(
            Rules(),
            cool_down=lambda n, asked, chance: max(cool_down(n, None, chance), asked or 0.0),
        ),
    }
    for name, these in (rules() | told).items():
        found = _outage(people, these, 4 * HOUR, tells=name in told)
        rows.append((
            name,
            f"{found.requests_down:,.0f}",
            f"{found.starts:.2f}",
            f"{found.first:,.0f}",
            f"{found.peak:,.0f}",
            f"{found.requests_back:,.0f}",
            f"{found.share(HOUR):.0%}",
            f"{found.share(4 * HOUR):.0%}",
            f"{found.share(DAY):.0%}",
        ))  # fmt: skip
    return Table(
        ("", "requests/s while down", "uploaders an install started", "first 10 min, events/s",
         "busiest minute after", "requests/s then", "arrived within 1 h of the return", "4 h",
         "24 h"), rows,
    )  # fmt: skip


def lengths(people: Fleet) -> Table:
    """Outages of one hour to a day, for ten million installs, the engine as it is."""
    rows = []
    for hours in (1, 4, 12, 24):
        found = _outage(people, Rules(), hours * HOUR)
        rows.append((
            f"{hours} h",
            f"{found.backlog / 1e6:.1f} million",
            f"{found.peak:,.0f}",
            f"{found.peak / EVENTS_A_SECOND:.0%}",
            f"{found.throttled:,}",
            *(f"{found.share(after):.0%}" for after in (600, HOUR, 4 * HOUR, DAY)),
        ))  # fmt: skip
    return Table(
        ("outage", "events waiting at its end", "busiest minute after, events/s", "of the limit",
         "throttled requests", "arrived 10 min after", "1 h", "4 h", "24 h"), rows,
    )  # fmt: skip


class _Found(NamedTuple):
    requests_down: float
    starts: float
    first: float
    peak: float
    requests_back: float
    backlog: float
    throttled: int
    delays: list[float]

    def share(self, seconds: float) -> float:
        """Of the events recorded in the outage, online: arrived so soon after its end."""
        return sum(1 for delay in self.delays if delay <= seconds) / len(self.delays)


def _outage(people: Fleet, these: Rules, seconds: float, *, tells: bool = False) -> _Found:
    back = _OUT + seconds
    scale = LARGEST / len(people.installs)
    service = Service(scale=scale, days=people.days, down=[(_OUT, back)], tells=tells)
    outcome = simulate(people, service, these)
    start, end, day = int(_OUT / _MINUTE), int(back / _MINUTE), int((back + DAY) / _MINUTE)

    def meant(recorded: float, index: int) -> bool:
        return _OUT <= recorded < back and not people.installs[index].is_offline(back)

    delays = [at - back for recorded, at, index in outcome.arrived if meant(recorded, index)]
    delays += [_NEVER for recorded, index in outcome.waiting if meant(recorded, index)]
    a_second = scale / _MINUTE
    return _Found(
        requests_down=sum(service.requests[start:end]) * a_second / (end - start),
        starts=sum(n for at, n in outcome.starts.items() if start <= at < end)
        / len(people.installs),
        first=sum(service.taken[end : end + 10]) * a_second / 10,
        peak=max(service.taken[end:day]) * a_second,
        requests_back=max(service.requests[end:day]) * a_second,
        backlog=len(delays) * scale,
        throttled=round(sum(service.throttled) * scale),
        delays=delays,
    )


def load_over_time(people: Fleet) -> dict[str, list[float]]:
    """Events and requests a second, by minute, of ten million installs around an outage of 4 h."""
    found: dict[str, list[float]] = {}
    scale = LARGEST / len(people.installs)
    for name in ("as it is", "no cool-down"):
        service = Service(scale=scale, days=people.days, down=[(_OUT, _OUT + 4 * HOUR)])
        simulate(people, service, rules()[name])
        hours = slice(int(DAY / _MINUTE), int(2 * DAY / _MINUTE))
        found[f"events, {name}"] = [n * scale / _MINUTE for n in service.taken[hours]]
        found[f"requests, {name}"] = [n * scale / _MINUTE for n in service.requests[hours]]
    return found


def weeks(people: Fleet) -> Table:
    """Forty-five days: what is lost, and to what."""
    service = Service(scale=1.0, days=people.days)
    outcome = simulate(people, service, Rules())
    rows = []
    for kind in fleet.KINDS:
        members = {at for at, install in enumerate(people.installs) if install.kind == kind}
        arrived = sum(1 for _, _, at in outcome.arrived if at in members)
        waiting = sum(1 for _, at in outcome.waiting if at in members)
        old, over = outcome.expired[kind], outcome.overflowed[kind]
        every = arrived + waiting + old + over
        counts = (arrived, waiting, old, over)
        rows.append((kind, f"{every:,}", *(f"{count / every:.2%}" for count in counts)))
    return Table(
        ("installs", "events", "arrived", "waiting at the end", "older than 30 days",
         "over the 5 MB"), rows,
    )  # fmt: skip


def returning(people: Fleet) -> Table:
    """People back after days offline: how long their first command there waits for an upload."""
    rows = []
    for most in sorted({DAY, 8 * HOUR, 4 * HOUR, HOUR, LONGEST_COOL_DOWN}, reverse=True):
        service = Service(scale=1.0, days=people.days)
        outcome = simulate(people, service, replace(Rules(), cool_down=at_most(most)))
        late = list(_late_after_return(people, outcome))
        away = sum(install.offline[1] - max(0.0, install.offline[0]) for install in people.installs)
        offline_starts = sum(outcome.starts.values()) - _starts_online(outcome)
        rows.append((
            f"{most / HOUR:.0f} h" + (" (as it is)" if most == LONGEST_COOL_DOWN else ""),
            *(_duration(_quantile(late, part)) for part in (0.5, 0.9, 0.95)),
            f"{offline_starts / (away / DAY):.1f}",
        ))  # fmt: skip
    return Table(
        ("longest cool-down", "median", "90%", "95%", "uploaders a day offline"), rows,
    )  # fmt: skip


def _late_after_return(people: Fleet, outcome: Outcome) -> Iterator[float]:
    """From the first command back online to the arrival of what was recorded offline."""
    first: dict[int, float] = {}
    for now, index in people.commands:
        if index not in first and now >= people.installs[index].offline[1]:
            first[index] = now
    arrived = dict[int, float]()
    for recorded, at, index in outcome.arrived:
        left, back = people.installs[index].offline
        if left <= recorded < back:
            arrived.setdefault(index, at)
    for index, now in first.items():
        if index in arrived:
            yield arrived[index] - now


def _starts_online(outcome: Outcome) -> int:
    """Uploaders that found the service: one for each moment at which an install's events came."""
    return len({(index, round(at)) for _, at, index in outcome.arrived})


def over_the_cap(people: Fleet) -> Table:
    """A daily cap below what is recorded: how much arrives, and how late, day by day."""
    a_day = len(people.commands) / people.days
    rows = []
    for share in (1.2, 0.8, 0.5):
        service = Service(scale=1.0, days=people.days, daily_cap=share * a_day)
        outcome = simulate(people, service, Rules())
        late = [at - recorded for recorded, at, _ in outcome.arrived if recorded >= 7 * DAY]
        late += [_NEVER for recorded, _ in outcome.waiting if recorded >= 7 * DAY]
        spent = [
            next((minute for minute in range(1440) if used(service, day, minute)), None)
            for day in range(7, 11)
        ]
        hours = [minute / 60 for minute in spent if minute is not None]
        rows.append((
            f"{share:.0%}",
            f"{len(outcome.arrived) / outcome.recorded:.0%}",
            _duration(_quantile(late, 0.5)),
            _duration(_quantile(late, 0.95)),
            f"{sum(hours) / len(hours):.0f} h" if hours else "never",
            f"{sum(service.requests) / people.days / len(people.installs):.1f}",
        ))  # fmt: skip
    return Table(
        ("cap, of what is recorded", "arrived in 14 days", "median delay", "95%",
         "spent, hours after midnight UTC", "requests an install and day"), rows,
    )  # fmt: skip


def used(service: Service, day: int, minute: int) -> bool:
    """Is the day's cap all but spent at that minute of it?"""
    taken = sum(service.taken[day * 1440 : day * 1440 + minute])
    return taken >= 0.999 * service.day_most


def _quantile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def _duration(seconds: float) -> str:
    if seconds == _NEVER:
        return "later"
    for unit, size in (("d", DAY), ("h", HOUR), ("min", _MINUTE)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
