"""OTLP/HTTP with JSON: any OpenTelemetry backend, with the standard library.

`POST {OtlpEndpoint}/v1/logs`. Source of every rule: the specification's "OTLP/HTTP" chapter
(opentelemetry.io/docs/specs/otlp). JSON, because a successful reply then has a body that can be
recognised: in protobuf it is usually empty, as the answer of a captive portal may be.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby

from afterword.exporters.base import Attribute, Receipt, Record
from afterword.exporters.http import MOST_ANSWER, Host, Reply
from afterword.exporters.posting import post
from afterword.version import __version__

PATH = "/v1/logs"

_INFO = 9  # SeverityNumber
_OS_TYPES = {"win32": "windows", "linux": "linux", "darwin": "darwin"}  # semantic conventions
_OK = 200
_RETRYABLE = frozenset((429, 502, 503, 504))
# Refused for what is in it: undecodable, too large, and what a Collector calls a permanent error.
_UNACCEPTABLE = frozenset((400, 413, 500))
_MOST_WHY = 200  # characters of a message that are kept
_encode = json.JSONEncoder(separators=(",", ":")).encode


class OtlpExporter:
    """Sends batches to one OTLP/HTTP endpoint.

    Args:
        host: the endpoint, with its headers.
        role: the application's name, for `service.name`.
    """

    def __init__(self, host: Host, *, role: str) -> None:
        self._host = host
        self._role = role

    def export(self, batch: Sequence[Record]) -> Receipt:
        """Send the batch in one request and read the reply."""
        body = _encode(request(batch, self._role)).encode()
        return post(self._host, PATH, body, lambda reply: receipt(reply, len(batch)))

    def render(self, batch: Sequence[Record]) -> list[object]:
        """The request's resources with their log records."""
        return request(batch, self._role)["resourceLogs"]

    def close(self) -> None:
        """Close the connection."""
        self._host.close()


def request(batch: Sequence[Record], role: str) -> dict[str, list[object]]:
    """An `ExportLogsServiceRequest` in its JSON form.

    A resource is the application in one version on one system. A buffer may hold events of several,
    after an upgrade or in a home folder that machines share.
    """
    return {
        "resourceLogs": [
            {
                "resource": {"attributes": _attributes(_resource(role, version, platform))},
                "scopeLogs": [
                    {
                        "scope": {"name": "afterword", "version": __version__},
                        "logRecords": [_log_record(record) for record in records],
                    }
                ],
            }
            for (version, platform), records in groupby(batch, _version_and_platform)
        ]
    }


def receipt(reply: Reply, count: int) -> Receipt:
    """What the reply to a batch of `count` records says of them. Pure.

    A partial success does not say which records were rejected, and must not be sent again: all are
    settled, and the rejected are counted. If all were rejected, it is known which.
    """
    status = reply.status
    if status == _OK:
        return _success(reply, count)
    if status in _RETRYABLE:
        failed = status >= 500  # noqa: PLR2004  # RFC 9110
        return Receipt(problem=f"{status}", retry_after=reply.retry_after, failed=failed)
    if status in _UNACCEPTABLE:
        return Receipt(problem=f"{status} for the whole batch", unacceptable=True, retry=False)
    why = f"{status}, which is no answer of this service"
    return Receipt(problem=why, retry=False, failed=status >= 500)  # noqa: PLR2004  # RFC 9110


def _success(reply: Reply, count: int) -> Receipt:
    everything = frozenset(range(count))
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return Receipt(problem="200 that is not application/json", retry=False)
    if not reply.whole:
        return Receipt(problem=f"200 with an answer over {MOST_ANSWER // 1024} KB", retry=False)
    try:
        partial = _object(json.loads(reply.body)).get("partialSuccess")
        partial = {} if partial is None else _object(partial)
        rejected = _whole_number(partial.get("rejectedLogRecords"))
        message = str(partial.get("errorMessage") or "")[:_MOST_WHY]
    except (ValueError, RecursionError):
        return Receipt(problem="200 with a body not the service's", retry=False)
    if not 0 <= rejected <= count:
        return Receipt(problem="200 with counts that do not add up", retry=False)
    if count and rejected == count:
        return Receipt(refused=dict.fromkeys(everything, f"rejected {message}".rstrip()))
    return Receipt(everything, rejected=rejected)


def _object(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    raise ValueError("no object")


def _whole_number(value: object) -> int:
    """An int64 in proto3's JSON form: a string of digits, or a number."""
    if value is None:
        return 0
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdecimal():
        return int(value[:20])
    if type(value) is int:
        return value
    raise ValueError("no int64")


def _version_and_platform(record: Record) -> tuple[str, str]:
    return str(record.attributes.get("version", "")), str(record.attributes.get("platform", ""))


def _resource(role: str, version: str, platform: str) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {"service.name": role, "service.version": version}
    if platform in _OS_TYPES:
        found["os.type"] = _OS_TYPES[platform]
    return found


def _log_record(record: Record) -> dict[str, object]:
    attributes = {"enduser.pseudo.id": record.anonymous_id, **record.attributes}
    session = record.attributes.get("session_id")
    if session is not None:
        attributes["session.id"] = session
    return {
        "timeUnixNano": str(round(record.time * 1000) * 1_000_000),
        "severityNumber": _INFO,
        "eventName": record.name,
        "body": {"stringValue": record.name},  # for what is older than eventName
        "attributes": _attributes(attributes),
    }


def _attributes(values: Mapping[str, Attribute]) -> list[object]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: Attribute) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}  # 64 bits are a string in proto3's JSON
    return {"stringValue": value}
