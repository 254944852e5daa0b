"""Draw results with peers: `python draw.py RESULTS.json PICTURE.svg`, in the environment `tools`.

One row a contestant, three bars for the three manners of the server, on a logarithmic scale, as
the figures span four orders of magnitude. Text stays text, and the colours carry on light and dark
backgrounds alike, as GitHub shows the picture on either.
"""

import json
import sys
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams.update({
    "svg.fonttype": "none",
    "svg.hashsalt": "afterword",  # the same results make the same bytes
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": "#7d8590",
    "axes.edgecolor": "#7d8590",
    "axes.labelcolor": "#7d8590",
    "xtick.color": "#7d8590",
    "ytick.color": "#7d8590",
})  # fmt: skip

import matplotlib.pyplot as plt  # noqa: E402  # after the backend is chosen
from matplotlib.axes import Axes  # noqa: E402

CAP = 20_000
COLOURS = {"fast": "#2da44e", "slow": "#d29922", "silent": "#cf222e"}
WORDS = {
    "fast": "answers at once",
    "slow": "answers after 3 s",
    "silent": "never answers",
}
QUIET = 0.8  # as in `report`
_LEAST = 0.1  # milliseconds at the left edge


def main() -> None:
    """Read, draw, write."""
    source, target = sys.argv[1:]
    with open(source) as file:
        found = json.load(file)
    conditions: dict[str, Any] = found["conditions"]
    names = sorted(
        conditions["fast"], key=lambda name: -conditions["fast"][name]["added"]["median"]
    )
    figure, axes = plt.subplots(figsize=(9, 0.68 * len(names) + 1.4))
    for place, (condition, colour) in enumerate(COLOURS.items()):
        for row, name in enumerate(names):
            _bar(axes, row + 0.26 * (1 - place), conditions[condition][name], colour)
    axes.set_yticks(range(len(names)), names)
    for label in axes.get_yticklabels():
        if label.get_text() == "afterword":
            label.set_fontweight("bold")
    axes.set_xscale("log")
    axes.set_xlim(_LEAST, CAP * 6)
    axes.set_xticks([1, 10, 100, 1000, 10_000], ["1 ms", "10 ms", "100 ms", "1 s", "10 s"])
    axes.minorticks_off()
    axes.tick_params(left=False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#7d8590", alpha=0.25, linewidth=0.8)
    axes.set_axisbelow(True)
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()]
    axes.legend(
        handles,
        [f"server {WORDS[name]}" for name in COLOURS],
        loc="lower center",
        bbox_to_anchor=(0.35, 1.0),
        ncols=3,
        frameon=False,
    )
    machine = found["machine"]
    axes.set_xlabel(
        f"added to one command, median   ({found['date']}, {machine['processor']}, "
        f"{machine['cores']} cores, Python {machine['python']})"
    )
    if machine["load"] > QUIET:
        axes.set_title("preliminary: not a quiet machine", loc="left", size=10, y=-0.16)
    figure.savefig(target, transparent=True, bbox_inches="tight", metadata={"Date": None})


def _bar(axes: Axes, place: float, one: dict[str, Any], colour: str) -> None:
    added = max(one["added"]["median"], _LEAST * 1.05)
    if one["capped"]:
        added = CAP
    axes.barh(place, added - _LEAST, left=_LEAST, height=0.24, color=colour)
    axes.annotate(
        _words(one), (added, place), xytext=(4, 0), textcoords="offset points", va="center", size=9
    )


def _words(one: dict[str, Any]) -> str:
    added = one["added"]["median"]
    said = f"{added:.1f} ms" if added < 10 else f"{added:.0f} ms"
    if one["capped"]:
        said = f"> {CAP / 1000:.0f} s"
    elif added >= 1000:
        said = f"{added / 1000:.1f} s"
    lost = one["sent"] - one["arrived"]
    if lost:
        said += ", lost" if lost == one["sent"] else f", {lost} of {one['sent']} lost"
    return said


if __name__ == "__main__":
    main()
