"""Records as OpenTelemetry's log records, and any exporter that takes those, wrapped.

Needs `opentelemetry-sdk`, which such an exporter's package brings, and `afterword[azure]` as well.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from afterword.errors import MissingExtraError, in_words
from afterword.exporters.base import Receipt, Record

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.resources import Resource


class WrappedExporter:
    """Any OpenTelemetry `LogRecordExporter` as an exporter of ours.

    It answers SUCCESS or FAILURE, so its receipt is for the whole batch. After a success all of it
    is settled, even if the service took only a part. After a failure all of it is sent again, even
    what had arrived; so count by `event_id`. Many exporters repeat, spool and log by themselves.

    Args:
        exporter: the exporter.
        role: the application's name, for `service.name`.
        role_version: its version, for `service.version`.
    """

    def __init__(self, exporter: "LogRecordExporter", *, role: str, role_version: str) -> None:
        self._exporter = exporter
        self._resource = resource(role, role_version)

    def export(self, batch: Sequence[Record]) -> Receipt:
        """Give the batch to the exporter, and apply its answer to all of it."""
        records = [log_record(one, one.time, self._resource) for one in batch]
        try:
            result = self._exporter.export(records)
        except Exception as error:  # noqa: BLE001  # of anybody's exporter
            return Receipt(problem=f"the exporter failed: {in_words(error)}")
        if getattr(result, "name", "") == "SUCCESS":
            return Receipt(frozenset(range(len(batch))))
        return Receipt(problem="the exporter says no more than: failure")

    def render(self, batch: Sequence[Record]) -> list[object]:
        """The log records in OpenTelemetry's own JSON; how they are sent is the exporter's."""
        import json

        return [json.loads(log_record(one, one.time, self._resource).to_json()) for one in batch]

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # untyped there


def resource(role: str, role_version: str, **more: str) -> "Resource":
    """The resource of the application, without a word about this machine."""
    try:
        from opentelemetry.sdk.resources import Resource
    except ImportError as error:
        raise MissingExtraError("azure", "opentelemetry-sdk is not installed") from error
    return Resource({"service.name": role, "service.version": role_version, **more})


def log_record(record: Record, moment: float, of: "Resource") -> "ReadableLogRecord":
    """The record as OpenTelemetry and Azure's exporter understand it: a custom event.

    `moment`: its time, in seconds since 1970.
    """
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import ReadableLogRecord

    attributes: dict[str, Any] = {
        "microsoft.custom_event.name": record.name,
        "enduser.pseudo.id": record.anonymous_id,
        **record.attributes,
    }
    if "session_id" in record.attributes:
        attributes["session.id"] = record.attributes["session_id"]
    made = LogRecord(
        timestamp=int(moment * 1e9),
        severity_number=SeverityNumber.INFO,
        body=record.name,
        event_name=record.name,
        attributes=attributes,
    )
    return ReadableLogRecord(made, of)
