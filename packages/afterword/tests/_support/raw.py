"""A server that says what a test tells it, byte for byte: what no library would answer."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import BinaryIO, Self, cast

Say = Callable[["Asked", BinaryIO], object]
"""Writes the answer to one request."""


class Asked:
    """One request as it came."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.line, *lines = head.decode("latin-1").split("\r\n")
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        self.body = body


class RawServer:
    """Accepts connections on loopback and answers each request by `say`.

    Args:
        say: writes the answer; the connection is kept unless it returns "close".
        context: speak TLS with it.
        read_body: read the request's body before answering.
    """

    def __init__(
        self, say: Say, *, context: ssl.SSLContext | None = None, read_body: bool = True
    ) -> None:
        self._say = say
        self._context = context
        self._read_body = read_body
        self.asked: list[Asked] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(accepted)
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._context is not None:
                accepted = self._context.wrap_socket(accepted, server_side=True)
            with accepted, cast("BinaryIO", accepted.makefile("rwb")) as stream:
                while (asked := self._read(stream)) is not None:
                    self.asked.append(asked)
                    end = self._say(asked, stream)
                    stream.flush()
                    if end == "close":
                        return

    def _read(self, stream: BinaryIO) -> Asked | None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return None
            head += line
        asked = Asked(head[:-4], b"")
        if self._read_body:
            length = int(asked.headers.get("content-length", 0))
            asked.body = stream.read(length)
        return asked


def answer(status: str, body: bytes, *headers: str) -> Say:
    """An ordinary answer, with its length."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])

    def say(_asked: Asked, stream: BinaryIO) -> None:
        stream.write(head.encode() + b"\r\n\r\n" + body)

    return say
