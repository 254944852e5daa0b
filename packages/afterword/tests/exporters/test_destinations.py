"""One tool, four destinations: the same events in each, and none lost whatever goes wrong.

The real background process over the real wire: Azure's by the standard library and by the official
SDK, OTLP to the sink, and OTLP to a real OpenTelemetry Collector that writes to a file.
"""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import backends
import pytest
from backends import Backend, Collector, Fault, Front, Passing, Sink, by_id
from reliability.application import Application

from afterword_sink import LocalSink

COUNT = 130  # two batches


class Destination(NamedTuple):
    """A way to send, and where it leads."""

    wire: str
    behind: str

    def __str__(self) -> str:
        return f"{self.wire} to {self.behind}"


needs_collector = pytest.mark.skipif(
    not backends.COLLECTOR.exists(),
    reason="no OpenTelemetry Collector here: `make collector` builds it (needs Go 1.25)",
)
DESTINATIONS = [
    Destination("azure", "sink"),
    Destination("azure_official", "sink"),
    Destination("otlp", "sink"),
    pytest.param(
        Destination("otlp", "collector"),
        marks=[needs_collector, pytest.mark.posix("the Collector is built for this system")],
    ),
]


@pytest.fixture(scope="session")
def running_collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with Collector(tmp_path_factory.mktemp("collector"), port) as collector:
        yield collector


@pytest.fixture(params=DESTINATIONS, ids=str)
def destination(request: pytest.FixtureRequest) -> Destination:
    found: Destination = request.param
    return found


@pytest.fixture
def backend(destination: Destination, request: pytest.FixtureRequest, sink: LocalSink) -> Backend:
    if destination.behind == "sink":
        return Sink(sink)
    collector: Collector = request.getfixturevalue("running_collector")
    return collector


@pytest.fixture
def front(backend: Backend) -> Iterator[Front]:
    with Front(backend.endpoint) as running:
        yield running


@pytest.fixture
def app(home: Path, destination: Destination, front: Front) -> Application:
    where = backends.connection_string(destination.wire, front.endpoint)
    return Application(home, where, backends.exporter(destination.wire))


def recorded(app: Application) -> dict[str, backends.Properties]:
    """What is recorded, as it must arrive: by id, as text."""
    app.record(COUNT)
    names = {"eventId": "event_id", "anonymousId": "anonymous_id", "appVersion": "version"}
    lines = [json.loads(line) for path in app.files() for line in path.read_text().splitlines()]
    return {
        line["eventId"]: {names.get(k, k): str(v) for k, v in line.items() if k != "eventType"}
        for line in lines
    }


def arrived(backend: Backend, ids: dict[str, backends.Properties]) -> list[backends.Properties]:
    """Those of this test, without what a wire adds in its own words."""
    return [
        {name: value for name, value in event.items() if "." not in name}
        for event in backend.events()
        if event["event_id"] in ids
    ]


def upload(app: Application) -> None:
    assert app.run("upload", seconds=50).returncode == 0


def test_the_same_events_in_each(app: Application, backend: Backend, front: Front) -> None:
    events = recorded(app)
    upload(app)
    assert by_id(arrived(backend, events)) == events
    assert (front.requests, app.files()) == (2, [])
    assert (app.status.sent, app.status.error) == (COUNT, None)


def refuses(status: int) -> Fault:
    return lambda passing: passing.answer(status, b"{}", "application/json", Retry_After="1")


def portal(passing: Passing) -> None:
    passing.answer(200, b"<html>Welcome to our hotel</html>", "text/html")


FAULTS: dict[str, Fault] = {
    "hangs": Passing.hang,
    "429": refuses(429),
    "503": refuses(503),
    "400": refuses(400),
    "401": refuses(401),
    "a portal": portal,
}


def _long(fault: str) -> Any:
    return pytest.param(fault, marks=pytest.mark.long)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["503", *(_long(name) for name in FAULTS if name != "503")])
def test_none_is_lost_and_none_comes_twice(
    app: Application, backend: Backend, front: Front, fault: str
) -> None:
    events = recorded(app)
    front.fails(FAULTS[fault])
    upload(app)
    assert app.waiting() == list(events)
    assert app.status.error is not None
    assert (app.status.sent, app.status.dropped) == (0, {})
    front.script.clear()
    upload(app)
    assert by_id(arrived(backend, events)) == events
    assert app.files() == []


@pytest.mark.long
def test_none_is_lost_where_nobody_listens(
    app: Application, backend: Backend, destination: Destination
) -> None:
    events = recorded(app)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    right = app.connection_string
    app.aim(backends.connection_string(destination.wire, nobody))
    upload(app)
    assert app.waiting() == list(events)
    app.aim(right)
    upload(app)
    assert by_id(arrived(backend, events)) == events


@pytest.mark.long
def test_a_failure_in_the_middle(app: Application, backend: Backend, front: Front) -> None:
    """The first batch arrives, the second only with the next upload."""
    events = recorded(app)
    front.script = [Passing.forward, *[refuses(503)] * 10]
    upload(app)
    assert app.waiting() == list(events)[100:]
    front.script.clear()
    upload(app)
    assert by_id(arrived(backend, events)) == events


@pytest.mark.parametrize("destination", DESTINATIONS[2:], ids=str, indirect=True)
def test_of_a_partial_success_over_otlp_the_rejected_are_counted(
    app: Application, backend: Backend, front: Front
) -> None:
    """Which they were is not said, and the request must not be sent again: the specification's."""
    events = recorded(app)

    def some(passing: Passing) -> None:
        body = json.dumps({"partialSuccess": {"rejectedLogRecords": "7", "errorMessage": "why"}})
        passing.answer(200, body.encode(), "application/json")

    front.script = [some]
    upload(app)
    assert app.files() == []
    assert (front.requests, app.status.sent, app.status.dropped) == (2, COUNT - 7, {"refused": 7})
    assert by_id(arrived(backend, events)) == {
        one: events[one]
        for one in list(events)[100:]  # the first batch was never passed on
    }
