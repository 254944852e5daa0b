"""Parse a request body into envelopes, and accept or refuse each as the service does.

Pure: bytes and the current time in, a `Batch` out. The rules are the public schema of Application
Insights (EndpointSpecs/Schemas/Bond in microsoft/ApplicationInsights-Home). The messages are those
of its replies in bug reports: 100 too long, 103 out of range, 106 wrong type, 109 missing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from afterword_sink import bodies
from afterword_sink.tables import TABLE_OF

OLDEST_MS = 172_800_000  # Envelope.bond: MinDateOffsetFromNow, 48 h
NEWEST_MS = 7_200_000  # Envelope.bond: MaxDateOffsetFromNow, 2 h
ITEM_BYTES = 65_536  # "Telemetry item length must not exceed 65536"
ITEM_DEPTH = 64  # our limit: objects and arrays within each other
PROPERTY_KEY_CHARS = 150
PROPERTY_VALUE_CHARS = 8_192
TAG_CHARS = {  # ContextTagKeys.bond
    "ai.application.ver": 1024,
    "ai.cloud.role": 256,
    "ai.cloud.roleInstance": 256,
    "ai.device.id": 1024,
    "ai.device.locale": 64,
    "ai.device.model": 256,
    "ai.device.oemName": 256,
    "ai.device.osVersion": 256,
    "ai.device.type": 64,
    "ai.internal.agentVersion": 64,
    "ai.internal.sdkVersion": 64,
    "ai.location.ip": 45,
    "ai.operation.correlationVector": 64,
    "ai.operation.id": 128,
    "ai.operation.name": 1024,
    "ai.operation.parentId": 128,
    "ai.operation.syntheticSource": 1024,
    "ai.session.id": 64,
    "ai.session.isFirst": 5,
    "ai.user.accountId": 1024,
    "ai.user.authUserId": 1024,
    "ai.user.id": 128,
    "ai.user.userAgent": 2048,
}
NAME_CHARS = {"EventData": 512, "RequestData": 1024, "RemoteDependencyData": 1024}
_NAMED = frozenset({"EventData", "RemoteDependencyData"})
_ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")


class ItemError(NamedTuple):
    """One item that was refused.

    Attributes:
        position: Its place in the request, from 0.
        status: Its own status, with the meaning of an HTTP status.
        message: The reason.
    """

    position: int
    status: int
    message: str


class Item(NamedTuple):
    """One accepted item.

    Attributes:
        position: Its place in the request, from 0.
        table: The table it belongs to.
        text: The envelope as compact JSON.
    """

    position: int
    table: str
    text: bytes


@dataclass(slots=True)
class Batch:
    """A request body, item by item.

    Attributes:
        received: How many items the body held.
        items: The accepted ones.
        errors: The refused ones, in the order of the body.
    """

    received: int = 0
    items: list[Item] = field(default_factory=list)
    errors: list[ItemError] = field(default_factory=list)


def read(body: bytes, *, encoding: str = "", now: float, any_age: bool = False) -> Batch:
    """Decompress, parse and check a request body.

    Args:
        body: The bytes as they came.
        encoding: The `Content-Encoding` header; empty for none.
        now: Seconds since the epoch.
        any_age: Accept items that are too old or too new for the service.

    Raises:
        bodies.UnreadableBodyError: Not gzip, too large, or not JSON.
    """
    batch = Batch()
    for envelope in bodies.parse(bodies.unpack(body, encoding)):
        position = batch.received
        batch.received += 1
        if isinstance(envelope, bodies.UnreadableBodyError):
            batch.errors.append(ItemError(position, 400, str(envelope)))
            continue
        text = _dumped(envelope)
        if not text:
            flaw: str | None = f"Telemetry item must not be nested deeper than {ITEM_DEPTH}"
        elif len(text) > ITEM_BYTES:
            flaw = f"Telemetry item length must not exceed {ITEM_BYTES}"
        else:
            flaw = next(_flaws(envelope, None if any_age else now), None)
        if flaw is None:
            batch.items.append(Item(position, TABLE_OF[envelope["data"]["baseType"]], text))
        else:
            batch.errors.append(ItemError(position, 400, flaw))
    return batch


def _dumped(envelope: Any) -> bytes:
    """An item as compact JSON; empty if it is nested too deeply."""
    try:
        text = orjson.dumps(envelope)
    except orjson.JSONEncodeError:  # past 254 levels
        return b""
    if text.count(b"[") + text.count(b"{") > ITEM_DEPTH and _depth(envelope) > ITEM_DEPTH:
        return b""
    return text


def _depth(value: Any) -> int:
    """How deeply objects and arrays are nested."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


