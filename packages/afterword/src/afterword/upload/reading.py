"""A line of the buffer, checked once more before it is sent. Pure.

Whatever is in the file, only what is declared is sent. What this version cannot have written is
dropped. What another version of the application wrote, and this one does not know, waits for an
uploader of that version.
"""

import functools
import json
import re
from collections.abc import Mapping
from datetime import datetime

from afterword import schema
from afterword import version as versions
from afterword.exporters.base import Attribute, Record
from afterword.upload.witness import MOST_AGE

TOO_OLD, UNREADABLE, UNDECLARED = "too old", "unreadable", "undeclared"
"""Why a line is dropped, as counted in `status`."""

OTHER_VERSION, OLD_BY_CLOCK = "for another version", "too old, if the clock is right"
"""Why a line waits and is not sent now."""

FIRST_MOMENT = 1_735_689_600.0
"""2025-01-01, before this package existed: an event from before then had a wrong clock."""

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII)
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
"""The same as `schema.is_uuid4`, which must do without `re`, in a fifth of the time."""

_DECODE = json.JSONDecoder().decode


class Unfit(Exception):  # noqa: N818  # not an error: the reason why a line does not leave
    """This line is not sent; the argument is the reason, as counted in `status`."""


class Waits(Unfit):
    """This line is not sent now, and not dropped either."""


class Reader:
    """Reads lines against the declarations.

    Args:
        events: the declared events by name.
        version_key: the buffer's key of the application's version, e.g. `atomicVersion`.
        version: our version of the application.
        agreed_at: when the person agreed, in seconds since 1970. What seems to be older was
            recorded with a wrong clock, since nothing is recorded before.
    """

    def __init__(
        self,
        events: Mapping[str, schema.Event],
        version_key: str,
        version: str,
        agreed_at: float = 0.0,
    ) -> None:
        self._version_key = version_key
        self._version = version
        self._earliest = max(agreed_at, FIRST_MOMENT)
        self._declared = {
            name: (event, {schema.buffer_key(field): field for field in event.fields})
            for name, event in events.items()
        }

    def read(self, text: bytes | None, now: float, *, old: bool = False) -> Record:
        """The record in a line.

        Args:
            text: the line; None where it was too long to be read.
            now: seconds since 1970.
            old: it has certainly waited for over 30 days, whatever the clock says.

        Raises:
            Waits: it is to wait, unsent.
            Unfit: it is to be dropped: unreadable, undeclared, or over 30 days old.
        """
        if text is None or not text.lstrip().startswith(b"{"):
            raise Unfit(UNREADABLE)
        try:
            line = _DECODE(text.decode())
        except (ValueError, RecursionError):
            raise Unfit(UNREADABLE) from None
        if not isinstance(line, dict):
            raise Unfit(UNREADABLE)
        return self._record(line, now, old=old)

    def _record(self, line: dict[str, object], now: float, *, old: bool) -> Record:
        name = line.pop(schema.EVENT_TYPE, None)
        event_id = line.pop(schema.EVENT_ID, None)
        moment = line.pop(schema.TIMESTAMP, None)
        anonymous_id = line.pop(schema.ANONYMOUS_ID, None)
        platform = line.pop(schema.PLATFORM, None)
        version = line.pop(self._version_key, None)
        if not (
            isinstance(name, str)
            and isinstance(event_id, str)
            and _UUID4.match(event_id)
            and isinstance(anonymous_id, str)
            and _UUID4.match(anonymous_id)
            and isinstance(version, str)
            and _is_public(version)
            and isinstance(moment, str)
            and _TIMESTAMP.match(moment)
        ):
            raise Unfit(UNDECLARED)
        seconds = _moment(moment)
        if old:
            raise Unfit(TOO_OLD)
        foreign = version != self._version
        values = self._declared_values(name, line, moment, version, foreign=foreign)
        if values is None or platform not in schema.PLATFORMS:
            raise Waits(OTHER_VERSION) if foreign else Unfit(UNDECLARED)
        if now - seconds > MOST_AGE and seconds >= self._earliest:
            raise Waits(OLD_BY_CLOCK)
        attributes: dict[str, Attribute] = {
            "anonymous_id": anonymous_id,
            "event_id": event_id,
            "timestamp": moment,
        }
        event = self._declared[name][0]
        for field, value in values.items():
            wire = event.fields[field].wire(value)
            if wire is not None:
                attributes[field] = wire
        assert isinstance(platform, str)  # noqa: S101  # it is one of PLATFORMS
        attributes["platform"] = platform
        attributes["version"] = version
        return Record(event.name, seconds, anonymous_id, attributes)

    def _declared_values(
        self, name: str, line: Mapping[str, object], moment: str, version: str, *, foreign: bool
    ) -> Mapping[str, object] | None:
        """The event's own fields by their declared names; None if they are not declared so.

        What had ended by the line's own moment and version is left out. `foreign`: another version
        wrote it. A field that it did not know yet may be missing.
        """
        event, names = self._declared.get(name, (None, {}))
        if event is None or not line.keys() <= names.keys():
            return None
        values: Mapping[str, object] = {names[key]: value for key, value in line.items()}
        if event.ends:
            event, values, _ = event.cut(values, moment, version)
            if event is None:
                return None
        if foreign:
            fit = all(
                event.fields[field].accepts(value, made=True) for field, value in values.items()
            )
        else:
            fit = event.why_not(values, made=True) is None
        return values if fit else None


@functools.lru_cache(maxsize=16)  # what waits is of a few versions
def _is_public(version: str) -> bool:
    return versions.public_part(version) == version


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise Unfit(UNDECLARED) from None
