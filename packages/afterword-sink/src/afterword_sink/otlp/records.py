"""Read the log records of an OTLP request, in JSON or protobuf.

Protobuf is read by the generated classes of `opentelemetry-proto`. JSON is read here, because the
JSON reader of those classes expects ids in base64 where OTLP has hex, and takes 0.3 ms per record.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from afterword_sink import bodies
from afterword_sink.bodies import UnreadableBodyError

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
_DEPTH = 32  # our limit: values within each other
_INT64 = 2**63

Value = None | str | bool | int | float | bytes | list["Value"] | dict[str, "Value"]


class Record(NamedTuple):
    """One log record, with its resource and scope.

    Attributes:
        resource: Attributes of the resource.
        scope: Name and version of the instrumentation scope.
        time: When it happened or was observed, in nanoseconds since 1970; 0 if unknown.
        severity: Its number; 0 for none.
        event: Its event name; empty for none.
        body: Its body.
        attributes: Its attributes.
        trace_id: In hex; empty for none.
        span_id: In hex; empty for none.
    """

    resource: dict[str, Value]
    scope: tuple[str, str]
    time: int
    severity: int
    event: str
    body: Value
    attributes: dict[str, Value]
    trace_id: str
    span_id: str


def read(body: bytes, *, kind: str, encoding: str) -> list[Record]:
    """The log records of a request.

    Args:
        body: The bytes as they came.
        kind: Its media type, without parameters.
        encoding: The `Content-Encoding` header; empty for none.

    Raises:
        UnreadableBodyError: Not OTLP, or too large.
    """
    if kind not in {JSON, PROTOBUF}:
        raise UnreadableBodyError(f"the content type is {JSON} or {PROTOBUF}, not '{kind}'", 415)
    text = bodies.unpack(body, encoding)
    records = list(_from_json(bodies.load(text)) if kind == JSON else _from_protobuf(text))
    if len(records) > bodies.BODY_ITEMS:
        raise UnreadableBodyError("Request body is too large", 413)
    return records


def _from_protobuf(text: bytes) -> Iterator[Record]:
    try:
        request = ExportLogsServiceRequest.FromString(text)
    except DecodeError:
        raise UnreadableBodyError("Invalid protobuf") from None
    for resource_logs in request.resource_logs:
        resource = _unpacked(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            scope = (scope_logs.scope.name, scope_logs.scope.version)
            for record in scope_logs.log_records:
                yield Record(
                    resource,
                    scope,
                    record.time_unix_nano or record.observed_time_unix_nano,
                    record.severity_number,
                    record.event_name,
                    _plain(record.body),
                    _unpacked(record.attributes),
                    record.trace_id.hex(),
                    record.span_id.hex(),
                )


def _unpacked(pairs: Any, depth: int = 0) -> dict[str, Value]:
    return {pair.key: _plain(pair.value, depth) for pair in pairs}


def _plain(value: AnyValue, depth: int = 0) -> Value:
    if depth > _DEPTH:
        raise UnreadableBodyError("values are nested too deeply")
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_plain(inner, depth + 1) for inner in value.array_value.values]
        case "kvlist_value":
            return _unpacked(value.kvlist_value.values, depth + 1)
        case name:
            plain: Value = getattr(value, name)
            return plain


def _from_json(request: Any) -> Iterator[Record]:
    for resource_logs in _objects(_object(request, "the body"), "resourceLogs"):
        resource = _attributes(_inner(resource_logs, "resource"))
        for scope_logs in _objects(resource_logs, "scopeLogs"):
            inner = _inner(scope_logs, "scope")
            scope = (_text(inner, "name"), _text(inner, "version"))
            for record in _objects(scope_logs, "logRecords"):
                yield Record(
                    resource,
                    scope,
                    _number(record, "timeUnixNano") or _number(record, "observedTimeUnixNano"),
                    _number(record, "severityNumber"),
                    _text(record, "eventName"),
                    _value(record.get("body")),
                    _attributes(record),
                    _hex(record, "traceId", 16),
                    _hex(record, "spanId", 8),
                )


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableBodyError(f"{name} is no object")
    return value


def _inner(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    return {} if value is None else _object(value, name)


def _objects(parent: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    values = parent.get(name)
    if values is None:
        return
    if not isinstance(values, list):
        raise UnreadableBodyError(f"{name} is no list")
    for value in values:
        yield _object(value, name)


def _text(parent: Mapping[str, Any], name: str) -> str:
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableBodyError(f"{name} is no text")
    return value


def _number(parent: Mapping[str, Any], name: str) -> int:
    """A 64-bit number, written as a string of digits or as a number."""
    value = parent.get(name)
    if value is None:
        return 0
    number = _whole(value)
    if number is None or not -_INT64 <= number < 2 * _INT64:
        raise UnreadableBodyError(f"{name} is no 64-bit number")
    return number


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdecimal():
        return int(value[:21])
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _hex(parent: Mapping[str, Any], name: str, size: int) -> str:
    text = _text(parent, name)
    try:
        wrong = len(bytes.fromhex(text)) not in {0, size}
    except ValueError:
        wrong = True
    if wrong:
        raise UnreadableBodyError(f"{name} is not {size} bytes in hex")
    return text.lower()


def _attributes(
    parent: Mapping[str, Any], name: str = "attributes", depth: int = 0
) -> dict[str, Value]:
    return {_text(pair, "key"): _value(pair.get("value"), depth) for pair in _objects(parent, name)}


def _value(value: Any, depth: int = 0) -> Value:
    if depth > _DEPTH:
        raise UnreadableBodyError("values are nested too deeply")
    if value is None:
        return None
    for kind, inner in _object(value, "value").items():
        if inner is None:
            continue
        if kind == "arrayValue":
            return [_value(one, depth + 1) for one in _objects(_object(inner, kind), "values")]
        if kind == "kvlistValue":
            return _attributes(_object(inner, kind), "values", depth + 1)
        if kind in _SCALARS:
            try:
                return _SCALARS[kind](inner)
            except (TypeError, ValueError):
                raise UnreadableBodyError(f"{kind} holds something else") from None
    return None


def _scalar(*kinds: type) -> Callable[[Any], Any]:
    """Accept a value of exactly these types."""

    def take(value: Any) -> Any:
        if type(value) not in kinds:
            raise TypeError
        return value

    return take


def _double(value: Any) -> float:
    if isinstance(value, str) and value not in {"NaN", "Infinity", "-Infinity"}:
        raise ValueError
    return float(_scalar(int, float, str)(value))


def _int(value: Any) -> int:
    number = _whole(value)
    if number is None:
        raise ValueError
    return number


def _bytes(value: Any) -> bytes:
    return base64.b64decode(_scalar(str)(value), validate=True)


_SCALARS: dict[str, Callable[[Any], str | bool | int | float | bytes]] = {
    "stringValue": _scalar(str),
    "boolValue": _scalar(bool),
    "intValue": _int,
    "doubleValue": _double,
    "bytesValue": _bytes,
}
