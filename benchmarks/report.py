"""The results as text: tables for a terminal that are Markdown too."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from conditions import CAP
from rounds import ratio
from targets import targets

QUIET = 0.8
"""Load at the start over which a run is not called quiet; our own is 1 only once we run."""


def text(found: dict[str, Any]) -> str:
    """All tables of these results."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: dict[str, Any]) -> Iterator[str]:
    machine = found["machine"]
    yield f"{found['date']}, {machine['processor']}, {machine['cores']} cores, {machine['system']},"
    yield f"Python {machine['python']}, load {machine['load']:.1f} at the start. Times in ms: the"
    yield "median (least to greatest). Added: to `python -c pass` in the same round."
    if machine["load"] > QUIET:
        yield "PRELIMINARY: others were using the machine. CPU and ratios carry further than times."
    for name, section in _SECTIONS.items():
        if name in found:
            yield ""
            yield from section(found[name])
    demands = list(targets(found))
    if demands:
        yield ""
        yield from _table(
            ("demand", "measured", "asked", "met"),
            [
                (one.what, one.shown, f"{'≥' if one.least else '≤'} {one.limit:g}", _yes(one.met))
                for one in demands
            ],
        )


def _startup(startup: dict[str, Any]) -> Iterator[str]:
    floor = startup["floor"]
    yield "The startup path (ours and the floor start `python -c pass` as their child)"
    yield ""
    yield from _table(
        ("", "time", "added", "CPU added", "of the floor's time", "of its CPU"),
        [
            (
                name,
                _spread(one["wall"]),
                f"{one['added']['median']:+.2f}",
                f"{one['added_cpu']['median']:+.2f}",
                _times(ratio(one["added"]["median"], floor["added"]["median"])),
                _times(ratio(one["added_cpu"]["median"], floor["added_cpu"]["median"])),
            )
            for name, one in startup.items()
        ],
    )


def _frameworks(frameworks: dict[str, Any]) -> Iterator[str]:
    yield "A tool of a framework: alone, recording by hand, with its integration (milliseconds)"
    yield ""
    yield from _table(
        ("", "", "CPU", "CPU added", "time added", "CPU over the engine"),
        [
            (
                name,
                part,
                _spread(one["cpu"]),
                f"{one['added_cpu']['median']:+.2f}",
                f"{one['added']['median']:+.2f}",
                f"{one['added_cpu']['median'] - of['engine']['added_cpu']['median']:+.2f}"
                if part == "integration"
                else "",
            )
            for name, of in frameworks.items()
            for part, one in of.items()
        ],
    )


def _conditions(conditions: dict[str, Any]) -> Iterator[str]:
    yield "One command with its real background; server fast, after 3 s, never"
    for condition, of in conditions.items():
        ours = of["afterword"]["added"]["median"]
        arrived = "arrived once the server is back" if condition == "silent" else "arrived"
        yield ""
        yield from _table(
            (
                f"server {condition}",
                "added to the command",
                "of ours",
                "CPU added",
                "background CPU",
                "s",
                "MB",
                arrived,
            ),
            [
                (
                    name,
                    added_text(one),
                    "> " * bool(one["capped"]) + _times(ratio(one["added"]["median"], ours)),
                    f"{one['added_cpu']['median']:+.1f}" if "added_cpu" in one else "",
                    f"{one['background_cpu']['median']:.0f}",
                    f"{one['background_seconds']['median']:.1f}",
                    f"{one['background_peak_mb']['median']:.0f}",
                    f"{one['arrived']} of {one['sent']}" if one["sent"] else "",
                )
                for name, one in sorted(of.items(), key=lambda item: item[1]["added"]["median"])
            ],
        )


def added_text(one: dict[str, Any]) -> str:
    """What it adds to a command, in words that say where it was cut off."""
    if one["capped"]:
        return f"> {CAP:.0f} s"
    if one["failed"]:
        return f"{one['failed']} times an error"
    added = one["added"]
    if added["median"] >= 1000:
        return f"+{added['median'] / 1000:.1f} s"
    digits = 1 if added["median"] < 100 else 0
    low, high = added["low"], added["high"]
    return f"{added['median']:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def _background(background: dict[str, Any]) -> Iterator[str]:
    base = background["pass"]["cpu"]["median"]
    yield "The uploader, whole: CPU of all its processes"
    yield ""
    yield from _table(
        ("", "CPU", "of pass", "from start to end", "MB", "started by a command"),
        [
            (
                name,
                _spread(one["cpu"]),
                _times(one["cpu"]["median"] / base),
                f"{one['wall']['median']:.0f}",
                f"{one['peak_mb']['median']:.0f}" if one["peak_mb"]["median"] else "",
                str(one.get("started_by_a_command", "")),
            )
            for name, one in background.items()
        ],
    )


def _sharing(sharing: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{sharing['commands']} commands in {sharing['seconds']} s: {sharing['uploaders']} "
        f"uploaders started, {sharing['uploads']} uploads, {sharing['requests']} requests, "
        f"{sharing['arrived']} events arrived, {sharing['waiting']} wait; "
        f"{sharing['background_cpu']:.2f} s of CPU, done {sharing['done_after']} s after the last"
    )


def _recording(recording: dict[str, Any]) -> Iterator[str]:
    yield f"Recording, {recording['processes']} processes x {recording['each']:,} events at once"
    yield ""
    rates = recording["rates"]
    yield from _table(
        ("", "events/s", "of bare appends", "lost"),
        [
            (
                name,
                f"{one['median']:,.0f} ({one['low']:,.0f} to {one['high']:,.0f})",
                _times(one["median"] / rates["bare append"]["median"]),
                str(recording["lost"]) if name == "ours" else "",
            )
            for name, one in rates.items()
        ],
    )


def _uploading(uploading: list[dict[str, Any]]) -> Iterator[str]:
    yield "Uploading to the local sink, whole process, batches of 100"
    yield ""
    yield from _table(
        ("events", "", "events/s", "of the bare exporter", "peak MB"),
        [
            (
                f"{one['events']:,}",
                name,
                f"{rate['median']:,.0f} ({rate['low']:,.0f} to {rate['high']:,.0f})",
                _times(rate["median"] / one["rates"]["bare exporter"]["median"]),
                f"{one['peak_mb'][name] or 'not known'}",
            )
            for one in uploading
            for name, rate in one["rates"].items()
        ],
    )


_SECTIONS: dict[str, Callable[[Any], Iterator[str]]] = {
    "startup": _startup,
    "frameworks": _frameworks,
    "conditions": _conditions,
    "background": _background,
    "sharing": _sharing,
    "recording": _recording,
    "uploading": _uploading,
}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, ["-" * width for width in widths], *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"| {' | '.join(cells)} |"


def _spread(of: dict[str, Any]) -> str:
    return f"{of['median']:.1f} ({of['low']:.1f} to {of['high']:.1f})"


def _times(of: float) -> str:
    if math.isnan(of):
        return "noise"
    return f"{of:.2f} x" if abs(of) < 10 else f"{of:.0f} x"


def _yes(met: bool) -> str:
    return "yes" if met else "NO"
