"""OTLP/HTTP for logs: the rows, the replies by the specification, and faults on demand."""

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from afterword_sink import LocalSink
from afterword_sink.bodies import BODY_BYTES, UnreadableBodyError
from afterword_sink.otlp.records import JSON, PROTOBUF, read

Call = Callable[..., Any]
KINDS = pytest.mark.parametrize("kind", [JSON, PROTOBUF])
NOW = 1_795_000_000 * 10**9 + 123_456_789


def attributes(**values: Any) -> list[dict[str, Any]]:
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [
        {"key": name.replace("__", "."), "value": {kinds[type(value)]: value}}
        for name, value in values.items()
    ]


def request(*records: dict[str, Any], **resource: Any) -> dict[str, Any]:
    return {
        "resourceLogs": [
            {
                "resource": {"attributes": attributes(**(resource or {"service__name": "tool"}))},
                "scopeLogs": [
                    {"scope": {"name": "afterword", "version": "1.0"}, "logRecords": list(records)}
                ],
            }
        ]
    }


def event(name: str = "done", **values: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": str(NOW),
        "severityNumber": 9,
        "eventName": name,
        "attributes": attributes(**values),
    }


def encoded(content: dict[str, Any], kind: str) -> bytes:
    if kind == JSON:
        return json.dumps(content).encode()
    message = json_format.ParseDict(content, ExportLogsServiceRequest())
    return bytes(message.SerializeToString())


@pytest.fixture
def post(call: Call) -> Call:
    def post(content: dict[str, Any] | bytes, kind: str = JSON, **headers: str) -> Any:
        body = content if isinstance(content, bytes) else encoded(content, kind)
        return call("POST", "/v1/logs", body, {"Content-Type": kind} | headers)

    return post


def partial(answered: Any, kind: str) -> dict[str, Any]:
    """The success of a reply, which must be in the request's encoding."""
    assert answered.status == 200
    assert answered.headers["content-type"] == kind
    if kind == JSON:
        success: dict[str, Any] = answered.json
    else:
        message = ExportLogsServiceResponse.FromString(answered.body)
        success = json_format.MessageToDict(message)
    found: dict[str, Any] = success.get("partialSuccess", {})
    return found


def status(answered: Any) -> tuple[int, str]:
    """Code and message of a `google.rpc.Status`."""
    if answered.headers["content-type"] == JSON:
        return answered.json["code"], answered.json["message"]
    body = answered.body
    assert (body[0], body[2]) == (0x08, 0x12)
    assert body[3] == len(body) - 4
    return body[1], body[4:].decode()


