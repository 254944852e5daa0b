"""How long to wait: between the attempts of a run, and between runs. Pure.

Within a run three attempts, one second apart, then two. Between runs a cool-down that doubles from
a minute to a day, so that a laptop offline for a week does not start an uploader for every command;
with jitter, so that a fleet does not return at once when the service does.
"""

ATTEMPTS = 3
FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
"""Seconds. A service that asks for more within a run gets its wish between runs."""

FIRST_COOL_DOWN = 60.0
LONGEST_COOL_DOWN = 24 * 3600.0


def wait_before(attempt: int, asked: float | None) -> float | None:
    """Seconds to wait before attempt number `attempt` (the first is 1); None for no more attempts.

    `asked`: the service's Retry-After in seconds, obeyed when it is the longer.
    """
    if attempt > ATTEMPTS:
        return None
    wait = max(FIRST_WAIT * 2 ** (attempt - 2), asked or 0.0)
    return wait if wait <= LONGEST_WAIT else None


def cool_down(failures: int, asked: float | None, chance: float) -> float:
    """Seconds until the next run may start, after `failures` failed runs in a row.

    `chance`, from 0 to 1, spreads it over the upper half of its length. `asked`: the service's
    Retry-After, obeyed when it is the longer, up to a day.
    """
    full = min(FIRST_COOL_DOWN * 2.0 ** min(failures - 1, 20), LONGEST_COOL_DOWN)
    return min(max(full * (0.5 + chance / 2), asked or 0.0), LONGEST_COOL_DOWN)
