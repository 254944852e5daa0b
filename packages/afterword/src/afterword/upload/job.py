"""What a run works with. Everything outside it is passed in here."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from afterword.exporters.base import Exporter
from afterword.folder import DataFolder
from afterword.schema import Event
from afterword.upload.process import uptime
from afterword.upload.retry import silence
from afterword.upload.status import Status

REQUEST_TIME = 60.0
"""Seconds for one request, everything included, also where bytes move all the while."""

GATHER = 2.0
"""Seconds for which an uploader that a command started waits first, asleep and small, so that
commands back to back share one upload."""

MOST_TIME = 200.0
"""Seconds after which no further request is begun: the rest of the five minutes is for the last
one, so that a large backlog on a slow line ends by itself, and the next command goes on with it."""


@dataclass(frozen=True, slots=True)
class Job:
    """One upload of one application."""

    folder: DataFolder
    events: Mapping[str, Event]
    version_key: str
    version: str
    make_exporter: Callable[[float], Exporter]
    """Given the seconds of silence after which it is to give a request up."""
    allowed: Callable[[], bool]
    """Asked before each request and during it: the person may turn it off meanwhile."""
    cap: int
    """Bytes that may wait; the oldest leave first."""
    host: str = ""
    """Where to, for the copy of what was sent."""
    agreed_at: float = 0.0
    """When the person agreed, in seconds since 1970."""
    clock: Callable[[], float] = time.time
    elapsed: Callable[[], float] = uptime
    sleep: Callable[[float], None] = time.sleep
    silence: Callable[[int], float] = silence
    request_time: float = REQUEST_TIME
    chance: Callable[[], float] = random.Random().random  # noqa: S311  # spreads load, no secret
    """Numbers from 0 to 1; the sequence of the module itself belongs to the program."""
    gather: float = 0.0
    """Seconds to wait for more events before the first look."""
    progress: Callable[[Status], object] = lambda _so_far: None
    """Called after each batch, with what became of it so far."""
    most_time: float = MOST_TIME
    """Seconds after which no further request is begun."""
    last_time: float = REQUEST_TIME
    """Seconds more for the last request."""
    patience: float = 0.0
    """Seconds to wait for another uploader to end."""
    end: Callable[[], None] | None = None
    """Ends this process at once, where it is the uploader's own: with it ends a request that nobody
    wants any more and that cannot be cut."""
