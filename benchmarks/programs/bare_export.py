"""The bare Azure exporter, sending the events of a buffer file in batches of a hundred.

What our uploader is compared with: no buffer, no settling, no check of what is in the lines, no
receipts; only the exporter with the switches without which it drops or keeps a spool of its own.
The rows that arrive are the same: the user's pseudonym in its column, and no name of this machine.
"""
# ruff: noqa: E402  # the switches have to stand before the import

import json
import os
import sys
from datetime import datetime

for name in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
    os.environ[f"APPLICATIONINSIGHTS_{name}"] = "true"

from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource

BATCH = 100

exporter = AzureMonitorLogExporter(
    connection_string=os.environ["BENCH_CONNECTION_STRING"],
    disable_offline_storage=True,
    max_envelopes_per_second=0,
)
NOBODY = {"service.instance.id": "-", "device.id": "-"}
resource = Resource({"service.name": "bench", "service.version": "1.0.0", **NOBODY})


def log_record(line: str) -> ReadableLogRecord:
    """One event as a log record."""
    event = json.loads(line)
    name, moment = event.pop("eventType"), datetime.fromisoformat(event["timestamp"])
    attributes = {
        "microsoft.custom_event.name": name,
        "enduser.pseudo.id": event["anonymousId"],
        **event,
    }
    record = LogRecord(timestamp=int(moment.timestamp() * 1e9), body=name, attributes=attributes)
    return ReadableLogRecord(record, resource)


def export(batch: list[ReadableLogRecord]) -> None:
    """Send one batch; end with an error if it was not taken."""
    if exporter.export(batch) is not LogRecordExportResult.SUCCESS:
        sys.exit("the exporter failed")


with open(sys.argv[1]) as lines:
    batch = []
    for line in lines:
        batch.append(log_record(line))
        if len(batch) == BATCH:
            export(batch)
            batch = []
    if batch:
        export(batch)
exporter.shutdown()
