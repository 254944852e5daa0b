"""Web pages and foreign names: who may talk to the sink, and what is told to others."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from afterword_sink import LocalSink

PAGE = "http://localhost:3000"
EVIL = "https://evil.example"


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:80", "[::1]:5000", "app.localhost:1", "LOCALHOST.", "10.1.2.3"]
)
def test_names_of_this_machine(call: Callable[..., Any], host: str) -> None:
    assert call("GET", "/sink/stats", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "sink", "[x]"]
)
def test_a_rebound_name_reads_nothing(call: Callable[..., Any], host: str) -> None:
    for method, path in [
        ("GET", "/sink/requests"),
        ("GET", "/v1/apps/x/query?query=customEvents"),
        ("DELETE", "/sink"),
        ("POST", "/v2.1/track"),
    ]:
        answered = call(method, path, headers={"Host": host})
        assert answered.status == 403
        assert "--allow-host" in answered.json["error"]["message"]


def test_a_page_writes_nothing(
    sink: LocalSink, call: Callable[..., Any], envelope: Callable[..., dict[str, Any]]
) -> None:
    """What a page may send without asking: a simple request with text/plain."""
    body = json.dumps([envelope()])
    for sent in ({"Origin": EVIL}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        headers = {"Content-Type": "text/plain"} | sent
        for path in ("/v2.1/track", "/v2/track", "//v2/track"):
            assert call("POST", path, body, headers).status == 403
        assert call("POST", "/sink/faults", '{"faults": ["500"]}', headers).status == 403
        assert call("GET", "/v1/apps/x/query?query=customEvents", headers=headers).status == 403
        assert call("OPTIONS", "/v2.1/track", headers=headers).status == 403
    assert sink.stats()["stored"] == 0
    assert sink.faults() == []


def test_a_browser_at_the_sink_itself(call: Callable[..., Any]) -> None:
    for site in ("none", "same-origin"):
        assert call("GET", "/sink/stats", headers={"Sec-Fetch-Site": site}).status == 200
    own = {"Host": "localhost:99", "Origin": "http://localhost:99"}
    assert call("GET", "/sink/stats", headers=own).status == 200


@pytest.fixture(scope="module")
def open_sink() -> Iterator[LocalSink]:
    with LocalSink(allow_origins=[PAGE], allow_hosts=["sink.test"]) as sink:
        yield sink


def test_an_allowed_page_sends_and_cannot_ask(
    open_sink: LocalSink,
    call_to: Callable[..., Any],
    envelope: Callable[..., dict[str, Any]],
) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,sdk-context",
        "Access-Control-Request-Private-Network": "true",
    }
    preflight = call_to(open_sink, "OPTIONS", "/v2/track", headers=asked)
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert preflight.headers["access-control-allow-headers"] == "content-type,sdk-context"
    assert preflight.headers["access-control-allow-private-network"] == "true"
    sent = call_to(open_sink, "POST", "/v2/track", json.dumps([envelope()]), {"Origin": PAGE})
    assert (sent.status, sent.headers["access-control-allow-origin"]) == (200, PAGE)
    open_sink.set_faults("503 times=1")
    failed = call_to(open_sink, "POST", "/v2/track", json.dumps([envelope()]), {"Origin": PAGE})
    assert (failed.status, failed.headers["access-control-allow-origin"]) == (503, PAGE)
    for method, path in [
        ("GET", "/sink/requests"), ("DELETE", "/sink"), ("GET", "/v1/apps/x/query?query=print%201"),
    ]:  # fmt: skip
        assert call_to(open_sink, method, path, headers={"Origin": PAGE}).status == 403
    assert call_to(open_sink, "POST", "/v2/track", "[]", {"Origin": EVIL}).status == 403
    assert open_sink.stats()["stored"] == 1


def test_many_refusals_do_not_fill_the_pipe_to_its_starter(
    open_sink: LocalSink, call_to: Callable[..., Any]
) -> None:
    for number in range(300):
        name = f"{'x' * 400}{number}.example"
        assert call_to(open_sink, "GET", "/sink/stats", headers={"Host": name}).status == 403
    assert open_sink.stats()["stored"] <= 1


def test_an_allowed_name(open_sink: LocalSink, call_to: Callable[..., Any]) -> None:
    assert call_to(open_sink, "GET", "/sink/stats", headers={"Host": "sink.test:80"}).status == 200
    assert call_to(open_sink, "GET", "/sink/stats", headers={"Host": "other.test"}).status == 403
