"""What one request may cost: memory for a body; time, rows and memory for a question."""

import gzip
import json
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psutil
import pytest

from afterword_sink import LocalSink, SinkError
from afterword_sink.bodies import BODY_BYTES, BODY_ITEMS
from afterword_sink.kql import Question, ask

ENDLESS = (
    "let t = range x from 1 to 1000000 step 1 | extend k = 1; "
    "t | join kind=inner (t) on k | summarize sum(x * x1)"
)
Call = Callable[..., Any]


def memory_of(sink: LocalSink) -> int:
    """The most that the sink's process has held, in bytes."""
    if sink.pid is None:
        raise AssertionError
    return int(psutil.Process(sink.pid).memory_info().rss)


def asked(sink: LocalSink) -> Any:
    """The answer to a short question, or what is said instead."""
    try:
        return sink.query("print x = 1")
    except SinkError as error:
        return str(error)


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"[]," * 20_000_000 + b"0]",
        b"[" + b"{}," * 4_000_000 + b"0]",
        b'[{"a":' + b"[]," * 4_000_000 + b"}]",
        b"\n" * (BODY_BYTES - 1),
        b"[" + b"0," * BODY_ITEMS + b"0]",
    ],
    ids=["inflated", "objects", "broken", "lines", "items"],
)
def test_a_small_body_that_would_take_much_memory(call: Call, sink: LocalSink, text: bytes) -> None:
    before = memory_of(sink)
    packed = gzip.compress(text, 1)
    assert call("POST", "/v2.1/track", packed, {"Content-Encoding": "gzip"}).status == 413
    assert memory_of(sink) < before + 200 * 2**20


@pytest.mark.parametrize("depth", [65, 200, 253, 254, 255, 500, 1020, 1024, 5000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_values_nested_deeply(call: Call, envelope: Any, depth: int, brackets: str) -> None:
    opening = "[" if brackets == "[]" else '{"a":'
    nested = opening * depth + "1" + brackets[1] * depth
    for place in ("extra", "sampleRate"):
        text = json.dumps(envelope()).replace('"iKey"', f'"{place}":{nested},"iKey"')
        assert call("POST", "/v2.1/track", f"[{text}]").status == 400
    assert call("POST", "/v2.1/track", nested).status == 400
    assert call("POST", "/v1/apps/x/query", f'{{"query": {nested}}}').status == 400
    assert call("POST", "/sink/faults", f'{{"faults": {nested}}}').status == 400


def test_many_frames_beside_each_other_are_not_deep(call: Call, envelope: Any) -> None:
    frames = [{"level": level, "method": "m"} for level in range(100)]
    data = {
        "baseType": "ExceptionData",
        "baseData": {"exceptions": [{"message": "no", "parsedStack": frames}]},
    }
    assert call("POST", "/v2.1/track", json.dumps([envelope(data=data)])).status == 200


def test_a_question_is_given_up_when_its_time_is_over() -> None:
    with LocalSink(query_seconds=5) as sink:
        with pytest.raises(SinkError, match="longer than 5 seconds"):
            sink.query(ENDLESS)
        assert sink.query("print x = 1") == [{"x": 1}]


def test_questions_whose_clients_have_gone_hold_up_nobody(sink: LocalSink) -> None:
    address = urlsplit(sink.endpoint)
    body = json.dumps({"query": ENDLESS}).encode()
    head = f"POST /v1/apps/x/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    clients = []
    for _ in range(8):
        client = socket.create_connection((address.hostname, address.port), timeout=30)
        client.sendall(head.encode() + b"\r\n" + body)
        clients.append(client)
    while asked(sink) != "Too many queries run at once":  # as many as may run are running
        pass
    for client in clients:
        client.close()
    while asked(sink) != [{"x": 1}]:
        pass


def test_an_answer_that_is_too_large_is_cut_and_says_so() -> None:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t AS SELECT range AS x FROM range(30000)")
    whole = ask(connection, Question("t | order by x asc"), most_rows=30_000)
    assert [row[0] for row in whole.rows] == list(range(30_000))
    assert whole.left_out == ""
    cut = ask(connection, Question("t | order by x asc"), most_rows=12_345)
    assert [row[0] for row in cut.rows] == list(range(12_345))
    reply = json.loads(b"".join(cut.reply()))
    assert reply["error"]["code"] == "PartialError"
    assert "12345 records" in json.dumps(reply["error"])
    small = ask(connection, Question("t"), most_bytes=1000)
    assert 0 < len(small.rows) < 30_000
    assert "1000 bytes" in small.left_out


def test_a_cut_answer_is_an_error(sink: LocalSink) -> None:
    with pytest.raises(SinkError, match="500000 records"):
        sink.query("range x from 1 to 500001 step 1")


def test_a_question_that_needs_too_much_memory() -> None:
    with LocalSink(memory="100MB") as sink, pytest.raises(SinkError, match="memory"):
        sink.query(
            "range x from 1 to 3000000 step 1 | extend y = strcat('a', tostring(x), 'b') "
            "| summarize make_list(y)"
        )


@pytest.mark.parametrize(
    "query",
    [
        "let a0=1;" + "".join(f"let a{i + 1}=a{i}+a{i};" for i in range(60)) + "print a60",
        "print '" + "x" * 70_000 + "'",
        "print " + "(" * 20_000 + "1" + ")" * 20_000,
        "print " + "+".join("1" for _ in range(3_000)),
    ],
    ids=["doubled", "long", "nested", "chained"],
)
def test_a_question_that_is_too_large(sink: LocalSink, query: str) -> None:
    with pytest.raises(SinkError, match=r"too large|too deeply|more than"):
        sink.query(query)


def test_a_full_sink_refuses_and_keeps_what_it_took(envelope: Any, call_to: Call) -> None:
    """The tables have no room: 503, so that the client keeps its events."""
    padding = {f"p{place}": "x" * 8_000 for place in range(6)}
    with LocalSink(memory="50MB") as sink:
        taken = 0
        for batch in range(100):
            events = [envelope(f"{batch}-{place}") for place in range(200)]
            for place, event in enumerate(events):
                unique = {name: f"{batch}-{place}-{value}" for name, value in padding.items()}
                event["data"]["baseData"]["properties"] |= unique
            packed = gzip.compress(json.dumps(events).encode(), 1)
            headers = {"Content-Encoding": "gzip"}
            if call_to(sink, "POST", "/v2.1/track", packed, headers).status == 503:
                break
            taken += len(events)
        else:
            pytest.fail("it took everything")
        assert taken > 0
        with pytest.raises(SinkError, match=r"the memory is full: .*--memory"):
            sink.query("print x = 1")
        assert memory_of(sink) < 700 * 2**20
        sink.clear()
        assert call_to(sink, "POST", "/v2.1/track", json.dumps([envelope("a")])).status == 200
        assert [row["customDimensions"]["event_id"] for row in sink.events()] == ["a"]


def test_threads_end(sink: LocalSink) -> None:
    """Twenty short questions at once: none is lost, some may be told to come again."""
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(asked(sink))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert all(said == [{"x": 1}] or "Too many" in said for said in answers)
