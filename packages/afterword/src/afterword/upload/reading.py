"""A line of the buffer, checked once more before it may leave. Pure.

Whatever stands in the file, only what is declared goes out: a line that another program wrote, or
an earlier version with another schema, is dropped here.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime

from afterword import schema
from afterword.exporters.base import Attribute, Record

MOST_AGE = 30 * 24 * 3600
"""Seconds an event may wait."""

TOO_OLD, UNREADABLE, UNDECLARED = "too old", "unreadable", "undeclared"
"""Why a line does not leave, as counted in `status`."""

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!-]{0,63}\Z")  # PEP 440, and semantic versions


class Unfit(Exception):  # noqa: N818  # not an error: the reason why a line does not leave
    """This line does not leave; the argument is the reason, as counted in `status`."""


def read_line(
    text: bytes | None, events: Mapping[str, schema.Event], version_key: str, now: float
) -> Record:
    """The record in a line.

    Args:
        text: the line; None where it was too long to be read.
        events: the declared events by name.
        version_key: the buffer's key of the application's version, e.g. `atomicVersion`.
        now: seconds since 1970.

    Raises:
        Unfit: it is unreadable, undeclared, or over 30 days old.
    """
    if text is None:
        raise Unfit(UNREADABLE)
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        raise Unfit(UNREADABLE) from None
    if not isinstance(line, dict):
        raise Unfit(UNREADABLE)
    return _record(line, events, version_key, now)


def _record(
    line: dict[str, object], events: Mapping[str, schema.Event], version_key: str, now: float
) -> Record:
    event = _declared(line.pop(schema.EVENT_TYPE, None), events)
    event_id = line.pop(schema.EVENT_ID, None)
    moment = line.pop(schema.TIMESTAMP, None)
    anonymous_id = line.pop(schema.ANONYMOUS_ID, None)
    platform = line.pop(schema.PLATFORM, None)
    version = line.pop(version_key, None)
    if not (
        schema.is_uuid4(event_id)
        and schema.is_uuid4(anonymous_id)
        and platform in schema.PLATFORMS
        and isinstance(version, str)
        and _VERSION.match(version)
        and isinstance(moment, str)
        and _TIMESTAMP.match(moment)
    ):
        raise Unfit(UNDECLARED)
    seconds = _moment(moment)
    names = {schema.buffer_key(name): name for name in event.fields}
    if not names.keys() >= line.keys():
        raise Unfit(UNDECLARED)
    values = {names[key]: value for key, value in line.items()}
    if event.why_not(values, made=True) is not None:
        raise Unfit(UNDECLARED)
    if now - seconds > MOST_AGE:
        raise Unfit(TOO_OLD)
    attributes: dict[str, Attribute] = {
        "anonymous_id": anonymous_id,
        "event_id": event_id,
        "timestamp": moment,
    }
    for name, value in values.items():
        wire = event.fields[name].wire(value)
        if wire is not None:
            attributes[name] = wire
    attributes["platform"] = platform
    attributes["version"] = version
    return Record(event.name, seconds, anonymous_id, attributes)


def _declared(name: object, events: Mapping[str, schema.Event]) -> schema.Event:
    event = events.get(name) if isinstance(name, str) else None
    if event is None:
        raise Unfit(UNDECLARED)
    return event


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise Unfit(UNDECLARED) from None
