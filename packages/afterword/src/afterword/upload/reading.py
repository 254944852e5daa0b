"""A line of the buffer, checked once more before it may leave. Pure.

Whatever stands in the file, only what is declared goes out: a line that another program wrote, or
an earlier version with another schema, is dropped here.
"""

import functools
import json
import re
from collections.abc import Mapping
from datetime import datetime

from afterword import schema
from afterword import version as versions
from afterword.exporters.base import Attribute, Record

MOST_AGE = 30 * 24 * 3600
"""Seconds an event may wait."""

TOO_OLD, UNREADABLE, UNDECLARED = "too old", "unreadable", "undeclared"
"""Why a line does not leave, as counted in `status`."""

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII)
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
"""The same as `schema.is_uuid4`, which must do without `re`, in a fifth of the time."""

_DECODE = json.JSONDecoder().decode


class Unfit(Exception):  # noqa: N818  # not an error: the reason why a line does not leave
    """This line does not leave; the argument is the reason, as counted in `status`."""


class Reader:
    """Reads lines against the declarations.

    Args:
        events: the declared events by name.
        version_key: the buffer's key of the application's version, e.g. `atomicVersion`.
    """

    def __init__(self, events: Mapping[str, schema.Event], version_key: str) -> None:
        self._version_key = version_key
        self._declared = {
            name: (event, {schema.buffer_key(field): field for field in event.fields})
            for name, event in events.items()
        }

    def read(self, text: bytes | None, now: float) -> Record:
        """The record in a line.

        Args:
            text: the line; None where it was too long to be read.
            now: seconds since 1970.

        Raises:
            Unfit: it is unreadable, undeclared, or over 30 days old.
        """
        if text is None:
            raise Unfit(UNREADABLE)
        try:
            line = _DECODE(text.decode())
        except (ValueError, RecursionError):
            raise Unfit(UNREADABLE) from None
        if not isinstance(line, dict):
            raise Unfit(UNREADABLE)
        return self._record(line, now)

    def _record(self, line: dict[str, object], now: float) -> Record:
        name = line.pop(schema.EVENT_TYPE, None)
        event_id = line.pop(schema.EVENT_ID, None)
        moment = line.pop(schema.TIMESTAMP, None)
        anonymous_id = line.pop(schema.ANONYMOUS_ID, None)
        platform = line.pop(schema.PLATFORM, None)
        version = line.pop(self._version_key, None)
        if not (
            isinstance(name, str)
            and name in self._declared
            and isinstance(event_id, str)
            and _UUID4.match(event_id)
            and isinstance(anonymous_id, str)
            and _UUID4.match(anonymous_id)
            and platform in schema.PLATFORMS
            and isinstance(version, str)
            and _is_public(version)
            and isinstance(moment, str)
            and _TIMESTAMP.match(moment)
        ):
            raise Unfit(UNDECLARED)
        event, names = self._declared[name]
        try:
            values = {names[key]: value for key, value in line.items()}
        except KeyError:
            raise Unfit(UNDECLARED) from None
        if event.ends:  # by its own moment and version: what was declared then may leave
            current, left, _ = event.cut(values, moment, version)
            if current is None:
                raise Unfit(UNDECLARED)
            event, values = current, dict(left)
        if event.why_not(values, made=True) is not None:
            raise Unfit(UNDECLARED)
        seconds = _moment(moment)
        if now - seconds > MOST_AGE:
            raise Unfit(TOO_OLD)
        attributes: dict[str, Attribute] = {
            "anonymous_id": anonymous_id,
            "event_id": event_id,
            "timestamp": moment,
        }
        for field, value in values.items():
            wire = event.fields[field].wire(value)
            if wire is not None:
                attributes[field] = wire
        attributes["platform"] = platform
        attributes["version"] = version
        return Record(event.name, seconds, anonymous_id, attributes)


@functools.lru_cache(maxsize=16)  # what waits is of a few versions
def _is_public(version: str) -> bool:
    return versions.public_part(version) == version


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise Unfit(UNDECLARED) from None
