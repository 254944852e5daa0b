"""How long to wait: between the attempts of a run, and between runs. Pure.

A run makes three attempts, one and two seconds apart; after a failed run only one, since a service
that has been down for minutes needs no second question. Between runs there is a cool-down that
doubles from a minute to four hours, so that a laptop that is offline for a week does not start an
uploader for every command. It has jitter, so that a fleet does not return at the same moment. Why
four hours: docs/scale.md.
"""

ATTEMPTS = 3
FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
"""Seconds. If a service asks for more within a run, the run ends and the wait is between runs."""

FIRST_COOL_DOWN = 60.0
LONGEST_COOL_DOWN = 4 * 3600.0
LONGEST_ASKED = 24 * 3600.0
"""Seconds for which a service that asks for it is left alone."""

SPREAD = 0.25
"""The part of Retry-After that is added at random at most: the service asks everyone alike."""

FIRST_SILENCE, LONGEST_SILENCE = 10.0, 60.0
"""Seconds without a byte after which a request is given up."""


def silence(failures: int) -> float:
    """Seconds of silence after which a request is given up, after so many failed runs in a row.

    Twice as long after each: a service that takes 20 s to answer has stored the batch, and would
    else store it again with every run.
    """
    return min(FIRST_SILENCE * 2.0 ** min(failures, 10), LONGEST_SILENCE)


def wait_before(
    attempt: int, asked: float | None, *, failures: int = 0, chance: float = 0.0
) -> float | None:
    """Seconds to wait before attempt number `attempt` (the first is 1); None for no more attempts.

    `asked`: the service's Retry-After in seconds, obeyed when it is the longer, and spread by
    `chance`, from 0 to 1. `failures`: runs in a row that had failed when this one began.
    """
    asked = asked or 0.0
    if attempt > (1 if failures else ATTEMPTS) or asked > LONGEST_WAIT:
        return None
    return max(FIRST_WAIT * 2.0 ** (attempt - 2), asked * (1 + SPREAD * chance))


def cool_down(failures: int, asked: float | None, chance: float) -> float:
    """Seconds until the next run may start, after `failures` failed runs in a row.

    `chance`, from 0 to 1, spreads it over the upper half of its length. `asked`: the service's
    Retry-After, obeyed when it is the longer, up to a day, and spread beyond it: so that not
    everybody comes back in the same second. (A whole day is counted from
    each one's own request, which is spread enough.)
    """
    full = min(FIRST_COOL_DOWN * 2.0 ** min(failures - 1, 20), LONGEST_COOL_DOWN)
    obeyed = min((asked or 0.0) * (1 + SPREAD * chance), LONGEST_ASKED)
    return max(full * (0.5 + chance / 2), obeyed)
