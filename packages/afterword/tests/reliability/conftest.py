"""The application that these tests break, and two ways to upload."""

from pathlib import Path

import pytest
from reliability.application import ALL, Application, Upload

from afterword.upload.jobs import make_job
from afterword.upload.run import run
from afterword.upload.status import Status
from afterword_sink import LocalSink


@pytest.fixture
def app(home: Path, sink: LocalSink) -> Application:
    """The application, to which the person has agreed, talking to the sink."""
    return Application(home, sink.connection_string)


@pytest.fixture
def upload(app: Application) -> Upload:
    """Upload through a fault.

    `make test` does it in this process, with the real exporter over the real wire, half a second
    for a request that hangs and no time between attempts; `make faults` as the real process, in
    real time.
    """

    def in_process(*, hangs: bool = False) -> Status:
        time = 0.5 if hangs else 10.0
        status = run(
            make_job(app.telemetry, silence=lambda _failures: time, sleep=lambda _seconds: None)
        )
        assert status is not None
        return status

    def as_process(*, hangs: bool = False) -> Status:
        assert app.run("upload", seconds=150).returncode == 0
        return app.status

    return as_process if ALL else in_process
