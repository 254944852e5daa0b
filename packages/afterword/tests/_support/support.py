"""Real parts for the engine's tests: a server that is not ours, a clock, a way to wait."""

import gzip
import http.server
import json
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
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

    @property
    def is_otlp(self) -> bool:
        return self.path.endswith("/v1/logs")

    def events(self) -> list[dict[str, str]]:
        """The properties of every event in it, as text."""
        if self.is_otlp:
            return of_otlp(json.loads(self.body))
        return [envelope["data"]["baseData"]["properties"] for envelope in self.envelopes]


def of_otlp(request: dict[str, Any]) -> list[dict[str, str]]:
    """The attributes of each log record of an OTLP request, as text."""

    def text(value: dict[str, object]) -> str:
        ((kind, held),) = value.items()
        return str(bool(held)) if kind == "boolValue" else str(held)

    return [
        {one["key"]: text(one["value"]) for one in record["attributes"]}
        for resource in request["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]


@dataclass
class Answer:
    """What a server answers; `body` None: what the service says of so many items."""

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    endless: bytes = b""
    """Sent again and again after the body, until the client has had enough."""
    pace: float = 0.0
    """Seconds between two bytes of the last dozen of the body."""


def taken(count: int, errors: Mapping[int, int] | None = None) -> bytes:
    """The service's body for a batch of `count` of which some failed, by index and status."""
    failed = [
        {"index": index, "statusCode": status, "message": "no"}
        for index, status in (errors or {}).items()
    ]
    said = {"itemsReceived": count, "itemsAccepted": count - len(failed), "errors": failed}
    return json.dumps(said).encode()


Script = Callable[[int, Request], Answer]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: "Server"

    def do_POST(self) -> None:
        body = self.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        request = Request(self.path, dict(self.headers.items()), body, self.client_address[1])
        self.owner.requests.append(request)
        answer = self.owner.script(len(self.owner.requests), request)
        if answer.hang:
            self.owner.stopping.wait()
            self.close_connection = True
            return
        text = answer.body
        if text is None:
            text = b"{}" if request.is_otlp else taken(len(request.envelopes))
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if not answer.endless:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.write(text, answer)

    def read(self, length: int) -> bytes:
        """The body, at the server's rate.

        A client that hangs up meanwhile is not noticed, as what it has sent lies in the
        kernel's buffers: a copy for nothing.
        """
        if self.owner.rate is None:
            return self.rfile.read(length)
        body = b""
        while len(body) < length and not self.owner.stopping.is_set():
            time.sleep(0.02)
            body += self.rfile.read(min(int(self.owner.rate * 0.02) + 1, length - len(body)))
        return body

    def write(self, text: bytes, answer: Answer) -> None:
        """The answer's body, the last dozen bytes at its pace."""
        slow = 12 if answer.pace else 0
        self.wfile.write(text[: len(text) - slow])
        for one in text[len(text) - slow :]:
            self.wfile.write(bytes([one]))
            time.sleep(answer.pace)
        while answer.endless and not self.owner.stopping.is_set():
            self.wfile.write(answer.endless)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Say nothing."""


class Server:
    """A server that is not ours: plain HTTP on loopback, answering by script.

    `rate`: bytes of a body that it reads in a second; None: as fast as it can.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.rate: float | None = None
        self.stopping = threading.Event()
        self.script: Script = lambda _number, _request: Answer()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self.connection_string = f"InstrumentationKey={KEY};IngestionEndpoint={self.endpoint}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def events(self) -> list[dict[str, str]]:
        """The properties of every event that arrived, in order."""
        return [event for request in self.requests for event in request.events()]

    def copies(self) -> Counter[str]:
        """How often each event came, by its id: whatever was answered."""
        return Counter(event["event_id"] for event in self.events())

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def as_sent(lines: Iterable[bytes]) -> dict[str, dict[str, str]]:
    """What lines of the buffer are to look like at the service: their properties, by `event_id`.

    Written anew here, by the documentation and not by the product.
    """
    found = {}
    for line in lines:
        if not line.strip():
            continue
        properties = {
            "version" if key.endswith("Version") else _snake(key): _text(value)
            for key, value in json.loads(line).items()
            if key != "eventType"
        }
        found[properties["event_id"]] = properties
    return found


def _snake(key: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in key)


def _text(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def users_environment(**more: str) -> dict[str, str]:
    """The variables of a user's shell: the test's own, without what says that it is a test."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if "PYTEST" not in name and name != "AFTERWORD_TESTING"
    }
    return kept | more


def needs(program: str) -> pytest.MarkDecorator:
    """Skip the test, by name, where the machine lacks a program. `.ci/run` installs them all."""
    if sys.platform == "win32":
        return pytest.mark.posix(program)
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
