"""An answer that is read to a bound, whatever part of it goes on for ever.

`http.client` bounds a line and the number of headers, but not how often a server may say `100
Continue`, how long the marks between the chunks of a body are, or what follows the last of them.
"""

import io
import socket
from http.client import HTTPException, HTTPResponse
from typing import Any

MOST_READ = 512 * 1024
"""Bytes of an answer in all, its headers and whatever stands around its body included."""


class EndlessAnswerError(HTTPException):
    """The answer went on beyond the bound."""


class BoundedResponse(HTTPResponse):
    """A response that reads at most MOST_READ bytes from its connection."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Bounded(sock.makefile("rb", buffering=0)))


class _Bounded(io.RawIOBase):
    """What comes from a connection, up to the bound."""

    def __init__(self, source: io.RawIOBase) -> None:
        self._source = source
        self._left = MOST_READ

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._source.readinto(buffer) or 0
        self._left -= count
        if self._left < 0:
            raise EndlessAnswerError
        return count

    def close(self) -> None:
        self._source.close()
        super().close()
