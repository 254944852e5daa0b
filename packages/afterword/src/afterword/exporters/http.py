"""One host over HTTP/1.1: the one place that opens a socket for the exporters.

A POST and its answer, nothing else: TLS verified, the connection kept over a run, no redirect, no
cookie, no `.netrc`, the headers we publish and no others, an answer read to a bound. The way to the
host is the person's: their proxy, their certificate authorities.
"""

import contextlib
import io
import re
import socket
import ssl
import struct
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from select import select
from urllib.parse import urlsplit

from afterword.errors import in_words
from afterword.exporters.bounded import BoundedResponse, EndlessAnswerError
from afterword.exporters.proxy import ProxyError, is_loopback, proxy_for
from afterword.exporters.trust import TrustError, trusting
from afterword.version import __version__

MOST_ANSWER = 256 * 1024
"""Bytes of an answer that are read. A receipt for 100 events takes 15 KB; parsed, JSON can take
twenty times its size."""

WORTH_PACKING = 1400
"""Bytes. A body that fits one packet is sent as it is."""

USER_AGENT = f"afterword/{__version__}"

_FIXED = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # a packed answer could unfold to anything
    "Content-Type": "application/json",
    "User-Agent": USER_AGENT,
}
_AT_ONCE = struct.pack("ii", 1, 0)
_WORDS: dict[type[BaseException], str] = {  # of classes that are others' children, the child first
    EndlessAnswerError: "it had no end",
    ssl.SSLCertVerificationError: "the certificate is not trusted",
    ssl.SSLError: "no secure connection could be made",
    socket.gaierror: "the name was not found",
    TimeoutError: "nothing came in time",
    ConnectionRefusedError: "the connection was refused",
    ConnectionError: "the connection was closed",
    IncompleteRead: "it was cut short",
    HTTPException: "it was no HTTP",
    ValueError: "it was no HTTP",
    AttributeError: "the connection was closed",  # by another thread
}
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")


class NoAnswerError(Exception):
    """No answer came that could be read.

    Args:
        why: for `status`; names no address.
        retry: may another attempt within this run help?
    """

    def __init__(self, why: str, *, retry: bool = True) -> None:
        super().__init__(why)
        self.retry = retry


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request.

    `headers`: by their names in lower case. `body`: at most MOST_ANSWER bytes and one more; `whole`
    says whether that was all of it. `at`: when it came, in seconds since 1970 by our clock.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True
    size: int = 0
    at: float = 0.0

    @property
    def retry_after(self) -> float | None:
        """Seconds, from either form of RFC 9110, section 10.2.3; None if absent or unreadable."""
        said = self.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdecimal():
            return float(said)
        until = _moment(said)
        return None if until is None else max(0.0, until - self.at)

    @property
    def clock_ahead(self) -> float | None:
        """Seconds by which the service's clock is ahead of ours, by its `Date`; None if unsaid."""
        said = _moment(self.headers.get("date", ""))
        return None if said is None else said - self.at


