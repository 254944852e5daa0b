"""Turn a log record into the envelope that an Application Insights exporter would have sent.

So its row is in the same table, with the same values, as over the other protocol: a record with an
event name is a custom event, one with an exception's attributes an exception, any other a trace.
Attributes are mapped as Microsoft's exporter maps them, with values as text in its spelling
(`True`, `3`). The other attributes of the resource, which it drops, go into `customDimensions` too.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from afterword_sink.envelopes import Batch, Item
from afterword_sink.otlp.records import Record, Value
from afterword_sink.tables import TABLE_OF

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVENT_NAMES = ("microsoft.custom_event.name", "event.name")  # used before `eventName` existed
_RECORD_TAGS = {
    "enduser.pseudo.id": "ai.user.id",
    "enduser.id": "ai.user.authUserId",
    "session.id": "ai.session.id",
}
_RESOURCE_TAGS = {
    "service.name": "ai.cloud.role",
    "service.instance.id": "ai.cloud.roleInstance",
    "service.version": "ai.application.ver",
    "device.model.name": "ai.device.model",
    "os.type": "ai.device.osVersion",
}
_SEVERITIES = (("Critical", 21), ("Error", 17), ("Warning", 13), ("Information", 9), ("Verbose", 1))


def batch(records: list[Record], *, key: str, now: float) -> Batch:
    """The items of a request.

    Args:
        records: Its log records.
        key: The instrumentation key that stands in their rows.
        now: Seconds since the epoch, for a record without a time.
    """
    items = []
    for position, record in enumerate(records):
        made = _envelope(record, key, now)
        items.append(Item(position, TABLE_OF[made["data"]["baseType"]], orjson.dumps(made)))
    return Batch(received=len(records), items=items)


def _envelope(record: Record, key: str, now: float) -> dict[str, Any]:
    attributes = dict(record.attributes)
    resource = dict(record.resource)
    tags = {tag: _text(attributes.pop(name, None)) for name, tag in _RECORD_TAGS.items()}
    tags |= {tag: _text(resource.pop(name, None)) for name, tag in _RESOURCE_TAGS.items()}
    if namespace := _text(resource.pop("service.namespace", None)):
        tags["ai.cloud.role"] = f"{namespace}.{tags['ai.cloud.role']}"
    tags["ai.operation.id"] = record.trace_id
    tags["ai.operation.parentId"] = record.span_id
    tags["ai.internal.sdkVersion"] = ":".join(filter(None, record.scope))
    kind, base = _data(record, attributes)
    properties = {
        name: _text(value)
        for name, value in (resource | attributes).items()
        if value is not None and not name.startswith("telemetry.sdk.")
    }
    return {
        "time": _moment(record.time, now),
        "iKey": key,
        "tags": {tag: value for tag, value in tags.items() if value},
        "data": {"baseType": kind, "baseData": base | {"properties": properties}},
    }


def _data(record: Record, attributes: dict[str, Value]) -> tuple[str, dict[str, Any]]:
    """The `baseType` and the `baseData`; the attributes used for them are removed."""
    names = [_text(attributes.pop(name, None)) for name in _EVENT_NAMES]
    if name := record.event or next(filter(None, names), ""):
        return "EventData", {"name": name}
    severity = next((word for word, least in _SEVERITIES if record.severity >= least), None)
    if "exception.type" in attributes or "exception.message" in attributes:
        exception = {
            "typeName": _text(attributes.pop("exception.type", None)),
            "message": _text(attributes.pop("exception.message", None)) or _text(record.body),
            "stack": _text(attributes.pop("exception.stacktrace", None)),
        }
        return "ExceptionData", {"exceptions": [exception], "severityLevel": severity}
    return "MessageData", {"message": _text(record.body), "severityLevel": severity}


def _moment(time: int, now: float) -> str:
    since = timedelta(microseconds=time // 1000) if time > 0 else timedelta(seconds=now)
    return (_EPOCH + since).isoformat()


def _text(value: Value) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=_text)
        case _:
            return str(value)
