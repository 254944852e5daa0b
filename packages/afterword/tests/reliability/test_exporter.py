"""The official exporter: what it does of its own is switched off."""

import os
import subprocess
import sys

from reliability.application import Application

from afterword_sink import LocalSink

# A program whose environment is emptied between the import and the first exporter.
FORGETFUL = """
import os, sys, threading
import afterword.exporters.azure_official
for name in list(os.environ):
    if name.startswith("APPLICATIONINSIGHTS"):
        del os.environ[name]
from reliability.application import make
from afterword.upload import jobs
telemetry = make(sys.argv[1], exporter="azure_official")
status = jobs.upload(telemetry, spawned=False, own_process=True)
assert "azure.monitor.opentelemetry.exporter" in sys.modules
print(status.error, [thread.name for thread in threading.enumerate()])
"""


def test_its_own_telemetry_stays_off_whatever_became_of_the_environment(
    app: Application, sink: LocalSink
) -> None:
    """With it on, a 400 blocks `export` for half a minute, and two other hosts are called."""
    app.record(1)
    sink.set_faults("400")
    done = subprocess.run(
        [sys.executable, "-c", FORGETFUL, sink.connection_string],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "the service refuses 1 event: 400 for the whole batch ['MainThread']\n"
