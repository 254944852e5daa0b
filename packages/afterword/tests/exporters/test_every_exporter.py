"""What holds for each exporter that sends: answers read to a bound, the host left alone."""

import gzip
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any, BinaryIO

import hypothesis
import pytest
import sending
from hypothesis import given
from hypothesis import strategies as st
from raw import Asked, RawServer, answer
from support import KEY, Answer, Clock, Request, Server, taken

from afterword import Telemetry
from afterword.exporters import choose
from afterword.upload.jobs import make_job
from afterword.upload.run import run

WIRES = ("azure", "azure_official", "otlp")
SENDING = str(sending.__file__)
MB = 1024 * 1024


def destination(wire: str, url: str) -> str:
    if wire == "otlp":
        return f"OtlpEndpoint={url}"
    return f"InstrumentationKey={KEY};IngestionEndpoint={url}"


def send(wire: str, url: str) -> dict[str, Any]:
    """Send a batch from a process of its own; the receipt and the peak of its memory."""
    exporter = "azure_official" if wire == "azure_official" else ""
    done = subprocess.run(
        [sys.executable, SENDING, destination(wire, url), exporter],
        capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def refusals(count: int) -> bytes:
    """A list of failed items that goes on for 40 MB."""
    item = b'{"index":0,"statusCode":400,"message":"m"},'
    head = b'{"itemsReceived":%d,"itemsAccepted":0,"errors":[' % count
    return head + item * 1_000_000 + item[:-1] + b"]}"


def endless(_asked: Asked, stream: BinaryIO) -> None:
    stream.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    stream.write(b"Transfer-Encoding: chunked\r\n\r\n")
    while True:  # until nobody listens
        stream.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        stream.flush()


JSON = "Content-Type: application/json"
ENDLESS: dict[str, Callable[[Asked, BinaryIO], object]] = {
    "an endless answer": endless,
    "a bomb": answer(
        "200 OK", gzip.compress(b'{"a":"' + b"x" * 200 * MB + b'"}'), JSON, "Content-Encoding: gzip"
    ),
    "a long list": answer("206 Partial", refusals(100), JSON),
    "a long list for OTLP": answer("200 OK", refusals(100), JSON),
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("how", ENDLESS)
def test_no_answer_takes_more_memory_than_the_bound(wire: str, how: str) -> None:
    with RawServer(ENDLESS[how]) as server:
        told = send(wire, f"http://127.0.0.1:{server.port}")
        assert len(server.asked) == 1
    assert (told["taken"], told["refused"]) == ([], 0)
    assert told["problem"]
    assert told["peak"] < 12 * MB


@pytest.mark.parametrize("wire", WIRES)
def test_one_batch_is_one_request_whatever_is_answered(wire: str) -> None:
    for status in ("206 Partial", "429 Later", "500 No", "307 There"):
        body = taken(100, {3: 503}) if status.startswith("206") else b""
        with RawServer(answer(status, body, "Retry-After: 1", "Location: /else")) as server:
            send(wire, f"http://127.0.0.1:{server.port}/base")
            path = "/base/v1/logs" if wire == "otlp" else "/base/v2.1/track"
            assert [asked.line for asked in server.asked] == [f"POST {path} HTTP/1.1"]


OK = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
PARTIAL = b'{"partialSuccess":{"rejectedLogRecords":2}}'
GOOD = {
    "azure": OK % b"206 Some" + b"Content-Length: 152\r\n\r\n" + taken(4, {1: 503, 2: 400}),
    "otlp": OK % b"200 OK"
    + b"Transfer-Encoding: chunked\r\n\r\n2b\r\n"
    + PARTIAL
    + b"\r\n0\r\n\r\n",
}
change = st.tuples(st.integers(0, 300), st.integers(0, 20), st.binary(max_size=4))
changes = st.lists(change, max_size=3)


@given(wire=st.sampled_from(sorted(GOOD)), changed=changes)
@hypothesis.settings(max_examples=300, deadline=None)
def test_a_garbled_answer_raises_nothing_and_settles_no_record_twice(
    wire: str, changed: list[tuple[int, int, bytes]]
) -> None:
    said = bytearray(GOOD[wire])
    for at, length, instead in changed:
        said[at : at + length] = instead

    def say(_asked: Asked, stream: BinaryIO) -> str:
        stream.write(said)
        return "close"

    with RawServer(say) as server:
        where = destination(wire, f"http://127.0.0.1:{server.port}")
        exporter = choose.make(where, role="app", role_version="1", silence=5)
        receipt = exporter.export(sending.BATCH[:4])
        exporter.close()
    assert receipt.taken <= {0, 1, 2, 3}
    assert not receipt.taken & {*receipt.refused, *receipt.kept}
    assert receipt.rejected <= len(receipt.taken)
    assert receipt.problem or len(receipt.taken) + len(receipt.refused) == 4
    if not changed:
        settled = ({0, 3}, {2}) if wire == "azure" else ({0, 1, 2, 3}, set())
        assert (set(receipt.taken), set(receipt.refused)) == settled


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A host's own settings for the libraries that the official exporter brings."""
    for name in ("AZURE_CLIENT_ID", "OTEL_SERVICE_NAME", "APPLICATIONINSIGHTS_CONNECTION_STRING"):
        monkeypatch.setenv(name, "the host's own")
    return _environment()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if "PYTEST" not in name}


def test_an_upload_in_process_does_nothing_to_its_host(
    make: Callable[..., Telemetry], server: Server, settings: dict[str, str], home: Path
) -> None:
    """Also where the official exporter is asked for: it is for the uploader's own process."""
    telemetry = make(exporter="azure_official")
    telemetry.turn_on()
    telemetry.record("done", what="build")
    status = telemetry.upload()
    assert status is not None
    assert (status.sent, status.error) == (1, None)
    assert _environment() == settings
    assert logging.root.manager.disable == logging.NOTSET
    assert logging.getLogger().isEnabledFor(logging.WARNING)
    assert "azure.monitor.opentelemetry.exporter" not in sys.modules


@pytest.mark.parametrize("by", ["argument", "variable", "policy"])
def test_otlp_by_argument_variable_and_policy_alike(
    make: Callable[..., Telemetry], server: Server, tmp_path: Path, by: str
) -> None:
    otlp = f"OtlpEndpoint={server.endpoint}/pre;Header.Authorization=Bearer geheim="
    policy = tmp_path / "policy.json"
    if by == "policy":
        policy.write_text(json.dumps({"connectionString": otlp}))
    variables = dict(os.environ)
    if by == "variable":
        variables["APP_TELEMETRY_CONNECTION_STRING"] = otlp
    changed = {"connection_string": otlp} if by == "argument" else {}
    telemetry = make(policy=str(policy), environment=variables, **changed)
    telemetry.turn_on()
    telemetry.record("done", what="build", words=["a", "b"])
    status = telemetry.upload()
    assert status is not None
    assert (status.sent, status.error) == (1, None)
    (request,) = server.requests
    assert request.path == "/pre/v1/logs"
    assert {name.lower(): value for name, value in request.headers.items()}["authorization"] == (
        "Bearer geheim="
    )
    (event,) = request.events()
    assert (event["what"], event["words"]) == ("build", "a,b")


@pytest.mark.parametrize("hours", [3, -60])
def test_a_clock_that_is_wrong_is_set_by_the_service(
    make: Callable[..., Telemetry], server: Server, clock: Clock, hours: int
) -> None:
    """The service refuses what is ahead of it or 48 h behind; its `Date` says by how much."""
    clock.now += hours * 3600
    telemetry = make()
    telemetry.turn_on()
    for _ in range(3):
        telemetry.record("done", what="build")

    def judge(_number: int, request: Request) -> Answer:
        now = time.time()
        late = {
            index: 400
            for index, envelope in enumerate(request.envelopes)
            if not now - 48 * 3600 < _seconds(envelope["time"]) < now + 60
        }
        body = taken(3, late).replace(b'"no"', b"\"103: Field 'time' on type 'Envelope'\"")
        return Answer(206 if late else 200, body, {"Date": formatdate(now, usegmt=True)})

    server.script = judge
    status = run(make_job(telemetry, sleep=lambda _seconds: None))
    assert status is not None
    assert (status.sent, status.dropped, status.error) == (3, {}, None)
    first, second = (request.envelopes[0] for request in server.requests)
    own = "timestamp"
    assert (
        first["data"]["baseData"]["properties"][own]
        == (second["data"]["baseData"]["properties"][own])
    )
    assert second["time"] == time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime())


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()
