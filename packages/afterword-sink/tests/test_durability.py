"""`--database`: what was answered with success is in the file after kill -9 at any moment."""

import contextlib
import http.client
import json
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
