"""Run one process to its end, then all it left behind: how long, how much CPU, how much memory.

A command's cost is what its caller waits for. What it started and did not wait for is its
background: those orphans come to us, as the kernel hands them to the nearest *subreaper* among
their ancestors (prctl(2), PR_SET_CHILD_SUBREAPER). So nothing is lost sight of, no run meets the
leftovers of the one before, and only what we started is ever ended.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_POLL = 0.002


@dataclass(frozen=True, slots=True)
class Background:
    """What a command left running: how many processes, their CPU seconds, their life."""

    processes: int
    cpu: float
    seconds: float
    """From the command's end to the end of the last of them."""
    peak: int
    """Bytes of memory of the largest."""
    ended: bool
    """They were ended by us, as they outstayed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One command, as its caller sees it."""

    seconds: float
    cpu: float
    peak: int
    """Bytes of memory at the most."""
    capped: bool
    """It was ended by us, after so many seconds."""
    failed: bool
    """It ended with an error of its own."""
    background: Background


class ProgramError(Exception):
    """A program did not end well; the message has what it said."""


class Family:
    """Everything this process starts, and everything that starts in turn.

    Args:
        said: a file for what the programs write on stderr.
    """

    def __init__(self, said: str) -> None:
        if sys.platform != "linux":
            raise ProgramError("the harness follows orphans, which only Linux allows: run it there")
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
        self._said = said
        self._spared: set[int] = set()

    def spare_the_living(self) -> None:
        """Who lives now (a server) is no part of what is measured."""
        self._spared = set(_children())

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        cap: float = 60.0,
        patience: float = 60.0,
        may_fail: bool = False,
    ) -> Run:
        """Run a command and wait for its background.

        Args:
            command: full path and arguments.
            environment: all of it.
            cap: seconds after which the command is ended.
            patience: seconds after which its background is.
            may_fail: it may end with an error of its own.

        Raises:
            ProgramError: it did, and may not.
        """
        started = time.perf_counter()
        pid = self.start(command, environment)
        with _alarm(pid, cap) as rang:
            _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - started
        failed = bool(status and not rang)
        if failed and not may_fail:
            self.end_background(0.0)
            raise ProgramError(f"{' '.join(command)} ended with {status}:\n{self._last_words()}")
        background = self.end_background(0.0 if rang else patience)
        cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
        return Run(seconds, cpu, peak, bool(rang), failed, background)

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Start a command, its streams on nothing; its process id."""
        streams = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, self._said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        ]
        return os.posix_spawn(command[0], tuple(command), environment, file_actions=streams)

    def end_background(self, patience: float) -> Background:
        """Wait until all are gone, or end them when patience runs out."""
        started = time.perf_counter()
        count, cpu, peak, ended = 0, 0.0, 0, False
        while left := [pid for pid in _children() if pid not in self._spared]:
            for pid in left:
                gone, _, usage = os.wait4(pid, os.WNOHANG)
                if gone:
                    count += 1
                    cpu += usage.ru_utime + usage.ru_stime
                    peak = max(peak, usage.ru_maxrss * 1024)
            if time.perf_counter() - started > patience:
                ended = True
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL)
        return Background(count, cpu, time.perf_counter() - started, peak, ended)

    def _last_words(self) -> str:
        with contextlib.suppress(OSError), open(self._said) as file:
            return file.read()[-2000:]
        return ""


def own_peak() -> int:
    """Bytes of memory of this process at the most.

    The kernel counts what a process was before its exec: a child's peak is at least ours.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _children() -> list[int]:
    found: list[int] = []
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{thread}/children") as file:
            found += map(int, file.read().split())
    return found


@contextlib.contextmanager
def _alarm(pid: int, seconds: float) -> Iterator[list[bool]]:
    """Kill the process after so many seconds; the list is not empty if that happened."""
    rang: list[bool] = []

    def ring(_signal: int, _frame: object) -> None:
        rang.append(True)
        os.kill(pid, signal.SIGKILL)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield rang
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
