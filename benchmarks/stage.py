"""What every measurement stands on: servers, homes, clean environments, a number for each run."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from environments import HERE, python_of
from processes import Family

KEY = "00000000-0000-4000-8000-000000000001"
PROGRAMS = os.path.join(HERE, "programs")
CONDITIONS = {"fast": "0", "slow": "3", "silent": "never"}
"""The server's manners, and the seconds before it answers."""


class Server:
    """A loopback server in a process of its own (`server.py`), as its user sees it."""

    def __init__(self, folder: str, condition: str) -> None:
        self.log = os.path.join(folder, f"requests-{condition}.jsonl")
        command = [sys.executable, os.path.join(HERE, "server.py"), self.log, CONDITIONS[condition]]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.connection_string = connection_string(self.endpoint)

    def requests(self) -> list[dict[str, Any]]:
        """Every request so far."""
        with open(self.log) as file:
            return [json.loads(line) for line in file]

    def marks(self) -> set[int]:
        """The numbers of the runs whose event has come."""
        return {mark for request in self.requests() for mark in request["marks"]}

    def stop(self) -> None:
        """End it."""
        self._process.communicate(timeout=10)


class Stage:
    """A temporary folder with everything in it, and the processes started from it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.family = Family(os.path.join(folder, "stderr"))
        self._numbers = itertools.count(900_001)
        self._homes = itertools.count(1)
        self._servers: dict[str, Server] = {}

    def server(self, condition: str) -> Server:
        """The server with these manners."""
        if condition not in self._servers:
            self._servers[condition] = Server(self.folder, condition)
            self.family.spare_the_living()
        return self._servers[condition]

    def stop(self) -> None:
        """End what was started and not ended yet, the servers last."""
        self.family.end_background(0.0)
        for server in self._servers.values():
            server.stop()

    def home(self, *, agreed: bool | None = None) -> str:
        """A new home folder, in which the person has said yes or no to telemetry, or nothing."""
        home = os.path.join(self.folder, f"home-{next(self._homes)}")
        os.mkdir(home)
        if agreed is not None:
            word = "on" if agreed else "off"
            self.family.run(
                (python_of("afterword"), "-c", f"import ours; ours.telemetry.turn_{word}()"),
                self.environment(home),
            )
        return home

    def environment(
        self, home: str, more: Mapping[str, str] | None = None, *, mark: int | None = None
    ) -> dict[str, str]:
        """All variables that a program gets: no CI, no DO_NOT_TRACK, nothing of this user's."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": home,
            "TMPDIR": home,
            "LANG": "C.UTF-8",
            "PYTHONPATH": PROGRAMS,
            "BENCH_MARK": str(self.mark() if mark is None else mark),
            **(more or {}),
        }

    def mark(self) -> int:
        """A number no run had."""
        return next(self._numbers)


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """A stage, taken down at the end."""
    with tempfile.TemporaryDirectory(prefix="afterword-bench-") as folder:
        here = Stage(folder)
        try:
            yield here
        finally:
            here.stop()


def connection_string(endpoint: str) -> str:
    """An Application Insights connection string for a loopback server."""
    return f"InstrumentationKey={KEY};IngestionEndpoint={endpoint}/"


WIRES = ("azure", "azure_official", "otlp")
"""The exporters of ours that send."""


def python_for(name: str) -> str:
    """The interpreter of the environment that one of the WIRES needs, or the bare exporter."""
    return python_of("afterword" if name in ("azure", "otlp") else "afterword-azure")


def wire(name: str, endpoint: str) -> dict[str, str]:
    """The variables that make `ours` send to this endpoint by one of the WIRES."""
    otlp = f"OtlpEndpoint={endpoint.rstrip('/')}"
    where = otlp if name == "otlp" else connection_string(endpoint.rstrip("/"))
    found = {"BENCH_TELEMETRY_CONNECTION_STRING": where}
    return found | ({"BENCH_TELEMETRY_EXPORTER": name} if name == "azure_official" else {})


def telemetry_folder(home: str) -> str:
    """Where `ours` keeps its files."""
    return os.path.join(home, ".local", "share", "bench")


def waiting(home: str) -> Iterator[str]:
    """The lines that wait in the buffer of `ours`, taken or not."""
    for entry in os.scandir(telemetry_folder(home)):
        if entry.name.startswith("telemetry-events."):
            with open(entry.path) as file:
                yield from (line for line in file if line.strip())
