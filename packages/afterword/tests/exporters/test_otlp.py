"""OTLP/HTTP: judged by the specification's own messages, and what a reply settles."""

import json
import time
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from afterword.exporters.base import Attribute, Record
from afterword.exporters.http import MOST_ANSWER, Reply
from afterword.exporters.otlp import receipt, request

JSON = {"content-type": "application/json"}


def parsed(records: list[Record]) -> Any:
    """The request as any OpenTelemetry backend reads it: what is unknown there is an error."""
    return json_format.Parse(json.dumps(request(records, "app")), ExportLogsServiceRequest())


def values(attributes: Any) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    for one in attributes:
        assert isinstance(one, KeyValue)
        found[one.key] = getattr(one.value, str(one.value.WhichOneof("value")))
    return found


def test_one_event() -> None:
    attributes: dict[str, Attribute] = {
        "anonymous_id": "6a", "event_id": "e1", "timestamp": "2026-11-24T20:19:56.355Z",
        "words": "a,b", "how_many": 3, "success": False, "session_id": "s1",
        "platform": "win32", "version": "1.2.3",
    }  # fmt: skip
    (resource,) = parsed([Record("done", 1_795_551_596.355, "6a", attributes)]).resource_logs
    assert values(resource.resource.attributes) == {
        "service.name": "app",
        "service.version": "1.2.3",
        "os.type": "windows",
    }
    (scope,) = resource.scope_logs
    assert (scope.scope.name, scope.scope.version) == ("afterword", "0.1.0")
    (record,) = scope.log_records
    assert record.event_name == "done"
    assert record.body.string_value == "done"
    assert record.time_unix_nano == 1_795_551_596_355_000_000
    assert record.observed_time_unix_nano == 0  # the moment of sending is nobody's business
    assert record.severity_number == 9
    assert (record.trace_id, record.span_id) == (b"", b"")
    assert values(record.attributes) == {
        **attributes,
        "enduser.pseudo.id": "6a",
        "session.id": "s1",
    }
    assert type(values(record.attributes)["success"]) is bool


@given(
    st.lists(
        st.builds(
            lambda ms, who, attributes: Record("done", ms / 1000, str(who), attributes),
            st.integers(0, 4_000_000_000_000),
            st.uuids(version=4),
            st.dictionaries(
                st.sampled_from(["a", "version", "platform", "session_id", "count"]),
                st.one_of(
                    st.text(st.characters(exclude_categories=["Cs"])),
                    st.integers(-(2**63), 2**63 - 1),
                    st.booleans(),
                ),
            ),
        ),
        max_size=5,
    )
)
@settings(max_examples=200, deadline=None)
def test_every_record_arrives_typed_and_in_order(records: list[Record]) -> None:
    found = [
        (
            record.time_unix_nano // 1_000_000,
            {
                name: (type(value), value)
                for name, value in values(record.attributes).items()
                if "." not in name
            },
        )
        for resource in parsed(records).resource_logs
        for record in resource.scope_logs[0].log_records
    ]
    assert found == [
        (
            round(record.time * 1000),
            {name: (type(value), value) for name, value in record.attributes.items()},
        )
        for record in records
    ]


def test_each_version_and_system_is_a_resource() -> None:
    def of(version: str, platform: str) -> Record:
        return Record("done", 0.0, "id", {"version": version, "platform": platform})

    batch = [of("1", "linux"), of("1", "linux"), of("2", "linux"), of("2", "other")]
    assert [
        (values(one.resource.attributes), len(one.scope_logs[0].log_records))
        for one in parsed(batch).resource_logs
    ] == [
        ({"service.name": "app", "service.version": "1", "os.type": "linux"}, 2),
        ({"service.name": "app", "service.version": "2", "os.type": "linux"}, 1),
        ({"service.name": "app", "service.version": "2"}, 1),
    ]


