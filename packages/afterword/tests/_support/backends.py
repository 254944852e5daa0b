"""Where events arrive, whatever the wire: what stands there, as text, and a front that fails."""

import contextlib
import http.client
import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, Self

from support import KEY, of_otlp, wait_until

from afterword_sink import LocalSink

Properties = dict[str, str]

ROOT = Path(__file__).parents[4]
COLLECTOR = ROOT / ".cache/collector/collector"

_CONFIGURATION = """
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:{port}
exporters:
  file:
    path: {path}
    format: json
    flush_interval: 50ms
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    logs:
      receivers: [otlp]
      exporters: [file]
"""


class Backend(Protocol):
    """A service that keeps what it was sent."""

    endpoint: str

    def events(self) -> list[Properties]:
        """The properties of every event that arrived, as text."""


class Sink:
    """The sink: a row of its table is an event."""

    def __init__(self, sink: LocalSink) -> None:
        self._sink = sink
        self.endpoint = sink.endpoint.rstrip("/")

    def events(self) -> list[Properties]:
        return [dict(event["customDimensions"]) for event in self._sink.events()]


class Collector:
    """A real OpenTelemetry Collector that writes what it receives to a file."""

    def __init__(self, folder: Path, port: int) -> None:
        self._path = folder / "received.json"
        configuration = folder / "collector.yaml"
        configuration.write_text(_CONFIGURATION.format(port=port, path=self._path))
        self._log = (folder / "collector.log").open("w")
        self._process = subprocess.Popen(
            [COLLECTOR, "--config", configuration], stdout=self._log, stderr=self._log
        )
        self.endpoint = f"http://127.0.0.1:{port}"
        wait_until(self._is_up)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()

    def events(self) -> list[Properties]:
        lines = self._path.read_text().splitlines()
        return [event for line in lines for event in of_otlp(json.loads(line))]

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "the Collector has ended"
        connection = http.client.HTTPConnection(self.endpoint.removeprefix("http://"), timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()
        return True


Fault = Callable[["Passing"], object]
"""What becomes of one request instead of being passed on."""


class Passing(http.server.BaseHTTPRequestHandler):
    """One request on its way through the front."""

    protocol_version = "HTTP/1.1"
    front: "Front"
    body = b""

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["content-length"]))
        self.front.requests += 1
        script = self.front.script
        fault = script.pop(0) if script else None
        (self.forward if fault is None else lambda: fault(self))()

    def forward(self, body: bytes | None = None) -> bytes:
        """Pass it on, or another body in its place, and the answer back; the answer's body."""
        headers = {name: self.headers[name] for name in self.headers if name != "Host"}
        headers["Content-Length"] = str(len(self.body if body is None else body))
        behind = http.client.HTTPConnection(self.front.behind, timeout=20)
        with contextlib.closing(behind):
            behind.request("POST", self.path, self.body if body is None else body, headers)
            answer = behind.getresponse()
            said = answer.read()
        self.answer(answer.status, said, answer.headers["content-type"])
        return said

    def answer(self, status: int, body: bytes, kind: str | None, **headers: str) -> None:
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Type": kind or "text/plain", **named}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang(self) -> None:
        self.front.stopping.wait(60)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Front:
    """Stands before a backend: passes requests on, or makes them fail by script."""

    def __init__(self, behind: str) -> None:
        self.behind = behind.removeprefix("http://")
        self.script: list[Fault] = []
        self.requests = 0
        self.stopping = threading.Event()
        handler = type("Handler", (Passing,), {"front": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fails(self, fault: Fault, times: int = 100) -> None:
        """Fail the next requests."""
        self.script = [fault] * times


def connection_string(wire: str, endpoint: str) -> str:
    """Where an application sends to, over `azure`, `azure_official` or `otlp`."""
    if wire == "otlp":
        return f"OtlpEndpoint={endpoint}"
    return f"InstrumentationKey={KEY};IngestionEndpoint={endpoint}"


def exporter(wire: str) -> str | None:
    """The argument of `Telemetry` that goes with it."""
    return "azure_official" if wire == "azure_official" else None


def by_id(events: Sequence[Properties]) -> dict[str, Properties]:
    """The events by their ids; each may be there once only."""
    found = {event["event_id"]: event for event in events}
    assert len(found) == len(events), "an event arrived twice"
    return found
