"""A loopback server that takes any contestant's request, and answers at once, late, or never.

Run as a process of its own: `python server.py LOG SECONDS`, with `never` for no answer at all. It
prints its port, writes one JSON line for each request into LOG *before* it answers, and ends when
its standard input closes.
"""

import gzip
import http.server
import json
import re
import sys
import threading
import time
import zlib
from typing import Any

MARK = re.compile(rb"(?<![\w.])9\d{5}(?![\w.])")
"""A run's own number, which its event carries."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Any path, any method; HTTP/1.1, as all of them keep their connection."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def answer(self) -> None:
        """Note the request, wait, answer in the words of every service at once."""
        body = self._body()
        head = f"{self.path}\n{self.headers}".encode()
        self.server.note(
            {
                "time": time.time(),
                "client": self.client_address[1],
                "method": self.command,
                "path": self.path,
                "bytes": len(body),
                "marks": sorted({int(mark) for mark in MARK.findall(head + _unpacked(body))}),
            }
        )
        if self.server.wait is None:
            threading.Event().wait()
        time.sleep(self.server.wait or 0.0)
        text = _words(_unpacked(body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_POST = do_HEAD = do_PUT = answer  # noqa: N815  # names of http.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class Server(http.server.ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1.

    Args:
        log: where requests are noted.
        wait: seconds before an answer; None for never.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, log: str, wait: float | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.wait = wait
        self._log = open(log, "a")  # noqa: SIM115  # for as long as we live
        self._lock = threading.Lock()

    def note(self, request: dict[str, Any]) -> None:
        """Write a request down."""
        with self._lock:
            self._log.write(json.dumps(request) + "\n")
            self._log.flush()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was ended in the middle is nothing to speak of."""


def _unpacked(body: bytes) -> bytes:
    try:
        if body[:2] == b"\x1f\x8b":
            return gzip.decompress(body)
        if body[:1] == b"\x78":
            return zlib.decompress(body)
    except (OSError, zlib.error):
        pass
    return body


def _words(body: bytes) -> bytes:
    """What PostHog, Segment, Sentry and Application Insights each look for in an answer."""
    try:
        items = json.loads(body)
    except ValueError:
        items = [line for line in body.splitlines() if line.strip()]
    count = len(items) if isinstance(items, list) else 1
    azure = {"itemsReceived": count, "itemsAccepted": count, "errors": []}
    return json.dumps({"status": 1, "success": True, **azure}).encode()


def main() -> None:
    """Serve until standard input closes."""
    log, seconds = sys.argv[1:]
    server = Server(log, None if seconds == "never" else float(seconds))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
