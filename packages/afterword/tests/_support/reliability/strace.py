"""A process killed, or its disk failing, at its Nth system call of a kind: by strace's injection.

strace counts for each thread and each kind of call of its own. So a *point* is a kind and a number,
and the kinds fall into three: those that only we do, wherever; those that an interpreter does
thousands of (it loads its modules), counted on our own files only; and those of the network, which
happen in the thread of the first request.
"""

import random
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from reliability.application import ALL, Application

ANYWHERE = ("write", "rename", "unlink", "ftruncate", "fsync")
ON_OUR_FILES = (
    "openat", "newfstatat", "read", "pread64", "lseek", "close", "fcntl", "getdents64",
)  # fmt: skip
OF_THE_NETWORK = (
    "socket", "connect", "setsockopt", "getsockopt", "sendto", "recvfrom", "poll", "shutdown",
)  # fmt: skip

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not there (apt-get install strace)"
)


class Point(NamedTuple):
    """A system call: the Nth of its kind; as strace has it, `1+` is every one."""

    kind: str
    number: int | str


_known: dict[tuple[str, ...], list[Point]] = {}


def points(app: Application, log: Path, *arguments: str) -> list[Point]:
    """Every point of a whole run of the program that touches our files or the network.

    Three runs, each with 250 events waiting, the first time it is asked.
    """
    if arguments in _known:
        return _known[arguments]
    found = _known[arguments] = []
    for family in (ANYWHERE, ON_OUR_FILES, OF_THE_NETWORK):
        app.record(250)
        where = _paths(app) if family is ON_OUR_FILES else []
        before = ["strace", "-f", "-qq", "-o", str(log), *where, "-e", f"trace={','.join(family)}"]
        app.run(*arguments, before=before)
        threads: dict[str, Counter[str]] = {}
        for line in log.read_text().splitlines():
            if call := re.match(r"(\d+) +(\w+)\(", line):
                threads.setdefault(call[1], Counter())[call[2]] += 1
        for kind in family:
            most = max((counts[kind] for counts in threads.values()), default=0)
            found += [Point(kind, number) for number in range(1, most + 1)]
    for path in app.files():
        path.unlink()
    return found


def at(app: Application, point: Point, what: str) -> list[str]:
    """What to put before the program: strace, that does `what` to it at that point."""
    where = _paths(app) if point.kind in ON_OUR_FILES else []
    inject = f"inject={point.kind}:{what}:when={point.number}"
    return ["strace", "-f", "-qq", "-o", "/dev/null", *where, "-e", inject]


def chosen(found: Sequence[Point], share: int, shares: int, sample: int) -> list[Point]:
    """This share of the points: all of them in `make faults`, else a seeded sample.

    The sample has as much of a kind that is called twice as of one that is called 250 times.
    """
    if ALL:
        return list(found[share::shares])
    rng = random.Random(share)  # noqa: S311  # to be repeated, not to be secret
    kinds = sorted({point.kind for point in found})
    of = {kind: [point for point in found if point.kind == kind] for kind in kinds}
    start = share * sample
    return [rng.choice(of[kinds[(start + n) % len(kinds)]]) for n in range(sample)]


def _paths(app: Application) -> list[str]:
    folder = app.folder
    segments = [f"{folder.path}/telemetry-events.{n:06d}.jsonl" for n in range(1, 4)]
    ours = [folder.path, folder.events, folder.state, folder.upload_status, folder.upload_lock]
    return [part for path in (*ours, *segments) for part in ("-P", path)]