class Host:
    """One host to which requests are posted, over one connection as long as it lasts.

    Args:
        url: `https://host[:port][/prefix]`, or `http` for a loopback address.
        headers: sent with each request, beside the fixed ones.
        silence: seconds of waiting for the next bytes to go or to come.
        environment: the person's settings; None for those of the process and the system.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        silence: float,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        split = urlsplit(url)
        self._secure = split.scheme == "https"
        self._host = split.hostname or ""
        self._port = split.port or (443 if self._secure else 80)
        self._prefix = split.path.rstrip("/")
        self._headers = _FIXED | dict(headers or {})
        self._silence = silence
        self._environment = environment
        self._clock = clock
        self._context: ssl.SSLContext | None = None
        self._connection: HTTPConnection | None = None
        self._tunnelled = False
        self._busy = False

    def post(self, path: str, body: bytes, *, pack: bool = True) -> Reply:
        """Post a body, once, and read the answer to its bound.

        Args:
            path: below the URL's own path.
            body: JSON.
            pack: send it with gzip where it is long enough to gain by that.

        Raises:
            NoAnswerError: there was none that could be read; the connection is closed.
        """
        headers = self._headers
        if pack and len(body) > WORTH_PACKING:
            body = _packed(body)
            headers = headers | {"Content-Encoding": "gzip"}
        try:
            return self._post(self._prefix + path, body, headers)
        except NoAnswerError:
            self.close()
            raise
        except (OSError, HTTPException, ValueError, AttributeError) as error:
            # AttributeError: closed by another thread in the middle of it.
            self.close()
            raise NoAnswerError(f"no answer: {_in_words(error)}") from error

    def close(self) -> None:
        """Close the connection. Whoever hangs in it, in another thread, comes back at once.

        Of a request that is under way nothing more leaves, not even what the system has in hand.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        sock = connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                if self._busy:  # with a reset, not with an orderly end (socket(7), SO_LINGER)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                sock.shutdown(socket.SHUT_RDWR)
            if sys.platform == "win32":  # there only the closing ends another thread's wait
                with contextlib.suppress(OSError):
                    socket.close(sock.detach())
        with contextlib.suppress(OSError):
            connection.close()

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        connection = self._connected()
        self._busy = True
        if self._connection is not connection:
            raise NoAnswerError("closed before it was sent", retry=False)
        connection.putrequest("POST", path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        # Who refuses a body before it is through answers and hangs up: the answer counts. As a
        # file it is sent in pieces, and the time limit is for each.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders(io.BytesIO(body))
        response = connection.getresponse()
        answer = response.read(MOST_ANSWER + 1)
        self._busy = False
        whole = len(answer) <= MOST_ANSWER
        if whole and _is_cut(response):
            raise NoAnswerError("no answer: it was cut short")
        reply = Reply(
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            answer[:MOST_ANSWER],
            whole=whole,
            size=len(body),
            at=self._clock(),
        )
        if not whole or response.status < 200 or not response.isclosed():  # noqa: PLR2004  # RFC 9110: 1xx is not the end
            self.close()
        return reply

    def _connected(self) -> HTTPConnection:
        """The connection; a new one where there is none, or the other side has hung up."""
        connection = self._connection
        if connection is not None and connection.sock is not None and _is_alive(connection.sock):
            return connection
        self.close()
        connection = self._connection = self._made()
        connection.response_class = BoundedResponse
        connection.connect()
        if self._connection is not connection:  # closed meanwhile, when there was nothing to cut
            connection.close()
            raise NoAnswerError("closed", retry=False)
        if not self._secure and not is_loopback(connection.sock.getpeername()[0]):
            why = "the endpoint's name leads to another machine, and is not https"
            raise NoAnswerError(why, retry=False)
        return connection

    def _made(self) -> HTTPConnection:
        if f".{self._host}".rstrip(".").endswith(".invalid"):  # RFC 6761, section 6.4
            why = "the endpoint's name ends in .invalid: there is no such host"
            raise NoAnswerError(why, retry=False)
        if not self._secure:
            return HTTPConnection(self._host, self._port, timeout=self._silence)
        try:
            proxy = proxy_for(self._host, self._port, self._environment)
            self._context = self._context or trusting(self._environment)
        except (ProxyError, TrustError) as error:
            raise NoAnswerError(str(error), retry=False) from None
        way = (self._host, self._port) if proxy is None else (proxy.host, proxy.port)
        connection = HTTPSConnection(*way, timeout=self._silence, context=self._context)
        if proxy is not None:
            connection.set_tunnel(self._host, self._port, dict(proxy.headers))
        return connection


def _packed(body: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31)  # gzip, without a time or a name in its head
    return packer.compress(body) + packer.flush()


def _is_alive(sock: socket.socket) -> bool:
    """Has the other side neither hung up nor said something unasked?"""
    try:
        return not select([sock], [], [], 0)[0]
    except (OSError, ValueError):
        return False


def _is_cut(response: HTTPResponse) -> bool:
    """Did the connection end before the length that was announced?"""
    return bool(response.length)


def _moment(said: str) -> float | None:
    try:
        return parsedate_to_datetime(said).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _in_words(error: BaseException) -> str:
    """A failure in plain words, without an address."""
    tunnel = _TUNNEL.match(str(error))
    if tunnel is not None:
        return f"the proxy answered {tunnel[1]}"
    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words
    return in_words(error)
