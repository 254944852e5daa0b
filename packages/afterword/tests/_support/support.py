"""Real parts for the engine's tests: a server that is not ours, a clock, a way to wait."""

import gzip
import http.server
import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

KEY = "00000000-0000-4000-8000-000000000001"


@dataclass
class Request:
    """One request that a server got; its body as it was before it was packed."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int = 0
    """Which of the server's connections it came over."""

    @property
    def envelopes(self) -> list[Any]:
        return list(json.loads(self.body))


@dataclass
class Answer:
    """What a server answers; `body` None: what the service says of so many items."""

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False


def taken(count: int, errors: Mapping[int, int] | None = None) -> bytes:
    """The service's body for a batch of `count` of which some failed, by index and status."""
    failed = [
        {"index": index, "statusCode": status, "message": "no"}
        for index, status in (errors or {}).items()
    ]
    said = {"itemsReceived": count, "itemsAccepted": count - len(failed), "errors": failed}
    return json.dumps(said).encode()


Script = Callable[[int, Request], Answer]


class Server:
    """A server that is not ours: plain HTTP on loopback, answering by script."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self.script: Script = lambda _number, _request: Answer()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                request = Request(
                    self.path, dict(self.headers.items()), body, self.client_address[1]
                )
                server.requests.append(request)
                answer = server.script(len(server.requests), request)
                if answer.hang:
                    server.stopping.wait()
                    self.close_connection = True
                    return
                text = taken(len(request.envelopes)) if answer.body is None else answer.body
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self.connection_string = f"InstrumentationKey={KEY};IngestionEndpoint={self.endpoint}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def events(self) -> list[dict[str, str]]:
        """The properties of every event that arrived, in order."""
        return [
            envelope["data"]["baseData"]["properties"]
            for request in self.requests
            for envelope in request.envelopes
        ]

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def needs(program: str) -> pytest.MarkDecorator:
    """Skip the test, by name, where the machine lacks a program. `.ci/run` installs them all."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def alive(pid: int) -> bool:
    """Does the process still run? One that ended and is not reaped yet does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for a condition, not for a time; fail if it does not come."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)