@KINDS
@pytest.mark.parametrize("packed", [False, True])
def test_an_event_is_a_row_of_custom_events(
    sink: LocalSink, post: Call, kind: str, packed: bool
) -> None:
    content = request(
        event(
            count=3, ratio=1.5, success=True, command="init",
            enduser__pseudo__id="u1", session__id="s1",
        ),
        service__name="tool", service__version="1.2.3", os__type="linux",
        deployment__environment="test",
    )  # fmt: skip
    body = encoded(content, kind)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    answered = post(gzip.compress(body) if packed else body, kind, **headers)
    assert partial(answered, kind) == {}
    (row,) = sink.events()
    expected = {
        "timestamp": "2026-11-18T11:06:40.123456Z",
        "name": "done",
        "customDimensions": {
            "count": "3", "ratio": "1.5", "success": "True", "command": "init",
            "deployment.environment": "test",
        },
        "user_Id": "u1",
        "session_Id": "s1",
        "cloud_RoleName": "tool",
        "application_Version": "1.2.3",
        "client_OS": "linux",
        "sdkVersion": "afterword:1.0",
        "iKey": "00000000-0000-4000-8000-000000000001",
        "itemCount": 1,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    stats = sink.stats()
    assert (stats["received"], stats["accepted"], stats["stored"]) == (1, 1, 1)


@KINDS
def test_traces_and_exceptions(sink: LocalSink, post: Call, kind: str) -> None:
    message = {"observedTimeUnixNano": str(NOW), "severityNumber": 17, "traceId": "0a" * 16,
               "spanId": "0b" * 8, "body": {"stringValue": "it broke"}}  # fmt: skip
    if kind == PROTOBUF:  # whose JSON reader takes ids for base64
        message |= {"traceId": "CgoKCgoKCgoKCgoKCgoKCg==", "spanId": "CwsLCwsLCws="}
    exception = {
        "severityNumber": 21,
        "attributes": attributes(
            exception__type="ValueError", exception__message="no", exception__stacktrace="at x"
        ),
    }
    assert partial(post(request(message, exception), kind), kind) == {}
    (trace,) = sink.query("traces")
    assert (trace["message"], trace["severityLevel"]) == ("it broke", 3)
    assert (trace["operation_Id"], trace["operation_ParentId"]) == ("0a" * 16, "0b" * 8)
    assert trace["timestamp"] == "2026-11-18T11:06:40.123456Z"
    (raised,) = sink.query("exceptions | extend age = now() - timestamp | where age < 1h")
    assert (raised["type"], raised["outerMessage"]) == ("ValueError", "no")
    assert raised["severityLevel"] == 4
    assert raised["details"][0]["stack"] == "at x"
    assert raised["customDimensions"] == {}


def test_values_of_every_kind(sink: LocalSink, post: Call) -> None:
    values = {
        "none": {}, "null": {"stringValue": None}, "bytes": {"bytesValue": "AAEC"},
        "list": {"arrayValue": {"values": [{"intValue": "1"}, {"boolValue": False}]}},
        "map": {"kvlistValue": {"values": [{"key": "a", "value": {"doubleValue": 0.5}}]}},
        "nan": {"doubleValue": "NaN"}, "large": {"intValue": "9223372036854775807"},
        "empty": {"arrayValue": {}}, "new": {"someValue": 1},
    }  # fmt: skip
    record = event() | {
        "attributes": [{"key": name, "value": value} for name, value in values.items()]
    }
    post(request(record))
    (row,) = sink.events()
    assert row["customDimensions"] == {
        "bytes": "AAEC", "list": "[1, false]", "map": '{"a": 0.5}', "nan": "nan",
        "large": "9223372036854775807", "empty": "[]",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind", "headers", "expected"),
    [
        (b"{", JSON, {}, (400, "Invalid JSON")),
        (b"[]", JSON, {}, (400, "no object")),
        (b'{"resourceLogs": {}}', JSON, {}, (400, "resourceLogs is no list")),
        (b'{"resourceLogs": [1]}', JSON, {}, (400, "resourceLogs is no object")),
        (b"\x0a\xff", PROTOBUF, {}, (400, "Invalid protobuf")),
        (b"{}", PROTOBUF, {}, (400, "Invalid protobuf")),
        (b"{}", "text/plain", {}, (415, "text/plain")),
        (b"{}", JSON, {"Content-Encoding": "zstd"}, (415, "zstd")),
        (b"x", JSON, {"Content-Encoding": "gzip"}, (400, "Invalid gzip")),
        (b" " * (BODY_BYTES + 1), PROTOBUF, {}, (413, "too large")),
    ],
)
def test_what_is_no_otlp_gets_a_status(
    sink: LocalSink,
    post: Call,
    *,
    body: bytes,
    kind: str,
    headers: Any,
    expected: tuple[int, str],
) -> None:
    answered = post(body, kind, **headers)
    assert answered.status == expected[0]
    assert answered.headers["content-type"] == (PROTOBUF if kind == PROTOBUF else JSON)
    code, said = status(answered)
    assert code == 3  # INVALID_ARGUMENT
    assert expected[1] in said
    assert sink.stats()["stored"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeUnixNano": "soon"}, {"timeUnixNano": 2**64}, {"traceId": "xyz"}, {"spanId": "0a"},
        {"eventName": 3}, {"attributes": [{"key": "a", "value": {"stringValue": 3}}]},
        {"attributes": [{"key": "a", "value": {"intValue": "3.5"}}]},
        {"attributes": [{"key": "a", "value": {"boolValue": "true"}}]},
        {"attributes": [{"key": "a", "value": 3}]}, {"attributes": {"a": 1}}, {"body": "text"},
        {"attributes": [{"key": "a", "value": {"bytesValue": "*"}}]},
    ],
)  # fmt: skip
def test_a_record_of_wrong_types_is_refused(post: Call, wrong: dict[str, Any]) -> None:
    assert post(request(event() | wrong)).status == 400


@KINDS
def test_values_nested_deeply(post: Call, kind: str) -> None:
    value: dict[str, Any] = {"stringValue": "x"}
    for _ in range(40 if kind == PROTOBUF else 150):
        value = {"arrayValue": {"values": [value]}}
    content = request(event() | {"attributes": [{"key": "a", "value": value}]})
    assert post(content, kind).status == 400


@KINDS
def test_partial_success(sink: LocalSink, post: Call, kind: str) -> None:
    sink.set_faults("item every=2")
    said = partial(post(request(*(event(n=place) for place in range(5))), kind), kind)
    assert said["rejectedLogRecords"] == "2"
    assert said["errorMessage"]
    assert [row["customDimensions"]["n"] for row in sink.events()] == ["0", "2", "4"]
    sink.set_faults("item")
    assert partial(post(request(event()), kind), kind)["rejectedLogRecords"] == "1"
    sink.set_faults("warning")
    said = partial(post(request(event(n=9)), kind), kind)
    assert (said.get("rejectedLogRecords", "0"), bool(said["errorMessage"])) == ("0", True)
    assert sink.stats()["stored"] == 4


