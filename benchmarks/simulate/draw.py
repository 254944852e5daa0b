"""Draw the day of the outage: `python draw.py LOAD.json PICTURE.svg`, in the environment `tools`.

Colours and text as in the other picture (`benchmarks/draw.py`): for light and dark alike.
"""

import json
import sys

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams.update({
    "svg.fonttype": "none",
    "svg.hashsalt": "afterword",  # the same load makes the same bytes
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": "#7d8590",
    "axes.labelcolor": "#7d8590",
    "axes.edgecolor": "#7d8590",
    "xtick.color": "#7d8590",
    "ytick.color": "#7d8590",
})  # fmt: skip

import matplotlib.pyplot as plt  # noqa: E402  # after the backend is chosen

LIMIT = 32_000
LINES = {
    "events, as it is": ("#2da44e", "events taken"),
    "requests, as it is": ("#218bff", "requests"),
    "requests, no cool-down": ("#d29922", "requests, without the cool-down"),
}
_SMOOTH = 5  # minutes


def main() -> None:
    """Read, draw, write."""
    source, target = sys.argv[1:]
    with open(source) as file:
        load: dict[str, list[float]] = json.load(file)
    figure, axes = plt.subplots(figsize=(9, 4))
    for name, (colour, label) in LINES.items():
        values = load[name]
        means = [sum(values[at : at + _SMOOTH]) / _SMOOTH for at in range(0, len(values), _SMOOTH)]
        hours = [at * _SMOOTH / 60 for at in range(len(means))]
        axes.plot(hours, means, color=colour, label=label, linewidth=1.6)
    axes.axhline(LIMIT, color="#cf222e", linewidth=1.2, linestyle="--")
    axes.annotate("limit of one key: 32,000 events/s", (0.1, LIMIT * 0.94), va="top", size=10)
    axes.axvspan(13 + 1 / 6, 17 + 1 / 6, color="#7d8590", alpha=0.15, linewidth=0)
    axes.annotate("service down", (15.17, 400), ha="center", size=10)
    axes.set_xlim(0, 24)
    axes.set_yscale("log")
    axes.set_ylim(300, LIMIT * 1.6)
    axes.set_yticks([1000, 3000, 10_000], ["1,000", "3,000", "10,000"])
    axes.minorticks_off()
    axes.grid(axis="y", color="#7d8590", alpha=0.25, linewidth=0.8)
    axes.set_xticks(range(0, 25, 3), [f"{hour}:00" for hour in range(0, 25, 3)])
    axes.set_xlabel("a working day, UTC; ten million installs, means over five minutes")
    axes.set_ylabel("a second (logarithmic)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 0.85), frameon=False)
    figure.savefig(target, transparent=True, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
