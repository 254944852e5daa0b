"""The ingestion endpoint over real HTTP: what it answers, and what then stands in the tables."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from afterword_sink import LocalSink
from afterword_sink.bodies import BODY_BYTES
from afterword_sink.ledger import KEPT_REQUESTS, Ledger

Envelope = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    "path", ["/v2.1/track", "//v2.1/track", "/v2/track", "//v2/track", "/v2.1/track?x=1"]
)
def test_a_row_for_every_event(
    sink: LocalSink, call: Callable[..., Any], envelope: Envelope, path: str
) -> None:
    answered = call("POST", path, json.dumps([envelope("a"), envelope("b")]))
    assert answered.status == 200
    assert answered.json == {
        "itemsReceived": 2,
        "itemsAccepted": 2,
        "appId": "00000000-0000-4000-8000-000000000002",
        "errors": [],
    }
    assert [row["customDimensions"]["event_id"] for row in sink.events()] == ["a", "b"]


def test_the_columns_of_custom_events(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    sent = envelope(
        tags={
            "ai.user.id": "user",
            "ai.user.authUserId": "signed-in",
            "ai.user.accountId": "account",
            "ai.session.id": "session",
            "ai.operation.id": "operation",
            "ai.operation.name": "doing",
            "ai.operation.parentId": "parent",
            "ai.operation.syntheticSource": "robot",
            "ai.application.ver": "1.2.3",
            "ai.device.type": "Other",
            "ai.device.model": "model",
            "ai.device.osVersion": "Linux 6",
            "ai.cloud.role": "atomic",
            "ai.cloud.roleInstance": "-",
            "ai.internal.sdkVersion": "py3.11",
        },
        time="2026-11-22T10:00:00.1234567+02:00",
        sampleRate=25,
    )
    sent["time"] = envelope()["time"][:19] + ".1234567+00:00"
    sent["data"]["baseData"]["measurements"] = {"ms": 12.5}
    track(sent)
    (row,) = sink.events()
    item_id = row.pop("itemId")
    assert len(item_id) == 36
    assert list(row.items()) == [
        ("timestamp", sent["time"][:19] + ".123456Z"),
        ("name", "atomic_command"),
        ("itemType", "customEvent"),
        ("customDimensions", {"event_id": "e1", "success": "True"}),
        ("customMeasurements", {"ms": 12.5}),
        ("operation_Name", "doing"),
        ("operation_Id", "operation"),
        ("operation_ParentId", "parent"),
        ("operation_SyntheticSource", "robot"),
        ("session_Id", "session"),
        ("user_Id", "user"),
        ("user_AuthenticatedId", "signed-in"),
        ("user_AccountId", "account"),
        ("application_Version", "1.2.3"),
        ("client_Type", "Other"),
        ("client_Model", "model"),
        ("client_OS", "Linux 6"),
        ("client_IP", "0.0.0.0"),  # noqa: S104  # what the service stores for every address
        ("client_City", ""),
        ("client_StateOrProvince", ""),
        ("client_CountryOrRegion", ""),
        ("client_Browser", ""),
        ("cloud_RoleName", "atomic"),
        ("cloud_RoleInstance", "-"),
        ("appId", "00000000-0000-4000-8000-000000000002"),
        ("appName", "afterword-sink"),
        ("iKey", "00000000-0000-4000-8000-000000000001"),
        ("sdkVersion", "py3.11"),
        ("itemCount", 4),
        (
            "_ResourceId",
            (
                "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/local"
                "/providers/microsoft.insights/components/afterword-sink"
            ),
        ),
    ]


def test_times_are_utc_whatever_zone_they_came_in(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    hour = envelope()["time"][:13]
    for zone in ("Z", "", "+01:00", "-01:00"):
        track(envelope(time=f"{hour}:00:00{zone}"))
    minutes = sink.query(
        f"customEvents | extend d = (timestamp - datetime({hour}:00:00Z)) / 1m | project d"
    )
    assert [row["d"] for row in minutes] == [0, 0, -60, 60]


def test_gzip_and_json_lines(sink: LocalSink, call: Callable[..., Any], envelope: Envelope) -> None:
    lines = "\n".join(json.dumps(envelope(name)) for name in "abc").encode()
    headers = {"Content-Type": "application/x-json-stream", "Content-Encoding": "gzip"}
    assert call("POST", "/v2/track", gzip.compress(lines), headers).json["itemsAccepted"] == 3
    assert sink.stats()["stored"] == 3
    (seen,) = sink.requests()
    assert gzip.decompress(seen.body) == lines


def test_some_are_refused(sink: LocalSink, track: Callable[..., Any], envelope: Envelope) -> None:
    old = envelope("old", age=49 * 3600)
    answered = track(envelope("a"), old, envelope("b"))
    assert answered.status == 206
    assert (answered.json["itemsReceived"], answered.json["itemsAccepted"]) == (3, 2)
    (error,) = answered.json["errors"]
    assert (error["index"], error["statusCode"]) == (1, 400)
    assert error["message"].startswith("103: Field 'time' on type 'Envelope' is older than")
    assert [row["customDimensions"]["event_id"] for row in sink.events()] == ["a", "b"]


def test_any_age(envelope: Envelope, call_to: Callable[..., Any]) -> None:
    with LocalSink(any_age=True) as sink:
        body = json.dumps([envelope("old", age=60 * 24 * 3600), envelope("new", age=-9000)])
        assert call_to(sink, "POST", "/v2.1/track", body).status == 200
        rows = sink.query("customEvents | where timestamp < ago(50d) | count")
        assert rows == [{"Count": 1}]


def test_all_are_refused(sink: LocalSink, track: Callable[..., Any], envelope: Envelope) -> None:
    answered = track(envelope(iKey=""), envelope(iKey=""))
    assert answered.status == 400
    assert answered.json["itemsAccepted"] == 0
    assert [error["index"] for error in answered.json["errors"]] == [0, 1]
    assert sink.events() == []


@pytest.mark.parametrize(
    ("body", "headers", "refused"),
    [
        (b"", {}, (400, "Invalid JSON")),
        (b"{", {}, (400, "Invalid JSON")),
        (b"\x00\xff", {}, (400, "Invalid JSON")),
        (b"no gzip", {"Content-Encoding": "gzip"}, (400, "Invalid gzip data")),
        (b"[]", {"Content-Encoding": "zstd"}, (415, "Unsupported content encoding 'zstd'")),
        (b"3", {}, (400, "106: Field 'data' on type 'Envelope'")),
    ],
)
def test_bad_input_gets_the_services_answer(
    sink: LocalSink,
    call: Callable[..., Any],
    body: bytes,
    headers: dict[str, str],
    refused: tuple[int, str],
) -> None:
    status, message = refused
    answered = call("POST", "/v2.1/track", body, headers)
    assert answered.status == status
    assert answered.json["itemsAccepted"] == 0
    assert answered.json["errors"][0]["message"].startswith(message)
    assert sink.stats()["stored"] == 0


def test_a_body_that_is_too_large(call: Callable[..., Any]) -> None:
    answered = call("POST", "/v2.1/track", b" " * (BODY_BYTES + 1))
    assert answered.status == 413
    assert answered.json["errors"][0]["message"] == "Request body is too large"


def test_an_empty_batch_is_no_error(call: Callable[..., Any]) -> None:
    assert call("POST", "/v2.1/track", b"[]").status == 200


def test_other_methods_and_paths(sink: LocalSink, call: Callable[..., Any]) -> None:
    assert call("GET", "/v2.1/track").status == 405
    answered = call("POST", "/v2/statsbeat?x", b"{}")
    assert (answered.status, answered.json["error"]["code"]) == (404, "PathNotFoundError")
    assert [(seen.method, seen.path, seen.body, seen.status) for seen in sink.requests()] == [
        ("GET", "/v2.1/track", b"", 405),
        ("POST", "/v2/statsbeat?x", b"{}", 404),
    ]


def test_what_is_no_event_is_counted_apart(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    metric = {"baseType": "MetricData", "baseData": {"metrics": [{"name": "m", "value": 1}]}}
    assert track(envelope(data=metric), envelope()).status == 200
    stats = sink.stats()
    assert (stats["stored"], stats["other_items"]) == (1, {"customMetrics": 1})


def test_a_query_sees_every_event_answered_before_it(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    for total in range(1, 6):
        track(envelope())
        assert sink.query("customEvents | count") == [{"Count": total}]


def test_many_at_once_are_all_there(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    """More than one bulk insert, so that flushing and receiving overlap."""
    for batch in range(12):
        assert track(*(envelope(f"{batch}-{place}") for place in range(1000))).status == 200
    stats = sink.stats()
    assert (stats["received"], stats["accepted"], stats["stored"]) == (12_000,) * 3
    assert (stats["distinct_event_ids"], stats["duplicate_event_ids"]) == (12_000, 0)


def test_counts_and_requests(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    track(envelope("a"), envelope("b"))
    track(envelope("a"), envelope("old", age=49 * 3600))
    assert sink.stats() == {
        "requests": 2,
        "received": 4,
        "accepted": 3,
        "statuses": {"200": 1, "206": 1},
        "faults": {},
        "stored": 3,
        "distinct_event_ids": 2,
        "duplicate_event_ids": 1,
        "other_items": {},
    }
    first, second = sink.requests()
    assert (first.number, first.status) == (1, 200)
    assert (first.method, first.path) == ("POST", "//v2.1/track")
    assert first.headers["content-type"] == "application/json"
    assert int(first.headers["content-length"]) == len(first.body)
    assert first.fault == ""
    ids = [item["data"]["baseData"]["properties"]["event_id"] for item in second.envelopes]
    assert ids == ["a", "old"]


def test_the_ledger_is_bounded() -> None:
    ledger = Ledger()
    for _ in range(KEPT_REQUESTS + 5):
        ledger.open(time=0, method="POST", path="/", headers=[], body=b"x")
    numbers = [entry.number for entry in ledger.entries()]
    assert numbers == list(range(6, KEPT_REQUESTS + 6))
    for _ in range(20):
        ledger.open(time=0, method="POST", path="/", headers=[], body=b"x" * 8 * 1024 * 1024)
    assert len(ledger.entries()) == 8
    assert ledger.requests == KEPT_REQUESTS + 25
