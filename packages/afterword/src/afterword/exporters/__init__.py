"""Exporters: how records reach a service, and what it says about each. One file for a service.

base            records, receipts, and the protocol that every exporter implements
choose          from a connection string to its exporter
http            one host over HTTP/1.1; the one place that opens a socket
bounded         an answer that is read to a bound
posting         one request and its receipt
trust           whom TLS trusts
proxy           the proxy that the person's settings name
azure           Azure Application Insights, with the standard library
azure_official  the same through the official SDK (extra `azure`)
azure_replies   what a reply of Application Insights says of each record; for both
otlp            OTLP/HTTP with JSON: any OpenTelemetry backend
console         shown, not sent
otel            OpenTelemetry's log records, and any exporter of them, wrapped
"""

from typing import Any

from afterword.exporters.base import Exporter, Receipt, Record

__all__ = ["Exporter", "Receipt", "Record", "wrap"]


def wrap(exporter: Any, *, role: str, role_version: str) -> Exporter:
    """Any OpenTelemetry `LogRecordExporter` as an exporter; its receipt is for the whole batch.

    See `afterword.exporters.otel.WrappedExporter` for what that means.
    """
    from afterword.exporters.otel import WrappedExporter

    return WrappedExporter(exporter, role=role, role_version=role_version)
