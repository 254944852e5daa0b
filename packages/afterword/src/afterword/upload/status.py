"""What became of the last upload, and when the next may be: one small file beside the buffer."""

from dataclasses import dataclass, field

from afterword.folder import Flat, read_flat
from afterword.schema import timestamp
from afterword.state import files
from afterword.upload.reading import TOO_OLD, UNDECLARED, UNREADABLE

REFUSED, OVER_THE_CAP = "refused", "over the cap"
DROPPED = (TOO_OLD, UNREADABLE, UNDECLARED, REFUSED, OVER_THE_CAP)

UNFINISHED = "not finished: at work still, or cut short"
"""The error that stands there while an upload is at work, and after it was killed."""


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

    def drop(self, why: str, count: int = 1) -> None:
        """Count events that leave unsent, for a reason out of DROPPED."""
        self.dropped[why] = self.dropped.get(why, 0) + count


def load(path: str) -> Status:
    """The status kept at `path`; an empty one where there is none or it cannot be read."""
    flat = read_flat(path) or {}

    def number(key: str) -> int:
        value = flat.get(key)
        return value if isinstance(value, int) else 0

    error = flat.get("error")
    return Status(
        at=number("atSeconds"),
        sent=number("sent"),
        kept=number("kept"),
        dropped={why: count for why in DROPPED if (count := number(_key(why)))},
        error=error if isinstance(error, str) else None,
        failures=number("failures"),
        next_at=number("nextSeconds"),
    )


def save(path: str, status: Status) -> None:
    """Keep it. Raise OSError if the disk refuses."""
    flat: Flat = {
        "at": timestamp(status.at),
        "atSeconds": int(status.at),
        "sent": status.sent,
        "kept": status.kept,
        **{_key(why): count for why, count in status.dropped.items()},
        "error": status.error,
        "failures": status.failures,
        "next": timestamp(status.next_at) if status.next_at else None,
        "nextSeconds": int(status.next_at),
    }
    files.write(path, flat)


def _key(why: str) -> str:
    return "dropped" + "".join(word.capitalize() for word in why.split())
