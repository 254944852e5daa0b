import contextlib
import gzip
import http.client
import json
import select
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stage
from stage import Server
from support import wait_until

DELAY = 0.2
Serve = Callable[[str], Server]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a server with these manners, as the measurements do; slow is a fifth of a second."""
    monkeypatch.setitem(stage.CONDITIONS, "slow", str(DELAY))
    with contextlib.ExitStack() as ending:

        def serve(condition: str) -> Server:
            server = Server(str(tmp_path), condition)
            ending.callback(server.stop)
            return server

        yield serve


@contextlib.contextmanager
def connected(server: Server) -> Iterator[http.client.HTTPConnection]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        yield connection


def said(connection: http.client.HTTPConnection) -> Any:
    return json.loads(connection.getresponse().read())


def test_fast_answers_every_service_in_its_words_on_one_connection(serve: Serve) -> None:
    server = serve("fast")
    with connected(server) as connection:
        connection.request("POST", "/v2.1/track", json.dumps([{"mark": "900001"}, {}]))
        assert said(connection) == {
            "status": 1, "success": True, "itemsReceived": 2, "itemsAccepted": 2, "errors": [],
        }  # fmt: skip
        connection.request("POST", "/batch", b'{"mark":900002}\n{"mark":900003}\n')
        assert said(connection)["itemsReceived"] == 2
        connection.request("HEAD", "/")
        assert connection.getresponse().read() == b""
    assert [request["method"] for request in server.requests()] == ["POST", "POST", "HEAD"]
    assert len({request["client"] for request in server.requests()}) == 1


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zlib.compress])
def test_marks_are_found_however_the_body_is_packed(
    serve: Serve, pack: Callable[[bytes], bytes]
) -> None:
    server = serve("fast")
    with connected(server) as connection:
        connection.request("POST", "/", pack(b'{"mark":900001,"other":1900002,"more":900003.5}'))
        said(connection)
    assert server.marks() == {900001}


def test_marks_are_found_in_the_path_the_headers_and_a_body_in_parts(serve: Serve) -> None:
    server = serve("fast")
    with connected(server) as connection:
        connection.request("GET", "/i?mark=900001", headers={"User-Agent": "mark/900002"})
        said(connection)
        parts = iter([b'{"mark":', b"900003}"])
        connection.request("POST", "/", parts, encode_chunked=True)
        said(connection)
    assert server.marks() == {900001, 900002, 900003}


def test_slow_notes_at_once_and_answers_late(serve: Serve) -> None:
    server = serve("slow")
    with connected(server) as connection:
        began = time.monotonic()
        connection.request("POST", "/", b'{"mark":900001}')
        assert said(connection)["itemsAccepted"] == 1
        assert time.monotonic() - began >= DELAY
    assert server.marks() == {900001}


def test_silent_takes_the_request_and_says_nothing(serve: Serve) -> None:
    server = serve("silent")
    with connected(server) as connection:
        connection.request("POST", "/", b'{"mark":900001}')
        wait_until(server.marks)
        assert select.select([connection.sock], [], [], DELAY)[0] == []
    assert server.marks() == {900001}


def test_it_ends_with_its_user(tmp_path: Path) -> None:
    server = Server(str(tmp_path), "silent")
    server.stop()
    assert server._process.returncode == 0
