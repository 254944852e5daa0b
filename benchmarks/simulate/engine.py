"""What the engine does on every install of the fleet, in the order of time.

The rules are the engine's own, imported, so that a change there shows here: how long it waits
within a run and between runs, how it gathers and batches, when an event is given up. What is
simulated is only what stands between them: a command records an event, and starts an uploader
unless one is at work or the last failure is cooling down.
"""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from fleet import DAY, Fleet
from service import Service

from afterword.telemetry import CAP
from afterword.upload.batches import MOST_EVENTS
from afterword.upload.job import GATHER
from afterword.upload.retry import cool_down, wait_before
from afterword.upload.witness import MOST_AGE

LINE = 300
"""Bytes of an event in the buffer."""
_START = 0.3  # seconds until an uploader is ready
_REQUEST = 0.2  # seconds for one request


@dataclass(frozen=True, slots=True)
class Rules:
    """The engine's, each replaceable, to see what it is good for."""

    wait_before: Callable[[int, float | None, int, float], float | None] = (
        lambda attempt, asked, failures, chance: wait_before(
            attempt, asked, failures=failures, chance=chance
        )
    )
    cool_down: Callable[[int, float | None, float], float] = cool_down
    gather: float = GATHER
    batch: int = MOST_EVENTS
    most_age: float = MOST_AGE
    most_waiting: int = CAP // LINE


@dataclass(slots=True)
class Outcome:
    """What came of it: for each event that arrived, its moment and its delay; and the rest."""

    arrived: list[tuple[float, float, int]] = field(default_factory=list)
    """(when it was recorded, when it arrived, on which install)"""
    waiting: list[tuple[float, int]] = field(default_factory=list)
    """(when it was recorded, on which install), at the end"""
    expired: Counter[str] = field(default_factory=Counter)
    """By kind of install: too old."""
    overflowed: Counter[str] = field(default_factory=Counter)
    """By kind of install: over the buffer's cap."""
    starts: Counter[int] = field(default_factory=Counter)
    """Uploaders started, by minute."""
    recorded: int = 0


@dataclass(slots=True)
class _State:
    """One install's buffer and status file."""

    waiting: deque[float] = field(default_factory=deque)
    busy: bool = False
    failures: int = 0
    next_at: float = 0.0


class _Simulation:
    def __init__(self, fleet: Fleet, service: Service, rules: Rules, seed: int) -> None:
        self.fleet, self.service, self.rules = fleet, service, rules
        self.rng = random.Random(seed)  # noqa: S311  # a simulation
        self.states = [_State() for _ in fleet.installs]
        self.due: list[tuple[float, int, int]] = []  # (when, install, attempt)
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Play all commands, and what they start."""
        for now, index in self.fleet.commands:
            while self.due and self.due[0][0] <= now:
                self._upload(*heapq.heappop(self.due))
            self._command(now, index)
        end = self.fleet.days * DAY + 60
        while self.due and self.due[0][0] <= end:
            self._upload(*heapq.heappop(self.due))
        for index, state in enumerate(self.states):
            self.outcome.waiting += [(moment, index) for moment in state.waiting]
        of = self.outcome
        gone = len(of.arrived) + of.expired.total() + of.overflowed.total()
        assert of.recorded == gone + len(of.waiting), "an event is neither here nor there"
        return of

    def _command(self, now: float, index: int) -> None:
        state, outcome = self.states[index], self.outcome
        outcome.recorded += 1
        state.waiting.append(now)
        if len(state.waiting) > self.rules.most_waiting:
            state.waiting.popleft()
            outcome.overflowed[self.fleet.installs[index].kind] += 1
        if state.busy or now < state.next_at:
            return
        state.busy = True
        outcome.starts[int(now / 60)] += 1
        heapq.heappush(self.due, (now + _START + self.rules.gather, index, 1))

    def _upload(self, now: float, index: int, attempt: int) -> None:
        """One request of one uploader, and what it makes of the answer."""
        state, outcome, install = self.states[index], self.outcome, self.fleet.installs[index]
        waiting = state.waiting
        while waiting and now - waiting[0] > self.rules.most_age:
            waiting.popleft()
            outcome.expired[install.kind] += 1
        if not waiting:
            state.busy = False
            return
        count = min(len(waiting), self.rules.batch)
        asked, retry = None, True
        if not install.is_offline(now):
            taken, asked, retry = self.service.request(now, count)
            if taken:
                state.failures, state.next_at = 0, 0.0
                outcome.arrived += [(waiting.popleft(), now, index) for _ in range(count)]
                state.busy = bool(waiting)
                if waiting:
                    heapq.heappush(self.due, (now + _REQUEST, index, 1))
                return
        wait = None
        if retry:
            wait = self.rules.wait_before(attempt + 1, asked, state.failures, self.rng.random())
        if wait is not None:
            heapq.heappush(self.due, (now + wait, index, attempt + 1))
            return
        state.busy = False
        state.failures += 1
        state.next_at = now + self.rules.cool_down(state.failures, asked, self.rng.random())


def simulate(fleet: Fleet, service: Service, rules: Rules, *, seed: int = 1) -> Outcome:
    """Let the fleet use the service under these rules."""
    return _Simulation(fleet, service, rules, seed).run()
