"""The real Azure Monitor exporter, in a process of its own, sends to the real sink."""

import subprocess
import sys

import pytest

from afterword_sink import LocalSink

SEND = """
import os, sys, time
for name in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
    os.environ[f"APPLICATIONINSIGHTS_{name}"] = "true"
from azure.core.pipeline.policies import RetryPolicy
from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource

exporter = AzureMonitorLogExporter(
    connection_string=sys.argv[1],
    disable_offline_storage=True,
    retry_policy=RetryPolicy(retry_total=0),
)
record = ReadableLogRecord(
    LogRecord(
        timestamp=time.time_ns(),
        body="",
        attributes={
            "microsoft.custom_event.name": "atomic_command",
            "enduser.pseudo.id": "somebody",
            "session.id": "a session",
            "command": "init",
            "event_id": "e1",
        },
    ),
    Resource({"service.name": "atomic", "service.version": "0.1.0"}),
)
print(exporter.export([record]).name)
os._exit(0)
"""


@pytest.mark.parametrize(("fault", "said"), [("ok", "SUCCESS"), ("item status=400", "FAILURE")])
def test_one_event_of_the_real_exporter(sink: LocalSink, fault: str, said: str) -> None:
    sink.set_faults(fault)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.stdout.reconfigure(line_buffering=True)\n" + SEND,
         sink.connection_string],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )  # fmt: skip
    assert done.stdout.strip() == said, done.stderr
    (seen,) = sink.requests()
    assert seen.path == "//v2.1/track"
    (envelope,) = seen.envelopes
    assert envelope["data"]["baseData"]["properties"]["event_id"] == "e1"
    rows = sink.query(
        "customEvents | project name, user_Id, session_Id, cloud_RoleName, application_Version, "
        "customDimensions"
    )
    expected = {
        "name": "atomic_command",
        "user_Id": "somebody",
        "session_Id": "a session",
        "cloud_RoleName": "atomic",
        "application_Version": "0.1.0",
        "customDimensions": {"command": "init", "event_id": "e1"},
    }
    assert rows == ([expected] if said == "SUCCESS" else [])
    assert sink.stats()["other_items"] == {}
