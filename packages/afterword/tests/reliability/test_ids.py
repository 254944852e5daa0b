"""Promises 6 and 8: no request or moment has two anonymous ids; none is sent after its reset."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path

import pytest
from reliability import application
from reliability.application import Application, make
from reliability.scripted import Scripted, everything, upload_to
from support import Answer, Clock, Request, Server, wait_until

from afterword import Telemetry
from afterword.control import words
from afterword.exporters.base import Receipt, Record
from afterword.upload.ids import LONGEST_WAIT, SHORTEST_WAIT
from afterword.upload.status import Status

DECEMBER = 1_796_083_200.0 + 100  # 2026-12-01, 00:01:40 UTC
NOVEMBER = DECEMBER - 3600


@pytest.fixture
def clock() -> Clock:
    return Clock(NOVEMBER)


@pytest.fixture
def telemetry(app: Application, server: Server, clock: Clock) -> Telemetry:
    app.aim(server.connection_string)
    telemetry = make(server.connection_string, clock=clock)
    telemetry.turn_on()
    return telemetry


def record(telemetry: Telemetry, count: int) -> None:
    for number in range(count):
        telemetry.record("done", what="build", number=number)


def upload(telemetry: Telemetry) -> Status:
    status = telemetry.upload()
    assert status is not None
    return status


def ids_of(request: Request) -> set[str]:
    return {envelope["tags"]["ai.user.id"] for envelope in request.envelopes}


def test_at_the_turn_of_a_month_each_id_goes_in_a_run_of_its_own(
    telemetry: Telemetry, app: Application, server: Server, clock: Clock
) -> None:
    record(telemetry, 150)
    clock.now = DECEMBER
    record(telemetry, 50)
    first = upload(telemetry)
    assert (first.sent, first.kept, first.error) == (150, 50, None)
    assert first.next_at == first.another_at
    assert "; what has another id is sent after 2026-12-01 " in words.outcome(first)
    assert SHORTEST_WAIT <= first.another_at - clock.now <= LONGEST_WAIT
    assert (
        make(server.connection_string, clock=clock, uploader=["/bin/false"]).start_upload() is False
    )

    early = upload(telemetry)  # a person asks; it is too early all the same
    assert (early.sent, early.kept) == (0, 50)
    assert early.another_at == int(first.another_at)
    clock.now = first.another_at + 1
    assert upload(telemetry).sent == 50

    assert [len(ids_of(request)) for request in server.requests] == [1, 1, 1]
    assert len(set.union(*map(ids_of, server.requests))) == 2
    one, same, another = [request.connection for request in server.requests]
    assert one == same != another
    assert app.waiting() == []


def test_an_id_waits_after_another_one_also_where_nothing_of_it_waited_then(
    telemetry: Telemetry, server: Server, clock: Clock
) -> None:
    clock.now = DECEMBER - 101
    record(telemetry, 1)
    upload(telemetry)
    clock.now = DECEMBER
    record(telemetry, 1)
    assert upload(telemetry).sent == 0
    clock.now += LONGEST_WAIT
    assert upload(telemetry).sent == 1
    assert len(server.requests) == 2


def test_both_ids_have_their_turn_however_much_one_of_them_records(
    telemetry: Telemetry, app: Application, server: Server, clock: Clock
) -> None:
    record(telemetry, 3)
    old = app.waiting()
    clock.now = DECEMBER
    record(telemetry, 3)
    server.script = lambda _n, request: Answer(503 if old[0].encode() in request.body else 200)
    for _ in range(6):
        record(telemetry, 2)
        clock.now = max(clock.now, upload(telemetry).next_at) + 1
    server.script = lambda _n, _r: Answer()
    for _ in range(4):
        clock.now += LONGEST_WAIT
        upload(telemetry)
    assert {event["event_id"] for event in server.events()} >= set(old)
    assert app.waiting() == []
    assert all(len(ids_of(request)) == 1 for request in server.requests)


def test_when_another_id_goes_is_drawn(telemetry: Telemetry, app: Application) -> None:
    drawn = set()
    for _ in range(5):
        record(telemetry, 1)
        drawn.add(upload(telemetry).another_at)
    assert len(drawn) == 5


def switch(telemetry: Telemetry, how: str) -> None:
    if how == "reset":
        telemetry.reset()
    else:
        telemetry.turn_off()
        if how == "off and on":
            telemetry.turn_on()


HOWS = pytest.mark.parametrize("how", ["reset", "off", "off and on"])


@HOWS
@pytest.mark.parametrize("answer", [Answer(500, headers={"Retry-After": "1"}), Answer(413)])
def test_between_two_attempts_nothing_more_of_the_old_id_leaves(
    telemetry: Telemetry, app: Application, server: Server, answer: Answer, how: str
) -> None:
    record(telemetry, 120)
    asked = threading.Event()

    def script(_number: int, _request: Request) -> Answer:
        asked.set()
        return answer

    server.script = script
    process = app.start("upload")
    assert asked.wait(20)
    switch(telemetry, how)
    returned = len(server.requests)
    new = []
    if how != "off":
        record(telemetry, 3)
        new = app.waiting()
        server.script = lambda _n, _r: Answer()
    process.communicate(timeout=30)
    upload(telemetry) if how != "off" else None
    late = server.requests[returned:]
    sent = [e["data"]["baseData"]["properties"]["event_id"] for r in late for e in r.envelopes]
    assert sent == new


@HOWS
def test_a_request_that_is_being_waited_with_is_cut(
    telemetry: Telemetry, app: Application, server: Server, how: str
) -> None:
    """The uploader's request hangs in the server; when `off` returns it is gone."""
    record(telemetry, 120)
    server.script = lambda _n, _r: Answer(hang=True)
    process = app.start("upload")
    wait_until(lambda: server.requests)
    switch(telemetry, how)
    assert process.wait(timeout=5) == 0
    assert len(server.requests) == 1
    assert "telemetry-upload.lock" not in {path.name for path in app.path.iterdir()}
    assert app.waiting() == []
    process.communicate()


