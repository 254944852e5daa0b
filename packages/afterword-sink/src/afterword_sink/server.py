"""Run a sink in this process until it is stopped."""

import asyncio
import functools
import os
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from afterword_sink.app import Sink
from afterword_sink.delivery import TRANSPORT
from afterword_sink.faults import Fault, Plan
from afterword_sink.ledger import Entry
from afterword_sink.listener import CA_FILE, Listener, PortTakenError
from afterword_sink.questions import Limits, Questions
from afterword_sink.store import IN_MEMORY, MEMORY, Store

# The same key for every sink: it protects nothing, and a constant shows that.
INSTRUMENTATION_KEY = "00000000-0000-4000-8000-000000000001"
APP_ID = "00000000-0000-4000-8000-000000000002"


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a sink.

    Attributes:
        listener: Where it listens.
        hosts: Host names to accept, besides IP addresses and `localhost`.
        origins: Origins of web pages that may send events.
        database: A DuckDB file; `:memory:` for none.
        any_age: Accept items that are too old or too new for the service.
        memory: How much memory DuckDB may use, as `2GB`.
        limits: Of one query.
        faults: To apply, in this order; see `faults`.
        seed: Of the random generator behind `chance` and `share`.
        log_requests: Write a line for each request on stderr.
        until_stdin_closes: Stop when standard input closes, so that it ends with its parent.
    """

    listener: Listener = field(default_factory=Listener)
    hosts: Sequence[str] = ()
    origins: Sequence[str] = ()
    database: str = IN_MEMORY
    any_age: bool = False
    memory: str = MEMORY
    limits: Limits = field(default_factory=Limits)
    faults: Sequence[Fault] = ()
    seed: int = 0
    log_requests: bool = False
    until_stdin_closes: bool = False


def connection_string(url: str) -> str:
    """The connection string of the sink at that URL.

    It names a live endpoint, since SDKs with live metrics would otherwise contact Microsoft's host.
    """
    return f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={url};LiveEndpoint={url}"


def run(options: Options) -> None:
    """Listen, print the connection string as the first line on stdout, and serve until stopped.

    SIGINT and SIGTERM stop it. Requests that are being answered get one second to finish.

    Raises:
        PortTakenError: The port is in use.
        DatabaseError: The database file cannot be used.
        MissingTlsError: TLS is wanted, and the package for it is not installed.
    """
    context = options.listener.context()
    listening = options.listener.open(options.listener.port)
    url = options.listener.url(listening.getsockname()[1])
    if not options.listener.is_loopback:
        _log("everybody who reaches this machine can read, write and delete here")
    if options.log_requests:
        _log(f"open {url} in a browser, or ask with afterword-sink query --endpoint {url} KQL")
    if options.listener.tls:
        _log(f"its certificate is signed by {os.path.join(options.listener.tls, CA_FILE)}")
    store = Store(options.database, APP_ID, memory=options.memory)
    questions = Questions(store, options.limits)
    try:
        sink = Sink(
            store,
            Plan(options.faults, options.seed),
            questions,
            app_id=APP_ID,
            key=INSTRUMENTATION_KEY,
            connection_string=connection_string,
            any_age=options.any_age,
            log=_log,
            log_request=_log_request if options.log_requests else _say_nothing,
        )
        config = uvicorn.Config(
            sink.app(hosts=options.hosts, origins=options.origins),
            http=_Protocol,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
            ws="none",
        )
        config.load()
        config.ssl = context
        server = _Server(config, sink, options.listener, connection_string(url))
        if options.until_stdin_closes:
            threading.Thread(target=_wait_for_end, args=(server,), daemon=True).start()
        asyncio.run(server.serve(sockets=[listening]))
    finally:
        questions.close()
        store.close()
        listening.close()


class _Server(uvicorn.Server):
    """uvicorn's server; it prints the connection string, and a signal is no failure for it."""

    def __init__(
        self, config: uvicorn.Config, sink: Sink, listener: Listener, announcement: str
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._sink = sink
        self._refusal: asyncio.Task[None] | None = None
        sink.delivery.refuse = self._refuse
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._announcement, flush=True)  # noqa: T201  # the first line of its output

    async def _refuse(self, seconds: float) -> None:
        """Accept no new connection for some time; existing ones stay."""
        if not self.servers:
            return
        port = self.servers[0].sockets[0].getsockname()[1]
        while self.servers:
            self.servers.pop().close()
        self._refusal = asyncio.create_task(self._listen_again(port, seconds))

    async def _listen_again(self, port: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        protocol = functools.partial(_Protocol, self.config, self.server_state, self.lifespan.state)
        loop = asyncio.get_running_loop()
        try:
            listening = self._listener.open(port)
            self.servers.append(
                await loop.create_server(protocol, sock=listening, ssl=self.config.ssl)
            )
        except PortTakenError as error:
            _log(str(error))
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._refusal is not None:
            self._refusal.cancel()
        self._sink.stop()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # theirs
        self.should_exit = True  # uvicorn's own method raises the signal again afterwards


class _Protocol(H11Protocol):
    """uvicorn's HTTP over h11, with the transport in each request's scope for `delivery`.

    h11, because it comes with uvicorn and is fast enough.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as theirs
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = transport
            await app(scope, receive, send)

        self.app = with_transport


def _log(text: str) -> None:
    print(f"afterword-sink: {text}", file=sys.stderr, flush=True)  # noqa: T201  # its terminal


def _log_request(entry: Entry) -> None:
    status = "no answer" if entry.status is None else str(entry.status)
    items = f", {entry.items} item{'s' * (entry.items != 1)}" if entry.items else ""
    fault = f" (fault: {entry.fault})" if entry.fault else ""
    at = datetime.fromtimestamp(entry.time).astimezone()
    path = entry.path if entry.path.isprintable() else ascii(entry.path)
    print(f"{at:%H:%M:%S}  {entry.method} {path}{items}: {status}{fault}", file=sys.stderr)  # noqa: T201  # its terminal


def _say_nothing(_entry: Entry) -> None:
    pass


def _wait_for_end(server: uvicorn.Server) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True