def partial(rejected: object, message: str = "why") -> bytes:
    said = {"partialSuccess": {"rejectedLogRecords": rejected, "errorMessage": message}}
    return json.dumps(said).encode()


@pytest.mark.parametrize(
    ("body", "rejected"),
    [
        (b"{}", 0),
        (b'{"partialSuccess":{}}', 0),
        (b'{"partialSuccess":null}', 0),
        (partial("0", "a warning"), 0),
        (partial(0), 0),
        (partial("3"), 3),
        (partial(3), 3),
    ],
)
def test_a_success_settles_all_and_counts_the_rejected(body: bytes, rejected: int) -> None:
    for kind in ("application/json", "Application/JSON; charset=utf-8"):
        found = receipt(Reply(200, {"content-type": kind}, body), 4)
        assert found.taken == {0, 1, 2, 3}
        assert (found.rejected, found.problem) == (rejected, None)


def test_all_rejected_is_known_for_each() -> None:
    found = receipt(Reply(200, JSON, partial("4", "no schema")), 4)
    assert (found.taken, found.rejected) == (frozenset(), 0)
    assert found.refused == dict.fromkeys(range(4), "rejected no schema")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({"content-type": "text/html"}, b"{}", id="a portal"),
        pytest.param({}, b"{}", id="of no type"),
        pytest.param({}, b"", id="nothing"),
        pytest.param({"content-type": "application/x-protobuf"}, b"", id="in protobuf"),
        pytest.param(JSON, b"", id="an empty text"),
        pytest.param(JSON, b"[]", id="a list"),
        pytest.param(JSON, b'"ok"', id="a word"),
        pytest.param(JSON, b"null", id="null"),
        pytest.param(JSON, b"<html>", id="no JSON"),
        pytest.param(JSON, b"[" * 100_000, id="deep"),
        pytest.param(JSON, b'{"partialSuccess":[1]}', id="a list for the counts"),
        pytest.param(JSON, b'{"partialSuccess":[]}', id="an empty list for them"),
        pytest.param(JSON, b'{"partialSuccess":""}', id="an empty text for them"),
        pytest.param(JSON, b'{"partialSuccess":false}', id="false for them"),
        pytest.param(JSON, partial("5"), id="more than there were"),
        pytest.param(JSON, partial("-1"), id="less than none"),
        pytest.param(JSON, partial("many"), id="in words"),
        pytest.param(JSON, partial(1.5), id="a half"),
        pytest.param(JSON, partial(True), id="true"),
        pytest.param(JSON, partial("9" * 5000), id="huge"),
    ],
)
def test_a_success_of_another_kind_settles_nothing(headers: dict[str, str], body: bytes) -> None:
    found = receipt(Reply(200, headers, body), 4)
    assert (found.taken, found.refused, found.retry) == (frozenset(), {}, False)
    assert found.problem is not None


def test_one_over_the_bound_settles_nothing() -> None:
    found = receipt(Reply(200, JSON, b"{}".ljust(MOST_ANSWER), whole=False), 4)
    assert (found.taken, found.problem) == (frozenset(), "200 with an answer over 256 KB")


@pytest.mark.parametrize(
    ("status", "retry", "unacceptable"),
    [
        *[(status, True, False) for status in (429, 502, 503, 504)],
        *[(status, False, True) for status in (400, 413, 500)],
        *[(status, False, False) for status in (201, 202, 204, 302, 307, 401, 403, 404, 408, 415)],
        *[(status, False, False) for status in (501, 505, 599)],
    ],
)
def test_a_failure_settles_nothing(status: int, retry: bool, unacceptable: bool) -> None:
    found = receipt(Reply(status, JSON | {"retry-after": "7"}, b"{}", at=time.time()), 4)
    assert (found.taken, found.refused) == (frozenset(), {})
    assert (found.retry, found.unacceptable) == (retry, unacceptable)
    assert found.retry_after == (7 if retry else None)
    assert str(status) in (found.problem or "")
