"""Run a sink in a process of its own, for a test or a demo."""

import collections
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Self

from afterword_sink.client import SinkClient, SinkError, endpoint_of

_LINES = 50  # that are kept of what it says on stderr


class LocalSink(SinkClient):
    """A local Application Insights, started on entry and ended on exit.

        with LocalSink() as sink:
            send_to(sink.connection_string)
            assert sink.query("customEvents | count") == [{"Count": 1}]

    It runs `afterword-sink serve` as a subprocess, which ends with this process, even if killed.

    Args:
        faults: To apply from the start; `afterword_sink.faults` has the grammar.
        seed: Of the random generator behind `chance` and `share`.
        port: The port on 127.0.0.1; 0 for any that is free. A sink that was stopped and is
            started again keeps its port.
        database: A DuckDB file to keep the events in; None for memory.
        tls: A folder for a certificate, to speak https; None for http.
        any_age: Accept items that are too old or too new for the service.
        memory: How much memory tables and queries may use, as `2GB`; None for the default.
        query_seconds: How long a query may take; None for the default.
        allow_origins: Origins of web pages that may send events.
        allow_hosts: Host names to accept, besides localhost and IP addresses.
        before: Words to put before its command line, such as `["nice"]`.
        start_seconds: How long it may take to start.
        stop_seconds: How long it may take to end before it is killed.
    """

    def __init__(
        self,
        *,
        faults: Sequence[str] = (),
        seed: int = 0,
        port: int = 0,
        database: str | None = None,
        tls: str | None = None,
        any_age: bool = False,
        memory: str | None = None,
        query_seconds: float | None = None,
        allow_origins: Sequence[str] = (),
        allow_hosts: Sequence[str] = (),
        before: Sequence[str] = (),
        start_seconds: float = 20,
        stop_seconds: float = 10,
    ) -> None:
        super().__init__("", ca_file=None if tls is None else os.path.join(tls, "ca.pem"))
        self._before = list(before)
        self._port = port
        self._arguments = ["--seed", str(seed), *(["--any-age"] if any_age else [])]
        options: dict[str, Sequence[object]] = {
            "--fault": faults,
            "--allow-origin": allow_origins,
            "--allow-host": allow_hosts,
            "--database": [database],
            "--tls": [tls],
            "--memory": [memory],
            "--query-seconds": [query_seconds],
        }
        for option, values in options.items():
            for value in values:
                if value is not None:
                    self._arguments += [option, str(value)]
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._listening: threading.Thread | None = None
        self._said: collections.deque[str] = collections.deque(maxlen=_LINES)
        self.connection_string = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on, or last listened on."""
        return self._port

    @property
    def pid(self) -> int | None:
        """The id of its process; None if it is not running."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it and wait until it listens. Does nothing if it is running.

        Raises:
            SinkError: It did not start; the message contains its output.
        """
        if self._process is not None:
            return
        command = [
            *self._before,
            sys.executable,
            "-m",
            "afterword_sink",
            "serve",
            "--until-stdin-closes",
        ]
        command += ["--port", str(self._port), *self._arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._said.clear()
        # Read all the time: a process blocks when nobody reads its stderr and the pipe is full.
        self._listening = threading.Thread(
            target=_listen, args=(self._process.stderr, self._said), daemon=True
        )
        self._listening.start()
        line = self._first_line(self._process)
        if not line:
            said = self._end()
            raise SinkError(f"the sink did not start: {said or 'it said nothing in time'}")
        self.connection_string = line
        self.endpoint = endpoint_of(line)
        self._port = int(self.endpoint.rstrip("/").rpartition(":")[2])

    def stop(self) -> None:
        """Stop it and wait until it has ended. Does nothing if it is not running."""
        self._end()

    def kill(self) -> None:
        """Kill it as `kill -9` does, and wait until it has ended."""
        if self._process is not None:
            self._process.kill()
        self._end()

    def _first_line(self, process: subprocess.Popen[bytes]) -> str:
        """The first line it prints; empty if it ends before or takes too long."""
        output, lines = process.stdout, queue.SimpleQueue[bytes]()
        if output is None:
            return ""
        threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
        try:
            return lines.get(timeout=self._start_seconds).decode().strip()
        except queue.Empty:
            return ""

    def _end(self) -> str:
        """End the process, by force if needed; return its last lines on stderr."""
        process, self._process = self._process, None
        if process is None:
            return ""
        if process.stdin is not None:
            process.stdin.close()  # which ends it on every system
        try:
            process.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._listening is not None:
            self._listening.join()
        if process.stdout is not None:
            process.stdout.close()
        return "\n".join(self._said)


def _listen(stream: IO[bytes] | None, said: collections.deque[str]) -> None:
    """Keep the last lines of a stream until it ends."""
    if stream is not None:
        with stream:
            said.extend(line.decode(errors="replace").rstrip() for line in stream)
