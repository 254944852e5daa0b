"""`--database`: what was answered with success is in the file after kill -9 at any moment."""

import contextlib
import http.client
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from afterword_sink import LocalSink

WRITERS = 3


@pytest.mark.parametrize("acknowledged_before_the_kill", [1, 40])
def test_what_was_acknowledged_outlives_a_kill(
    tmp_path: Path, envelope: Callable[..., dict[str, Any]], acknowledged_before_the_kill: int
) -> None:
    file = tmp_path / "events.duckdb"
    sink = LocalSink(database=str(file))
    sink.start()
    address = urlsplit(sink.endpoint)
    acknowledged: list[str] = []
    enough = threading.Event()

    def write(writer: int) -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        with contextlib.suppress(OSError, http.client.HTTPException):  # it was killed
            for number in range(10_000):
                names = [f"{writer}-{number}-{place}" for place in range(20)]
                body = json.dumps([envelope(name) for name in names])
                connection.request("POST", "/v2.1/track", body)
                response = connection.getresponse()
                response.read()
                assert response.status == 200
                acknowledged.extend(names)
                if len(acknowledged) >= acknowledged_before_the_kill * 20:
                    enough.set()
        connection.close()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for writer in writers:
        writer.start()
    assert enough.wait(30)
    sink.kill()
    for writer in writers:
        writer.join()
    with LocalSink(database=str(file)) as again:
        kept = {row["customDimensions"]["event_id"] for row in again.events()}
    assert set(acknowledged) <= kept
    assert len(kept) <= len(acknowledged) + WRITERS * 20  # an answer on its way each


@pytest.mark.skipif(os.name != "posix", reason="ulimit")
def test_a_full_disk_is_answered_503_and_loses_nothing(
    tmp_path: Path, envelope: Callable[..., dict[str, Any]], call_to: Callable[..., Any]
) -> None:
    """The disk is full for one process: no file of it may be larger than 4 MB."""
    file = tmp_path / "events.duckdb"
    sink = LocalSink(database=str(file), before=["sh", "-c", 'ulimit -f 8192; exec "$@"', "sh"])
    acknowledged: list[str] = []
    with sink:
        for batch in range(200):
            names = [f"{batch}-{place}" for place in range(50)]
            events = [envelope(name) for name in names]
            for event in events:
                unique = event["data"]["baseData"]["properties"]["event_id"] * 200
                event["data"]["baseData"]["properties"]["unique"] = unique
            answered = call_to(sink, "POST", "/v2.1/track", json.dumps(events))
            if answered.status == 503:
                break
            assert answered.status == 200
            acknowledged += names
        else:
            pytest.fail("it took everything")
        assert call_to(sink, "POST", "/v2.1/track", json.dumps(events)).status == 503
    with LocalSink(database=str(file)) as again:
        rows = again.query("customEvents | project id = tostring(customDimensions.event_id)")
    assert [row["id"] for row in rows] == acknowledged


def test_a_killed_sinks_file_can_be_asked_without_it(
    tmp_path: Path, envelope: Callable[..., dict[str, Any]], call_to: Callable[..., Any]
) -> None:
    from afterword_sink.store import Store

    file = str(tmp_path / "events.duckdb")
    sink = LocalSink(database=file)
    sink.start()
    assert call_to(sink, "POST", "/v2.1/track", json.dumps([envelope("a")])).status == 200
    sink.kill()
    store = Store(file, "app", read_only=True)
    with store.reading() as connection:
        assert connection.execute('SELECT count(*) FROM "customEvents"').fetchall() == [(1,)]
    store.close()
