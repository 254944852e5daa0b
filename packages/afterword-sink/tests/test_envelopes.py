"""What the service takes: the rules of the schema, in the service's words."""

import gzip
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterword_sink.bodies import BODY_BYTES, UnreadableBodyError
from afterword_sink.envelopes import Batch, read
from afterword_sink.store import Store
from afterword_sink.tables import TABLES

Envelope = Callable[..., dict[str, Any]]
NOW = time.time()


def read_one(envelope: object) -> Batch:
    return read(json.dumps([envelope]).encode(), now=time.time())


def flaw(envelope: object) -> str:
    batch = read_one(envelope)
    assert batch.received == 1
    assert not batch.items
    (error,) = batch.errors
    assert (error.position, error.status) == (0, 400)
    return error.message


def with_data(envelope: dict[str, Any], **changed: Any) -> dict[str, Any]:
    envelope["data"]["baseData"] |= changed
    return envelope


def test_an_envelope_of_the_exporter_is_taken(envelope: Envelope) -> None:
    batch = read_one(envelope())
    assert (batch.received, len(batch.items), batch.errors) == (1, 1, [])
    assert batch.items[0].table == "customEvents"


def test_array_object_and_json_lines_are_the_same(envelope: Envelope) -> None:
    one, two = envelope("a"), envelope("b")
    array = json.dumps([one, two]).encode()
    lines = f"{json.dumps(one)}\n{json.dumps(two)}\n".encode()
    texts = [[item.text for item in read(body, now=NOW).items] for body in (array, lines)]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 2
    assert read(json.dumps(one).encode(), now=NOW).items[0].text == texts[0][0]


def test_a_broken_line_is_that_items_error_alone(envelope: Envelope) -> None:
    lines = f"{json.dumps(envelope('a'))}\n{{broken\n\n{json.dumps(envelope('b'))}".encode()
    batch = read(lines, now=NOW)
    assert batch.received == 3
    assert [item.position for item in batch.items] == [0, 2]
    assert [(error.position, error.message) for error in batch.errors] == [(1, "Invalid JSON")]


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[1,", b"\xff\xfe", b'{"a":NaN}', b'["\\ud800"]', b"{\n}\n{", b"[" * 5000],
    ids=repr,
)
def test_what_is_not_json_is_refused_whole(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError, match="Invalid JSON"):
        read(body, now=NOW)


def test_gzip(envelope: Envelope) -> None:
    packed = gzip.compress(json.dumps([envelope()]).encode())
    assert len(read(packed, encoding="gzip", now=NOW).items) == 1
    for broken in (b"", b"not gzip", packed[:-12]):
        with pytest.raises(UnreadableBodyError, match="Invalid gzip data"):
            read(broken, encoding="gzip", now=NOW)
    with pytest.raises(UnreadableBodyError, match="Unsupported content encoding 'br'") as refused:
        read(packed, encoding="br", now=NOW)
    assert refused.value.status == 415


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * (BODY_BYTES + 1))
    with pytest.raises(UnreadableBodyError, match="too large") as refused:
        read(bomb, encoding="gzip", now=NOW)
    assert refused.value.status == 413


def test_time_may_lie_two_days_back_and_two_hours_ahead(envelope: Envelope) -> None:
    for age in (48 * 3600 - 60, -2 * 3600 + 60):
        assert read_one(envelope(age=age)).items
    assert flaw(envelope(age=48 * 3600 + 60)).startswith(
        "103: Field 'time' on type 'Envelope' is older than the allowed min date. "
        "Expected: now - 172800000ms, Actual: now - 17286"
    )
    assert flaw(envelope(age=-2 * 3600 - 60)).startswith(
        "103: Field 'time' on type 'Envelope' is newer than the allowed max date. "
        "Expected: now + 7200000ms"
    )


@pytest.mark.parametrize(
    "moment", ["yesterday", "2026-13-01T00:00:00Z", "20261122T215756Z", 5, [], "2026-11-22", "0"]
)
def test_a_time_that_is_none(envelope: Envelope, moment: object) -> None:
    assert flaw(envelope(time=moment)).startswith("106: Field 'time' on type 'Envelope'")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"iKey": None}, "Invalid instrumentation key"),
        ({"iKey": " "}, "Invalid instrumentation key"),
        ({"iKey": 7}, "Invalid instrumentation key"),
        (
            {"name": None},
            (
                "109: Field 'name' on type 'Envelope' is required but missing or empty. "
                "Expected: string, Actual: undefined"
            ),
        ),
        ({"name": 3}, "106: Field 'name' on type 'Envelope' is of incorrect type."),
        ({"name": "n" * 1025}, "100: Field 'name' on type 'Envelope' is too long."),
        (
            {"time": ""},
            (
                "109: Field 'time' on type 'Envelope' is required but missing or empty. "
                "Expected: string, Actual: "
            ),
        ),
        ({"sampleRate": "all"}, "106: Field 'sampleRate'"),
        ({"sampleRate": 0}, "106: Field 'sampleRate'"),
        ({"tags": []}, "106: Field 'tags' on type 'Envelope'"),
        ({"tags": {"ai.user.id": 5}}, "106: Field 'ai.user.id' on type 'ContextTagKeys'"),
        (
            {"tags": {"ai.session.id": "s" * 65}},
            (
                "100: Field 'ai.session.id' on type 'ContextTagKeys' is too long. "
                "Expected: 64 characters, Actual: 65"
            ),
        ),
        ({"data": None}, "109: Field 'data' on type 'Envelope' is required"),
        ({"data": {}}, "109: Field 'baseType' on type 'Data' is required"),
        ({"data": {"baseType": "Gossip"}}, "106: Field 'baseType' on type 'Data'"),
        ({"data": {"baseType": "EventData"}}, "109: Field 'baseData' on type 'Data'"),
    ],
)
def test_envelope_rules(envelope: Envelope, changed: dict[str, Any], message: str) -> None:
    assert flaw(envelope(**changed)).startswith(message)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": ""}, "109: Field 'name' on type 'EventData' is required but missing or empty."),
        ({"name": "n" * 513}, "100: Field 'name' on type 'EventData' is too long."),
        ({"properties": []}, "106: Field 'properties' on type 'EventData'"),
        (
            {"properties": {"n": 3}},
            (
                "106: Field 'properties' on type 'EventData' is of incorrect type. "
                "Expected: string, Actual: 3"
            ),
        ),
        (
            {"properties": {"k" * 151: "v"}},
            "100: Field 'properties' on type 'EventData' is too long. Expected: 150 characters",
        ),
        (
            {"properties": {"k": "v" * 8193}},
            "100: Field 'properties' on type 'EventData' is too long. Expected: 8192 characters",
        ),
        ({"measurements": {"m": "3"}}, "106: Field 'measurements' on type 'EventData'"),
        ({"measurements": {"m": True}}, "106: Field 'measurements' on type 'EventData'"),
    ],
)
def test_event_rules(envelope: Envelope, changed: dict[str, Any], message: str) -> None:
    assert flaw(with_data(envelope(), **changed)).startswith(message)


