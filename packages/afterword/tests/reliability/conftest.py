"""The application that these tests break, over which wire it sends, and two ways to upload."""

import sys
from pathlib import Path

import backends
import pytest
from reliability.application import ALL, MOST_MEMORY, TELL_THE_PEAK, Application, Upload

from afterword.upload.jobs import make_job
from afterword.upload.run import run
from afterword.upload.status import Status
from afterword_sink import LocalSink


@pytest.fixture
def wire(request: pytest.FixtureRequest) -> str:
    """`azure`, `azure_official` or `otlp`; the first, unless the test is marked for others."""
    return str(getattr(request, "param", "azure"))


@pytest.fixture
def app(home: Path, sink: LocalSink, wire: str, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The application, to which the person has agreed, talking to the sink."""
    monkeypatch.setenv("APP_EXPORTER", backends.exporter(wire) or "")
    where = backends.connection_string(wire, sink.endpoint.rstrip("/"))
    return Application(home, where, backends.exporter(wire))


@pytest.fixture
def upload(app: Application, wire: str) -> Upload:
    """Upload through a fault.

    `make test` does it in this process, with the real exporter over the real wire, half a second
    for a request that hangs and no time between attempts; `make faults` as the real process, in
    real time. The official SDK is for a process of its own only.
    """

    def in_process(*, hangs: bool = False) -> Status:
        time = 0.5 if hangs else 10.0
        status = run(
            make_job(app.telemetry, silence=lambda _failures: time, sleep=lambda _seconds: None)
        )
        assert status is not None
        return status

    def as_process(*, hangs: bool = False) -> Status:
        if sys.platform == "win32":  # no kernel counts the peak there
            assert app.run("upload", seconds=150).returncode == 0
            return app.status
        process = app.run("upload", before=[sys.executable, "-S", "-c", TELL_THE_PEAK], seconds=150)
        assert process.returncode == 0
        assert int(process.stdout) / 1024 < MOST_MEMORY
        return app.status

    return as_process if ALL or wire == "azure_official" else in_process
