"""azure-monitor-opentelemetry-exporter in the SDK's batch processor, which flushes at exit.

As its README has it, with a log record instead of the logging handler (which is one more package),
and without what it reports about itself, which would leave this machine.
"""
# ruff: noqa: E402  # the switches have to stand before the import

import os

for name in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
    os.environ[f"APPLICATIONINSIGHTS_{name}"] = "true"

from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

provider = LoggerProvider()
provider.add_log_record_processor(BatchLogRecordProcessor(AzureMonitorLogExporter()))
provider.get_logger("cli").emit(
    LogRecord(
        body="command",
        attributes={
            "microsoft.custom_event.name": "command",
            "command": "init",
            "success": True,
            "mark": os.environ["BENCH_MARK"],
        },
    )
)
