"""A whole command with its real background, against a server that is fast, slow, or silent.

All contestants take turns within one run, each beside `python -c pass` of its own environment.
After the silent condition the server is back, one more command of each runs, and what arrives now
of the events of the silence is counted.
"""

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contestants import FLOOR, OURS, Contestant
from environments import python_of, size_of
from processes import Run
from rounds import added, alternate, cpu, summary, wall
from stage import CONDITIONS, Server, Stage, telemetry_folder

from afterword.folder import DataFolder
from afterword.spawn import forget_starts

CAP = 20.0
"""Seconds a command may take before it is ended, and reported as more than that."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to do: in each condition, rounds of all, then rounds of ours and the floor alone.

    These are a millisecond apart and drown in the noise of as many rounds as tell them from peers
    that take seconds.
    """

    fast: tuple[int, int]
    slow: tuple[int, int]
    silent: tuple[int, int]
    warm_up: int
    patience: float
    """Seconds for the background of a command that met silence, before it is ended."""


QUICK = Effort(fast=(2, 0), slow=(1, 0), silent=(2, 0), warm_up=0, patience=0.0)
WHOLE = Effort(fast=(25, 0), slow=(7, 13), silent=(3, 12), warm_up=1, patience=30.0)


class _Entry:
    """One contestant in one condition: its home, and the numbers its events had."""

    def __init__(self, stage: Stage, who: Contestant, condition: str, patience: float) -> None:
        self.who = who
        self._stage = stage
        self._server = stage.server(condition)
        self._patience = patience
        self.home = stage.home(agreed=True if who.agreed else None)
        self.marks: list[int] = []

    def run(self) -> Run:
        """One command."""
        self.marks.append(self._stage.mark())
        return self._run(self._server, self.marks[-1], self._patience)

    def run_again(self, server: Server) -> None:
        """One more command, with another server, whose event does not count."""
        if self.who.agreed:
            self._forget_cool_down()
        self._run(server, self._stage.mark(), 60.0)

    def run_baseline(self) -> Run:
        """`python -c pass` in the same environment."""
        return self._stage.family.run(
            (python_of(self.who.environment), "-c", "pass"), self._stage.environment(self.home)
        )

    def _run(self, server: Server, mark: int, patience: float) -> Run:
        environment = self._stage.environment(self.home, self.who.variables(server), mark=mark)
        return self._stage.family.run(
            (python_of(self.who.environment), "-c", self.who.code),
            environment,
            cap=CAP,
            patience=patience,
            may_fail=True,
        )

    def _forget_cool_down(self) -> None:
        """As if it had passed: it would be up to a minute, and is not what is measured."""
        folder = DataFolder(telemetry_folder(self.home))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(folder.upload_status)
        forget_starts(folder)  # those that we have ended in the middle of their two seconds


def measure(stage: Stage, who: Sequence[Contestant], effort: Effort) -> dict[str, Any]:
    """`{condition: {contestant: figures}}`, times in milliseconds; see `_figures`."""
    found: dict[str, Any] = {}
    for one in who:
        python_of(one.environment)
    for condition in CONDITIONS:
        rounds, further = getattr(effort, condition)
        print(f"server {condition}: {rounds} + {further} rounds", file=sys.stderr, flush=True)
        patience = effort.patience if condition == "silent" else 60.0
        entries = [_Entry(stage, one, condition, patience) for one in who]
        trials = {entry.who.name: entry.run for entry in entries}
        bases = {_base(entry.who): entry.run_baseline for entry in entries}
        warm_up = effort.warm_up if condition == "fast" else 0
        runs = alternate(bases | trials, rounds, warm_up=warm_up)
        ours = [FLOOR.name, OURS.name, _base(OURS)]
        for name, more in alternate({one: (bases | trials)[one] for one in ours}, further).items():
            runs[name] += more
        arrived = stage.server(condition).marks()
        if condition == "silent":
            time.sleep(1.0)  # azure-cli-telemetry and others tell time in whole seconds
            for entry in entries:
                entry.run_again(stage.server("fast"))
            arrived = stage.server("fast").marks()
        found[condition] = {
            entry.who.name: _figures(entry, runs[entry.who.name], runs[_base(entry.who)], arrived)
            for entry in entries
        }
    return found


def sizes(who: Sequence[Contestant]) -> dict[str, dict[str, float]]:
    """How many packages each brings along, and their MB."""
    found = {}
    for one in who:
        count, size = size_of(one.environment)
        found[one.name] = {"packages": count, "megabytes": round(size / 1e6, 1)}
    return found


def _figures(
    entry: _Entry, runs: Sequence[Run], base: Sequence[Run], arrived: set[int]
) -> dict[str, Any]:
    counted = entry.marks[-len(runs) :]
    return {
        "wall": summary(wall(runs)),
        "baseline": summary(wall(base)),
        "added": added(wall(runs), wall(base)),
        "added_cpu": added(cpu(runs), cpu(base)),
        "capped": sum(run.capped for run in runs),
        "failed": sum(run.failed for run in runs),
        "background_cpu": summary([run.background.cpu * 1000 for run in runs]),
        "background_seconds": summary([run.background.seconds for run in runs]),
        "background_peak_mb": summary([run.background.peak / 1e6 for run in runs]),
        "sent": 0 if entry.who is FLOOR else len(counted),
        "arrived": len(arrived.intersection(counted)),
    }


def _base(who: Contestant) -> str:
    return f"pass ({who.environment})"