@pytest.mark.parametrize("spawned", [True, False])
def test_what_the_system_has_in_hand_is_not_sent_either(
    telemetry: Telemetry, app: Application, server: Server, spawned: bool
) -> None:
    """The connection ends with a reset, after which the system sends nothing."""
    record(telemetry, 3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        app.aim(server.connection_string.replace(server.endpoint, f"http://127.0.0.1:{port}"))
        if spawned:
            process = app.start("upload")
        else:
            inside = make(app.connection_string, clock=telemetry.clock)
            thread = threading.Thread(target=inside.upload)
            thread.start()
        connection, _ = listening.accept()
        connection.settimeout(20)
        assert connection.recv(10)
        telemetry.turn_off()
        while connection.recv(65_536):
            pass
        # An orderly end leaves no error; after a reset the system throws away what it has.
        wait_until(lambda: connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        connection.close()
    if spawned:
        assert process.wait(timeout=10) == 0
        process.communicate()
    else:
        thread.join(10)
        assert not thread.is_alive()


def test_who_connects_still_when_it_is_turned_off_sends_nothing(
    telemetry: Telemetry, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the host's own process, where the thread that connects cannot be ended."""
    record(telemetry, 3)
    asked, go, over = threading.Event(), threading.Event(), threading.Event()
    real = HTTPConnection.connect

    def slow(connection: HTTPConnection) -> None:
        asked.set()
        go.wait(20)
        real(connection)
        over.set()

    monkeypatch.setattr(HTTPConnection, "connect", slow)
    thread = threading.Thread(target=telemetry.upload)
    thread.start()
    assert asked.wait(20)
    telemetry.turn_off()
    go.set()
    assert over.wait(20)
    thread.join(20)
    wait_until(lambda: threading.active_count() <= 3)  # ours, and the server's
    assert server.requests == []


def test_while_it_gathers_off_is_heard(telemetry: Telemetry, app: Application) -> None:
    record(telemetry, 3)
    process = app.start("upload", APP_TELEMETRY_UPLOAD="1")
    wait_until(lambda: app.status.error)  # word is left before the gathering
    began = time.monotonic()
    telemetry.turn_off()
    process.communicate(timeout=20)
    wait_until(lambda: [path.name for path in app.path.iterdir()] == ["telemetry.json"])
    assert time.monotonic() - began < 10


def test_a_receipt_that_comes_after_the_reset_settles_nothing_of_the_new_id(
    app: Application,
) -> None:
    app.record(3)

    def reset(batch: Sequence[Record]) -> Receipt:
        app.telemetry.reset()
        app.record(3)
        return everything(batch)

    upload_to(Scripted(reset), app)
    wait_until(lambda: len(app.waiting()) == 3)
    exporter = Scripted()
    recorded = app.waiting()
    upload_to(exporter, app)
    assert exporter.got == [recorded]


SWITCH = """
import sys
from reliability.application import make
getattr(make(sys.argv[1]), sys.argv[2])()
"""


@pytest.mark.parametrize("what", ["reset", "turn_off"])
def test_a_command_at_work_leaves_no_event_of_what_was_reset(
    app: Application, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """It has decided, and is about to write, when somebody resets, or turns it off."""
    app.record(3)
    old = ids_in(app)
    real = os.open
    support = str(Path(application.__file__).parents[1])

    def late(path: str, *arguments: int, **keywords: int) -> int:
        if path == app.folder.events:
            monkeypatch.setattr(os, "open", real)
            subprocess.run(
                [sys.executable, "-c", SWITCH, app.connection_string, what],
                env={**os.environ, "PYTHONPATH": support}, check=True, timeout=30,
            )  # fmt: skip
        return real(path, *arguments, **keywords)

    monkeypatch.setattr(os, "open", late)
    app.record(1, first=3)
    assert not ids_in(app) & old
    assert len(app.waiting()) == (1 if what == "reset" else 0)


def ids_in(app: Application) -> set[str]:
    """The anonymous ids of what waits."""
    lines = [line for path in app.files() for line in path.read_bytes().splitlines()]
    return {json.loads(line)["anonymousId"] for line in lines}