def test_limits_themselves_are_taken(envelope: Envelope) -> None:
    largest = with_data(
        envelope(tags={"ai.session.id": "s" * 64, "ai.user.id": None}),
        name="n" * 512,
        properties={"k" * 150: "v" * 8192, "nothing": None},
        measurements={"m": 1.5},
    )
    assert read_one(largest).items


def test_an_item_over_64_kb(envelope: Envelope) -> None:
    heavy = with_data(envelope(), properties={f"k{i}": "v" * 8192 for i in range(8)})
    assert flaw(heavy) == "Telemetry item length must not exceed 65536"


@pytest.mark.parametrize("item", [None, 3, "x", [], True])
def test_an_item_that_is_no_object(item: object) -> None:
    assert flaw(item).startswith("106: ")


def test_other_types_are_taken_but_are_no_events(envelope: Envelope) -> None:
    metric = {"baseType": "MetricData", "baseData": {"ver": 2, "metrics": [{"name": "m"}]}}
    (item,) = read_one(envelope(data=metric)).items
    assert item.table != "customEvents"


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
STORE = Store(":memory:", "app")
KEY = st.text(max_size=150)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(JSON, max_size=4))
def test_any_json_gets_a_verdict_for_every_item(items: list[Any]) -> None:
    try:
        batch = read(json.dumps(items).encode(), now=NOW)
    except UnreadableBodyError:  # NaN, a lone surrogate
        return
    places = [item.position for item in batch.items] + [error.position for error in batch.errors]
    assert sorted(places) == list(range(len(items)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "sampleRate": st.floats(min_value=0, max_value=100, exclude_min=True),
                "tags": st.dictionaries(
                    st.sampled_from(["ai.user.id", "ai.device.type", "x"]),
                    st.text(max_size=64) | st.none(),
                ),
                "offset": st.sampled_from(["Z", "", "+05:30", "-01:30", ".1234567Z", ".5+00:00"]),
                "name": st.text(min_size=1, max_size=512),
                "properties": st.none() | st.dictionaries(KEY, st.text() | st.none()),
                "measurements": st.dictionaries(
                    KEY, st.floats(allow_nan=False, allow_infinity=False) | st.integers()
                ),
                "more": JSON,
                "type": st.sampled_from(["EventData", "MessageData"]),
            }
        ),
        max_size=4,
    )
)
def test_whatever_is_taken_can_be_stored(parts: list[dict[str, Any]]) -> None:
    """Nothing that was answered with 200 may break the bulk insert, alone or beside others."""
    envelopes = [
        {
            "name": "n",
            "iKey": "k",
            "time": f"{NOON:%Y-%m-%dT%H:%M:%S}{part['offset']}",
            "sampleRate": part["sampleRate"],
            "tags": part["tags"],
            "more": part["more"],
            "data": {
                "baseType": part["type"],
                "baseData": {key: part[key] for key in ("name", "properties", "measurements")},
            },
        }
        for part in parts
    ]
    try:
        body = orjson.dumps(envelopes)
    except TypeError:  # an integer over 64 bits
        return
    batch = read(body, now=NOON.timestamp())
    assert batch.errors == []
    store = STORE
    store.clear()
    store.add(batch.items)
    with store.reading() as connection:
        stored = sum(
            len(connection.table(name).filter('"timestamp" IS NOT NULL')) for name in TABLES
        )
    assert stored == len(batch.items)


def test_a_failing_flush_keeps_the_items(envelope: Envelope, tmp_path: Any) -> None:
    store = Store(str(tmp_path / "events.duckdb"), "app")
    store.add(read_one(envelope()).items)
    store._connection.execute('DROP TABLE "customMetrics" CASCADE')
    metric = {"baseType": "MetricData", "baseData": {}}
    store.add(read_one(envelope(data=metric)).items)
    with pytest.raises(Exception, match="cannot be written"):
        store.flush()
    assert store.waiting == 2
    store._connection.close()
    with duckdb.connect(str(tmp_path / "events.duckdb")) as connection:
        assert connection.sql('FROM "customEvents"').fetchall() == []
