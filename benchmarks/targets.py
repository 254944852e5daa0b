"""What the figures are held to: ratios within one run, and counts. Never seconds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rounds import ratio


@dataclass(frozen=True, slots=True)
class Target:
    """One demand and what was measured.

    Args:
        what: in words.
        figure: as measured.
        limit: at most that, or with `least` at least.
        shown: the figure with its unit.
    """

    what: str
    figure: float
    limit: float
    shown: str
    least: bool = False

    @property
    def met(self) -> bool:
        """Is it?"""
        return self.figure >= self.limit if self.least else self.figure <= self.limit


def targets(found: dict[str, Any]) -> Iterator[Target]:
    """Every demand that these results can answer."""
    if "startup" in found:
        yield from _startup(found["startup"])
    if "frameworks" in found:
        yield from _frameworks(found["frameworks"])
    if "conditions" in found:
        yield from _peers(found["conditions"])
    if "background" in found:
        yield from _background(found["background"])
    if "sharing" in found:
        yield from _sharing(found["sharing"])
    if "recording" in found:
        of = found["recording"]
        yield _least("recording: ours, of bare appends", of["ratio"], 0.5)
        yield Target("recording: events lost", of["lost"], 0, str(of["lost"]))
    for of in found.get("uploading", ()):
        yield from _uploading(of)
        yield Target(f"uploading {of['events']:,}: events lost", of["lost"], 0, str(of["lost"]))


def _startup(startup: dict[str, Any]) -> Iterator[Target]:
    floor = startup["floor"]
    for what, figure in (("CPU", "added_cpu"), ("time", "added")):
        times = ratio(startup["ours"][figure]["median"], floor[figure]["median"])
        yield _most(f"startup path: {what} added, of the floor's", times, 2.0)
    for name in ("ours, turned off", "ours, not asked yet"):
        times = ratio(startup[name]["added"]["median"], floor["added"]["median"])
        yield _most(f"{name}: time added, of the floor's", times, 1.0)


def _frameworks(frameworks: dict[str, Any]) -> Iterator[Target]:
    for name, of in frameworks.items():
        engine = of["engine"]["added_cpu"]["median"]
        times = ratio(of["integration"]["added_cpu"]["median"], engine)
        yield _most(f"integration of {name}: CPU added, of the engine's by hand", times, 2.5)


def _peers(conditions: dict[str, Any]) -> Iterator[Target]:
    for condition, of in conditions.items():
        peers = {name: one for name, one in of.items() if name not in ("floor", "afterword")}
        ours = of["afterword"]
        if peers:
            nearest = min(peers, key=lambda name: peers[name]["added"]["median"])
            added = ours["added"]["median"]
            times = peers[nearest]["added"]["median"] / added if added > 0 else math.inf
            yield _least(f"server {condition}: nearest peer ({nearest}), of ours", times, 20.0)
        missing = ours["sent"] - ours["arrived"]
        yield Target(f"server {condition}: events of ours lost", missing, 0, str(missing))


def _background(background: dict[str, Any]) -> Iterator[Target]:
    base = background["pass"]["cpu"]["median"]
    for name in ("nothing to do", "another at work", "cooling down"):
        times = background[name]["cpu"]["median"] / base
        yield _most(f"uploader, {name}: CPU, of `python -c pass`", times, 1.5)
    official = background.get("one event, azure_official")
    for name in ("azure", "otlp"):
        if official is None or f"one event, {name}" not in background:
            continue
        for what, figure, limit in (("CPU", "cpu", 1 / 3), ("memory", "peak_mb", 1 / 2)):
            one = background[f"one event, {name}"][figure]["median"]
            times = ratio(one, official[figure]["median"])
            yield _most(f"one event by {name}: {what}, of azure_official's", times, limit)
    for name in ("another at work", "cooling down"):
        started = background[name]["started_by_a_command"]
        yield Target(f"{name}: uploaders a command starts", started, 0, str(started))


def _uploading(of: dict[str, Any]) -> Iterator[Target]:
    what, ratios = f"uploading {of['events']:,}", of["ratios"]
    yield _least(f"{what}: azure_official, of the bare exporter", ratios["azure_official"], 0.9)
    for name in ratios.keys() - {"azure_official"}:
        times = ratio(ratios[name], ratios["azure_official"])
        yield _least(f"{what}: {name}, of azure_official", times, 2.0)


def _sharing(sharing: dict[str, Any]) -> Iterator[Target]:
    what = f"{sharing['commands']} commands in {sharing['seconds']:.0f} s"
    yield Target(f"{what}: uploads", sharing["uploads"], 5, str(sharing["uploads"]))
    left = sharing["commands"] - sharing["arrived"]
    yield Target(f"{what}: events that have not left", left, 0, str(left))


def _most(what: str, times: float, limit: float) -> Target:
    return Target(what, times, limit, f"{times:.2f} x")


def _least(what: str, times: float, limit: float) -> Target:
    return Target(what, times, limit, f"{times:.2f} x", least=True)
