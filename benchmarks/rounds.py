"""Alternation and statistics: A B C, C A B, …, medians, and differences within one round.

On a machine that does other things too, two medians taken minutes apart differ by more than what
is measured here. So contestants run one after the other, again and again, and what one adds is
the median over the rounds of (its time - the baseline's time in the same round). Each round has an
order of its own: who always follows a program that leaves a child behind is slower by 0.7 ms.
"""

import math
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from processes import Run

Trial = Callable[[], Run]


class Summary(TypedDict):
    """Of some values: their median, least and greatest, the quartiles, and how many."""

    median: float
    low: float
    high: float
    quartiles: tuple[float, float]
    n: int


def alternate(
    trials: Mapping[str, Trial], rounds: int, *, warm_up: int = 1
) -> dict[str, list[Run]]:
    """Run every trial `rounds` times, after `warm_up` rounds that do not count.

    The orders are drawn by lot, and the same in every run of the benchmark.
    """
    lot = random.Random(0)  # noqa: S311  # the same orders each time, which is the point
    runs: dict[str, list[Run]] = {name: [] for name in trials}
    for number in range(warm_up + rounds):
        for name, trial in lot.sample(list(trials.items()), len(trials)):
            _tell(f"round {number + 1} of {warm_up + rounds}: {name}")
            run = trial()
            if number >= warm_up:
                runs[name].append(run)
    _tell("")
    return runs


def summary(values: Sequence[float]) -> Summary:
    """Median and spread."""
    quarters = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return Summary(
        median=statistics.median(values),
        low=min(values),
        high=max(values),
        quartiles=(quarters[0], quarters[2]),
        n=len(values),
    )


def wall(runs: Sequence[Run]) -> list[float]:
    """Milliseconds that the caller waited."""
    return [run.seconds * 1000 for run in runs]


def cpu(runs: Sequence[Run]) -> list[float]:
    """Milliseconds of CPU of the command itself."""
    return [run.cpu * 1000 for run in runs]


def added(values: Sequence[float], baseline: Sequence[float]) -> Summary:
    """What it adds to the baseline of the same round."""
    return summary([value - base for value, base in zip(values, baseline, strict=True)])


def ratio(value: float, of: float) -> float:
    """`value / of`; not a number where `of` drowned in the noise of the machine."""
    return value / of if of > 0 else math.nan


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text[:100]}")
        sys.stderr.flush()