@KINDS
def test_refusals_and_retry_after(sink: LocalSink, post: Call, kind: str) -> None:
    sink.set_faults("429 retry-after=7 times=1; 503 times=1; 401")
    answers = [post(request(event()), kind) for _ in range(3)]
    assert [(one.status, status(one)[0]) for one in answers] == [(429, 8), (503, 14), (401, 16)]
    assert answers[0].headers["retry-after"] == "7"
    assert sink.stats()["stored"] == 0


@KINDS
@pytest.mark.parametrize("how", ["counts", "text", "too-many", "range"])
def test_a_success_that_contradicts_itself(
    sink: LocalSink, post: Call, kind: str, how: str
) -> None:
    sink.set_faults(f"malformed-206 how={how}")
    answered = post(request(event()), kind)
    assert (answered.status, answered.headers["content-type"]) == (200, kind)
    with pytest.raises((DecodeError, json_format.ParseError, ValueError)):
        read_success(answered, kind)
    assert sink.stats()["stored"] == 0


def read_success(answered: Any, kind: str) -> None:
    if kind == PROTOBUF:
        ExportLogsServiceResponse.FromString(answered.body)
        return
    success = json_format.Parse(answered.body, ExportLogsServiceResponse()).partial_success
    if not 0 <= success.rejected_log_records <= 1:
        raise ValueError(success.rejected_log_records)


@pytest.mark.parametrize("fault", ["hang", "close", "cut", "not-json", "headers-then-silence"])
def test_faults_of_the_way(sink: LocalSink, post: Call, fault: str) -> None:
    sink.set_faults(fault)
    if fault == "not-json":
        assert b"Sign in" in post(request(event())).body
    elif fault in {"hang", "headers-then-silence"}:
        pass  # as for the other protocol; `test_travel` waits for them
    else:
        with pytest.raises(Exception, match=r"closed|IncompleteRead"):
            post(request(event()))
    assert sink.stats()["stored"] == 0


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=60), kind=st.sampled_from([JSON, PROTOBUF]))
def test_any_bytes(post: Call, body: bytes, kind: str) -> None:
    assert post(body, kind).status in {200, 400}


VALUES = st.recursive(
    st.fixed_dictionaries({"stringValue": st.text(max_size=9)})
    | st.fixed_dictionaries({"intValue": st.integers(-(2**63), 2**63 - 1).map(str)})
    | st.fixed_dictionaries({"boolValue": st.booleans()})
    | st.fixed_dictionaries({"doubleValue": st.floats(allow_nan=False, allow_infinity=False)})
    | st.fixed_dictionaries({"bytesValue": st.just("AAEC")}),
    lambda inner: st.lists(inner, max_size=3).map(lambda all_: {"arrayValue": {"values": all_}}),
    max_leaves=6,
)
RECORDS = st.fixed_dictionaries(
    {"timeUnixNano": st.integers(0, 2**64 - 1).map(str), "severityNumber": st.integers(0, 24)},
    optional={
        "eventName": st.text(max_size=9),
        "body": VALUES,
        "attributes": st.lists(
            st.fixed_dictionaries({"key": st.text(max_size=9), "value": VALUES}), max_size=4
        ),
    },
)


@given(records=st.lists(RECORDS, max_size=4))
def test_both_encodings_say_the_same(records: list[dict[str, Any]]) -> None:
    content = request(*records)
    assert read(encoded(content, JSON), kind=JSON, encoding="") == read(
        encoded(content, PROTOBUF), kind=PROTOBUF, encoding=""
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(RECORDS, max_size=4))
def test_whatever_is_taken_is_stored(
    sink: LocalSink, post: Call, records: list[dict[str, Any]]
) -> None:
    assert post(request(*records)).status == 200
    stats = sink.stats()
    assert stats["stored"] + sum(stats["other_items"].values()) == stats["accepted"]
    sink.query("union customEvents, traces, exceptions | take 1000")


def test_too_many_records_are_refused() -> None:
    content = request(*[{}] * 50_001)
    with pytest.raises(UnreadableBodyError) as refused:
        read(encoded(content, PROTOBUF), kind=PROTOBUF, encoding="")
    assert refused.value.status == 413


def test_the_same_questions_over_either_wire(
    sink: LocalSink, post: Call, track: Call, envelope: Call
) -> None:
    now = time.time_ns()
    post(request(event("done", event_id="e1", success=True, n=3) | {"timeUnixNano": str(now)}))
    sent = envelope("e1", event="done", tags={"ai.cloud.role": "tool"})
    sent["data"]["baseData"]["properties"] = {"event_id": "e1", "success": "True", "n": "3"}
    track(sent)
    rows = sink.query(
        "customEvents | where tobool(customDimensions.success) and toint(customDimensions.n) == 3 "
        "| summarize n = count() by name, cloud_RoleName, tostring(customDimensions.event_id)"
    )
    assert [list(row.values()) for row in rows] == [["done", "tool", "e1", 2]]
