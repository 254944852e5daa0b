"""How long something has certainly waited. Pure.

A wall clock may be wrong when an event is recorded, and when it is read. So the clock alone makes
no event too old. The second witness is the machine's uptime, which nobody sets: from run to run it
proves that at least so much time has passed. The proven time is added up in the status file, which
also says when each segment was first seen. Each event in a segment is at least as old.
"""

from collections.abc import Iterable

MOST_AGE = 30 * 24 * 3600
"""Seconds an event may wait."""


def proven(before: float, uptime_before: float, uptime: float) -> float:
    """The time proven so far, in seconds.

    Args:
        before: as of the run before.
        uptime_before: the machine's uptime then.
        uptime: its uptime now; less than before after a restart, which is then all we know.
    """
    gap = uptime - uptime_before
    return before + (gap if gap >= 0 else max(0.0, uptime))


class Witness:
    """Since when each segment has been seen.

    Args:
        now: the time proven so far.
        seen: what the status file says: of each segment its sign, and since when.
    """

    def __init__(self, now: float = 0.0, seen: Iterable[tuple[str, float]] = ()) -> None:
        self._now = now
        self._seen = {sign: since for sign, since in seen if since <= now}

    def since(self, sign: str) -> float:
        """Since when the segment with this sign has been seen: for an unknown one, since now.

        `sign`: another after every change of the file, so that no file is taken for another.
        """
        return self._seen.get(sign, self._now)

    def is_old(self, since: float) -> bool:
        """Has what was first seen then certainly waited for longer than it may?"""
        return self._now - since > MOST_AGE
