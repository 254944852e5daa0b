"""azure-monitor-opentelemetry: `configure_azure_monitor` and a log record with a custom event.

As its README has it; without live metrics, performance counters and what it reports about itself,
which a command-line tool has no use for, and the first and last of which would leave this machine.
"""
# ruff: noqa: E402  # the switches have to stand before the import

import logging
import os

for name in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
    os.environ[f"APPLICATIONINSIGHTS_{name}"] = "true"

from azure.monitor.opentelemetry import configure_azure_monitor

configure_azure_monitor(
    logger_name="cli", enable_live_metrics=False, enable_performance_counters=False
)
logger = logging.getLogger("cli")
logger.setLevel(logging.INFO)
logger.info(
    "command",
    extra={
        "microsoft.custom_event.name": "command",
        "command": "init",
        "success": True,
        "mark": os.environ["BENCH_MARK"],
    },
)
