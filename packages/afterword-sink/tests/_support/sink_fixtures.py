"""What to send to the sink, and how."""

import http.client
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from afterword_sink import LocalSink

Envelope = Callable[..., dict[str, Any]]


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


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


@pytest.fixture(scope="session")
def envelope() -> Envelope:
    """Make an envelope as the exporter sends it; keywords change its parts."""

    def make(
        event_id: str = "e1",
        *,
        age: float = 0,
        event: str = "atomic_command",
        tags: dict[str, Any] | None = None,
        **changed: Any,
    ) -> dict[str, Any]:
        moment = datetime.now(UTC) - timedelta(seconds=age)
        whole = {
            "name": "Microsoft.ApplicationInsights.Event",
            "iKey": "00000000-0000-4000-8000-000000000001",
            "time": moment.isoformat().replace("+00:00", "Z"),
            "tags": {"ai.user.id": "u1", "ai.cloud.role": "atomic"} if tags is None else tags,
            "data": {
                "baseType": "EventData",
                "baseData": {
                    "ver": 2,
                    "name": event,
                    "properties": {"event_id": event_id, "success": "True"},
                    "measurements": {},
                },
            },
        }
        return whole | changed

    return make


@pytest.fixture
def call(sink: LocalSink, call_to: Callable[..., Answered]) -> Callable[..., Answered]:
    """One HTTP request to the sink."""

    def call(*arguments: Any, **named: Any) -> Answered:
        return call_to(sink, *arguments, **named)

    return call


@pytest.fixture(scope="session")
def call_to() -> Callable[..., Answered]:
    """One HTTP request to a sink."""

    def call(
        sink: LocalSink,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: dict[str, str] | None = None,
        *,
        timeout: float = 10,
    ) -> Answered:
        address = urlsplit(sink.endpoint)
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=timeout
        )
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answered(response.status, names, response.read())
        finally:
            connection.close()

    return call


@pytest.fixture
def track(call: Callable[..., Answered]) -> Callable[..., Answered]:
    """Send envelopes as the exporter does."""

    def track(*envelopes: object, timeout: float = 10) -> Answered:
        body = json.dumps(envelopes)
        return call(
            "POST", "//v2.1/track", body, {"Content-Type": "application/json"}, timeout=timeout
        )

    return track
