"""Run a sink in this process until it is told to stop."""

import asyncio
import socket
import sys
import threading
from dataclasses import dataclass
from types import FrameType

import uvicorn

from afterword.sink.app import Sink
from afterword.sink.store import Store

HOST = "127.0.0.1"  # loopback, and nothing else
# One key for every sink: a constant says more plainly than a random one that it opens nothing.
INSTRUMENTATION_KEY = "00000000-0000-4000-8000-000000000001"
APP_ID = "00000000-0000-4000-8000-000000000002"


class PortTakenError(Exception):
    """Something else listens on that port."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a sink.

    Attributes:
        port: The port on 127.0.0.1; 0 for any that is free.
        database: A DuckDB file; `:memory:` for none.
        until_stdin_closes: Stop when standard input ends, so that it ends with its parent.
    """

    port: int = 0
    database: str = ":memory:"
    until_stdin_closes: bool = False


def connection_string(port: int) -> str:
    """What a client is given to send to the sink on that port."""
    return f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint=http://{HOST}:{port}/"


def run(options: Options) -> None:
    """Listen, print the connection string as the first line on stdout, serve until told to stop.

    SIGINT and SIGTERM end it; requests being answered are finished first, but not waited for
    longer than a second.

    Raises:
        PortTakenError: The port is in use.
        DatabaseError: The database file cannot be used.
    """
    listener = _listen(options.port)
    store = Store(options.database, APP_ID)
    try:
        sink = Sink(store, app_id=APP_ID)
        config = uvicorn.Config(
            sink.app(),
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
            ws="none",
        )
        server = _Server(config, connection_string(listener.getsockname()[1]))
        if options.until_stdin_closes:
            threading.Thread(target=_wait_for_end, args=(server,), daemon=True).start()
        asyncio.run(server.serve(sockets=[listener]))
    finally:
        store.close()
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn's, but it says where it listens, and a signal to end it is no failure."""

    def __init__(self, config: uvicorn.Config, announcement: str) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._announcement, flush=True)  # noqa: T201  # the first line of its output

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # theirs
        self.should_exit = True  # uvicorn's own would raise the signal again after the end


def _listen(port: int) -> socket.socket:
    try:
        listener = socket.create_server((HOST, port), backlog=1024)
    except OSError as error:
        raise PortTakenError(f"cannot listen on {HOST}:{port}: {error.strerror}") from error
    listener.set_inheritable(False)
    return listener


def _wait_for_end(server: uvicorn.Server) -> None:
    while sys.stdin.buffer.raw.read(4096):
        pass
    server.should_exit = True
