"""How answers travel under a fault: seen from a bare socket, on a real connection."""

import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from afterword_sink import LocalSink, SinkError

Envelope = Callable[..., dict[str, Any]]
PATIENCE = 0.4  # seconds of silence that count as silence


@pytest.fixture
def wire(sink: LocalSink, envelope: Envelope) -> Callable[..., bytes]:
    """Send a request and read until the connection ends or falls silent."""

    def wire(*ids: str, patience: float = PATIENCE) -> bytes:
        address = urlsplit(sink.endpoint)
        body = json.dumps([envelope(event_id) for event_id in ids or ("a", "b")]).encode()
        head = (
            "POST /v2.1/track HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        received = b""
        with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
            connection.sendall(head.encode() + body)
            connection.settimeout(patience)
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except TimeoutError:
                return received + b"<silence>"
            except ConnectionResetError:
                return received + b"<reset>"
        return received + b"<end>"

    return wire


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_hang(sink: LocalSink, wire: Callable[..., bytes]) -> None:
    sink.set_faults("hang")
    assert wire() == b"<silence>"
    until(lambda: sink.stats()["statuses"] == {"none": 1}, "the client's leaving was not noticed")
    assert sink.stats()["stored"] == 0
    (seen,) = sink.requests()
    assert (seen.fault, seen.status) == ("hang", None)


def test_hang_after_storing(sink: LocalSink, wire: Callable[..., bytes]) -> None:
    sink.set_faults("hang after=store")
    assert wire() == b"<silence>"
    assert sink.stats()["stored"] == 2


def test_close(sink: LocalSink, wire: Callable[..., bytes]) -> None:
    sink.set_faults("close")
    assert wire() == b"<end>"


def test_headers_then_silence(sink: LocalSink, wire: Callable[..., bytes]) -> None:
    sink.set_faults("headers-then-silence")
    head, _, rest = wire().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: " in head
    assert rest == b"<silence>"


@pytest.mark.parametrize(("fault", "kept"), [("cut", None), ("cut keep=7", 7), ("cut keep=0", 0)])
def test_cut(sink: LocalSink, wire: Callable[..., bytes], fault: str, kept: int | None) -> None:
    sink.set_faults(fault)
    head, _, rest = wire().partition(b"\r\n\r\n")
    promised = int(head.lower().partition(b"content-length: ")[2].split()[0])
    assert rest.endswith(b"<end>")
    assert len(rest) - len(b"<end>") == (promised // 2 if kept is None else kept)


def test_a_cut_is_never_whole(sink: LocalSink, wire: Callable[..., bytes]) -> None:
    sink.set_faults("cut keep=100000")
    head, _, rest = wire().partition(b"\r\n\r\n")
    promised = int(head.lower().partition(b"content-length: ")[2].split()[0])
    assert len(rest) - len(b"<end>") == promised - 1


def test_drip_is_slow_and_whole(sink: LocalSink, wire: Callable[..., bytes]) -> None:
    sink.set_faults("drip pace=0.002")
    body = wire(patience=5).partition(b"\r\n\r\n")[2].removesuffix(b"<end>")
    assert json.loads(body)["itemsAccepted"] == 2
    assert sink.stats()["stored"] == 2


def test_drip_begins_with_one_byte(sink: LocalSink, wire: Callable[..., bytes]) -> None:
    sink.set_faults("500 drip")
    head, _, rest = wire().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert rest == b"{<silence>"


def test_a_client_that_leaves_a_drip_stores_nothing(
    sink: LocalSink, wire: Callable[..., bytes]
) -> None:
    sink.set_faults("drip")
    assert wire().endswith(b"{<silence>")
    until(lambda: sink.stats()["statuses"] == {"200": 1}, "the client's leaving was not noticed")
    assert sink.stats()["stored"] == 0


def test_delay(sink: LocalSink, wire: Callable[..., bytes]) -> None:
    sink.set_faults("delay=0.5 times=1; delay=0.05")
    assert wire(patience=0.1) == b"<silence>"
    assert wire(patience=5).startswith(b"HTTP/1.1 200 ")
    stats = sink.stats()
    assert stats["statuses"] == {"none": 1, "200": 1}
    assert (stats["received"], stats["accepted"], stats["stored"]) == (4, 2, 2)


def test_statuses_on_the_wire(sink: LocalSink, wire: Callable[..., bytes]) -> None:
    sink.set_faults(
        "429 retry-after=2 times=1; 439 times=1; redirect 308 to=http://127.0.0.1:9/ times=1;"
        "304 times=1; not-json 502 times=1; malformed-206 times=1; 206 times=1"
    )
    answers = [wire(patience=5) for _ in range(8)]
    statuses = [int(answer.split()[1]) for answer in answers]
    assert statuses == [429, 439, 308, 304, 502, 206, 206, 200]
    assert b"\r\nretry-after: 2\r\n" in answers[0]
    assert b"\r\nlocation: http://127.0.0.1:9/\r\n" in answers[2]
    assert b"text/html" in answers[4]
    stats = sink.stats()
    assert stats["stored"] == 1 + 2
    assert stats["faults"]["206 times=1"] == 1


def test_refuse_takes_no_connection_for_its_time(
    sink: LocalSink, wire: Callable[..., bytes]
) -> None:
    sink.set_faults("refuse for=0.6 times=1")
    began = time.monotonic()
    assert wire() == b"<end>"
    with pytest.raises(ConnectionRefusedError):
        wire()
    assert time.monotonic() - began < 0.6
    until(lambda: _answers(sink), "it does not listen again")
    assert wire(patience=5).startswith(b"HTTP/1.1 200 ")
    assert sink.stats()["stored"] == 2


def _answers(sink: LocalSink) -> bool:
    try:
        sink.stats()
    except SinkError:
        return False
    return True


def test_faults_are_set_shown_and_cleared_while_running(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    sink.set_faults("500 times=2", "hang times=0")
    assert track(envelope()).status == 500
    assert sink.faults() == [
        {"fault": "500 times=2", "left": 1},
        {"fault": "hang times=0", "left": 0},
    ]
    sink.clear_faults()
    assert sink.faults() == []
    assert track(envelope()).status == 200


@pytest.mark.parametrize(
    "body",
    ['{"faults": ["explode"]}', "{}", "[]", "", '{"faults": [1]}', '{"faults": [], "seed": "x"}'],
)
def test_bad_faults_are_refused(sink: LocalSink, call: Callable[..., Any], body: str) -> None:
    answered = call("POST", "/sink/faults", body)
    assert answered.status == 400
    assert answered.json["error"]["message"]
    assert sink.faults() == []


def test_chance_repeats_with_its_seed(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    runs = []
    for seed in (1, 1, 2):
        sink.set_faults("500 chance=0.5", seed=seed)
        runs.append([track(envelope()).status for _ in range(20)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 500}


def test_a_client_that_leaves_in_the_middle_of_its_body(sink: LocalSink) -> None:
    address = urlsplit(sink.endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(
            b"POST /v2.1/track HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n["
        )
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert sink.stats()["requests"] == 0