def _flaws(envelope: Any, now: float | None) -> Iterator[str]:
    """What is wrong with an envelope, in the order in which the service reports it.

    Without `now`, its age is not checked.
    """
    if not isinstance(envelope, dict):
        yield _wrong_type("data", "Envelope", "object", envelope)
        return
    key = envelope.get("iKey")
    if not isinstance(key, str) or not key.strip():
        yield "Invalid instrumentation key"
    yield from _text_flaws("name", "Envelope", envelope.get("name"), 1024)
    yield from _time_flaws(envelope.get("time"), now)
    rate = envelope.get("sampleRate", 100)
    if not _is_number(rate) or not 0 < rate <= 100:  # noqa: PLR2004  # a percentage
        yield _wrong_type("sampleRate", "Envelope", "number", rate)
    yield from _tag_flaws(envelope.get("tags"))
    yield from _data_flaws(envelope.get("data"))


def _time_flaws(time: Any, now: float | None) -> Iterator[str]:
    if time is None or time == "":
        yield _missing("time", "Envelope", time)
        return
    moment = _moment(time)
    if moment is None:
        yield _wrong_type("time", "Envelope", "DateTime", time)
        return
    if now is None:
        return
    age = (now - moment.timestamp()) * 1000
    if age > OLDEST_MS:
        yield (
            "103: Field 'time' on type 'Envelope' is older than the allowed min date. "
            f"Expected: now - {OLDEST_MS}ms, Actual: now - {age:.0f}ms"
        )
    if age < -NEWEST_MS:
        yield (
            "103: Field 'time' on type 'Envelope' is newer than the allowed max date. "
            f"Expected: now + {NEWEST_MS}ms, Actual: now + {-age:.0f}ms"
        )


def _moment(time: Any) -> datetime | None:
    if not isinstance(time, str) or not _ISO_8601.fullmatch(time):
        return None
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tag_flaws(tags: Any) -> Iterator[str]:
    if tags is None:
        return
    if not isinstance(tags, dict):
        yield _wrong_type("tags", "Envelope", "object", tags)
        return
    for key, value in tags.items():
        if type(value) is not str:
            if value is not None:
                yield _wrong_type(key, "ContextTagKeys", "string", value)
        elif len(value) > (limit := TAG_CHARS.get(key, 1024)):
            yield _too_long(key, "ContextTagKeys", limit, value)


def _data_flaws(data: Any) -> Iterator[str]:
    if not isinstance(data, dict):
        yield _missing("data", "Envelope", data, "object")
        return
    kind, base = data.get("baseType"), data.get("baseData")
    if not isinstance(kind, str) or not kind:
        yield _missing("baseType", "Data", kind)
    elif kind not in TABLE_OF:
        yield _wrong_type("baseType", "Data", "known type", kind)
    elif not isinstance(base, dict):
        yield _missing("baseData", "Data", base, "object")
    else:
        if kind in _NAMED:
            yield from _text_flaws("name", kind, base.get("name"), NAME_CHARS[kind])
        yield from _map_flaws("properties", kind, base.get("properties"))
        yield from _map_flaws("measurements", kind, base.get("measurements"))


def _map_flaws(name: str, kind: str, values: Any) -> Iterator[str]:
    """The two maps of a data item: `properties` to strings, `measurements` to numbers."""
    if values is None:
        return
    if not isinstance(values, dict):
        yield _wrong_type(name, kind, "object", values)
        return
    numbers = name == "measurements"
    for key, value in values.items():
        if len(key) > PROPERTY_KEY_CHARS:
            yield _too_long(name, kind, PROPERTY_KEY_CHARS, key)
        if value is None:
            continue
        if numbers:
            if not _is_number(value):
                yield _wrong_type(name, kind, "number", value)
        elif type(value) is not str:
            yield _wrong_type(name, kind, "string", value)
        elif len(value) > PROPERTY_VALUE_CHARS:
            yield _too_long(name, kind, PROPERTY_VALUE_CHARS, value)


def _text_flaws(name: str, kind: str, value: Any, limit: int) -> Iterator[str]:
    if value is None or value == "":
        yield _missing(name, kind, value)
    elif not isinstance(value, str):
        yield _wrong_type(name, kind, "string", value)
    elif len(value) > limit:
        yield _too_long(name, kind, limit, value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _missing(name: str, kind: str, value: Any, expected: str = "string") -> str:
    actual = "undefined" if value is None else _shown(value)
    return (
        f"109: Field '{name}' on type '{kind}' is required but missing or empty. "
        f"Expected: {expected}, Actual: {actual}"
    )


def _wrong_type(name: str, kind: str, expected: str, value: Any) -> str:
    return (
        f"106: Field '{name}' on type '{kind}' is of incorrect type. "
        f"Expected: {expected}, Actual: {_shown(value)}"
    )


def _too_long(name: str, kind: str, limit: int, value: str) -> str:
    return (
        f"100: Field '{name}' on type '{kind}' is too long. "
        f"Expected: {limit} characters, Actual: {len(value)}"
    )


def _shown(value: Any) -> str:
    """A value for a message: JSON, shortened."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 100 else f"{text[:100]}..."  # noqa: PLR2004  # a line
