"""The result of the last upload, and what the next one has to know: a small file."""

from dataclasses import dataclass, field

from afterword.folder import Flat, read_flat
from afterword.schema import timestamp
from afterword.state import files
from afterword.upload.reading import TOO_OLD, UNDECLARED, UNREADABLE

REFUSED, OVER_THE_CAP = "refused", "over the cap"
DROPPED = (TOO_OLD, UNREADABLE, UNDECLARED, REFUSED, OVER_THE_CAP)

UNFINISHED = "not finished: still running, or stopped"
"""The error that the status has while an upload is at work, and after it was killed."""

NO_TIME = "not finished in time"

_SEEN = "seen "
_MOST_SEEN = 500  # segments; of more than that the file would not be read whole
_MOST_TEXT = 300


@dataclass(slots=True)
class Status:
    """The last upload. Times in seconds since 1970; counts are of events."""

    at: float = 0.0
    sent: int = 0
    kept: int = 0
    """Lines that were taken from the buffer and still wait."""
    dropped: dict[str, int] = field(default_factory=dict)
    error: str | None = None
    failures: int = 0
    """Runs in a row that failed."""
    next_at: float = 0.0
    """Before that, no command starts an uploader."""
    held_until: float = 0.0
    """Before that, none is started for what this run has left waiting, only for something new."""
    batch: int = 0
    """The most events that the next run puts into a request; 0: as many as are allowed."""
    last_id: str = ""
    """The fingerprint of the anonymous id sent last, see `ids`."""
    another_at: float = 0.0
    """When another id may be sent."""
    proven: float = 0.0
    """Seconds that have certainly passed since this file was begun, see `witness`."""
    uptime: float = 0.0
    """The machine's, in seconds, when that was reckoned."""
    seen: dict[str, float] = field(default_factory=dict)
    """Since when each waiting segment has been seen, by its sign, in proven seconds."""

    def drop(self, why: str, count: int = 1) -> None:
        """Count events that are dropped, for a reason out of DROPPED."""
        self.dropped[why] = self.dropped.get(why, 0) + count


def load(path: str) -> Status:
    """The status kept at `path`; an empty one where there is none or it cannot be read."""
    flat = read_flat(path) or {}

    def number(key: str) -> int:
        value = flat.get(key)
        return value if type(value) is int and value >= 0 else 0

    def text(key: str) -> str | None:
        value = flat.get(key)
        return value if isinstance(value, str) else None

    return Status(
        at=number("atSeconds"),
        sent=number("sent"),
        kept=number("kept"),
        dropped={why: count for why in DROPPED if (count := number(_key(why)))},
        error=text("error"),
        failures=number("failures"),
        next_at=number("nextSeconds"),
        held_until=number("heldSeconds"),
        batch=number("batch"),
        last_id=text("lastId") or "",
        another_at=number("anotherIdSeconds"),
        proven=number("provenSeconds"),
        uptime=number("uptimeSeconds"),
        seen={key.removeprefix(_SEEN): number(key) for key in flat if key.startswith(_SEEN)},
    )


def save(path: str, status: Status) -> None:
    """Keep it. Raise OSError if the disk refuses."""
    error = status.error
    flat: Flat = {
        "at": timestamp(status.at),
        "atSeconds": int(status.at),
        "sent": status.sent,
        "kept": status.kept,
        **{_key(why): count for why, count in status.dropped.items()},
        "error": _plain(error) if error is not None else None,
        "failures": status.failures,
        "next": timestamp(status.next_at) if status.next_at else None,
        "nextSeconds": int(status.next_at),
        "heldSeconds": int(status.held_until),
        "batch": status.batch,
        "lastId": status.last_id,
        "anotherIdSeconds": int(status.another_at),
        "provenSeconds": int(status.proven),
        "uptimeSeconds": int(status.uptime),
    }
    for sign, since in list(status.seen.items())[:_MOST_SEEN]:
        flat[_SEEN + sign] = int(since)
    files.write(path, flat)


def _plain(error: str) -> str:
    """What a service said may be anything: cut, and only what needs no escaping in the file."""
    plain = error[:_MOST_TEXT].replace('"', "'").replace("\\", "/")
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in plain)


def _key(why: str) -> str:
    return "dropped" + "".join(word.capitalize() for word in why.split())
