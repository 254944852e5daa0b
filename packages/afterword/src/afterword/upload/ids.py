"""One anonymous id in a run; another one in a later run, after a random time. Pure.

The id is replaced each month, so that nobody can follow a person over months. A request, a
connection or a moment with two of them would link them. So a run sends the events of one id only.
Those of another wait for a run hours later, on a connection of its own. That time is drawn anew
whenever something is sent, even if nothing of another id waits yet.
"""

import hashlib
from collections.abc import Iterable

SHORTEST_WAIT, LONGEST_WAIT = 3600.0, 12 * 3600.0
"""Seconds between the last request with one id and the first with another."""


def fingerprint(anonymous_id: str) -> str:
    """What the status file keeps of the id sent last; from it the id cannot be found."""
    return hashlib.sha256(anonymous_id.encode()).hexdigest()[:16]


def wait_for_another(chance: float) -> float:
    """Seconds until another id may be sent. `chance`: from 0 to 1."""
    return SHORTEST_WAIT + (LONGEST_WAIT - SHORTEST_WAIT) * chance


def choose(waiting: Iterable[str], last: str, another_at: float, now: float) -> list[str]:
    """The ids that a run may send the events of, the best first.

    Args:
        waiting: the ids of what waits, oldest first.
        last: the fingerprint of the id sent last; empty if there was none.
        another_at: when another one may be sent, in seconds since 1970.
        now: seconds since 1970.

    Returns:
        Another id goes first, so that it gets its turn; before its time only the last one may go.
        A time further away than any that we draw comes of a clock that was set, and has passed.
    """
    ids = list(dict.fromkeys(waiting))
    same = [one for one in ids if fingerprint(one) == last]
    if must_wait(another_at, now):
        return same
    return [one for one in ids if one not in same] + same


def must_wait(another_at: float, now: float) -> bool:
    """Is it too early for another id than the last?"""
    return 0 < another_at - now <= LONGEST_WAIT
