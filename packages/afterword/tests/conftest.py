"""What the tests of the engine share: an application, its telemetry, the example, a sink."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import Clock, Server

from afterword import Count, Event, Flag, Id, ListOf, OneOf, Telemetry
from afterword_sink import LocalSink

GREET = Path(__file__).parents[1] / "examples" / "greet" / "greet.py"
EVENTS = (
    Event(
        "done",
        what=OneOf("build", "test"),
        words=ListOf("a", "b", "c", optional=True),
        how_many=Count(optional=True),
        success=Flag(optional=True),
    ),
    Event("session", words=ListOf("a", "b", "c"), session_id=Id()),
)


@pytest.fixture(scope="session")
def running_sink() -> Iterator[LocalSink]:
    with LocalSink() as sink:
        yield sink


@pytest.fixture
def sink(running_sink: LocalSink) -> Iterator[LocalSink]:
    """A real sink, empty and without faults."""
    running_sink.clear()
    yield running_sink
    running_sink.clear_faults()


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def make(server: Server, clock: Clock) -> Callable[..., Telemetry]:
    """Make a `Telemetry` of the application `app`, that talks to the server."""

    def make(**changed: Any) -> Telemetry:
        arguments: dict[str, Any] = {
            "version": "1.2.3",
            "events": EVENTS,
            "connection_string": server.connection_string,
            "clock": clock,
            "uploader": (),  # where the test starts none itself, none is started
        }
        return Telemetry("app", **(arguments | changed))

    return make


@pytest.fixture
def telemetry(make: Callable[..., Telemetry]) -> Telemetry:
    """A `Telemetry` to which the person has agreed."""
    agreed = make()
    agreed.turn_on()
    return agreed


@pytest.fixture
def greet(server: Server) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the example application, as a process of its own."""

    def run(
        *arguments: str, before: Sequence[str] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        variables = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        variables["GREET_TELEMETRY_CONNECTION_STRING"] = server.connection_string
        return subprocess.run(
            [*before, sys.executable, str(GREET), *arguments],
            env=variables | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


@pytest.fixture
def greet_folder(home: Path) -> Path:
    return home / ".local" / "share" / "greet"
