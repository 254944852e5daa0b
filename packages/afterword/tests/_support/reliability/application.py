"""The application that these tests break: as a program of its own, and from within a test.

As a program: `application.py record CONNECTION COUNT [FIRST]` records numbered events and prints
each number once it is recorded; `application.py upload CONNECTION` is the background uploader.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from afterword import Count, Event, OneOf, Telemetry
from afterword.folder import DataFolder
from afterword.upload import status
from afterword.upload.status import Status

ALL = os.environ.get("FAULTS") == "all"
"""Every fault, in real time: `make faults`. Read before a test cleans the environment."""


class Upload(Protocol):
    """Uploads what waits; `hangs`: the server will not answer, and nobody should wait for it."""

    def __call__(self, *, hangs: bool = False) -> Status: ...


# Runs a program and prints its peak memory in kilobytes, as the kernel counts it. A small process:
# what starts another one hands its own peak down to it, and a test's is higher.
MOST_MEMORY = 100  # MB of the uploader's process; 52 are the official exporter's own
TELL_THE_PEAK = """
import os, resource, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


EVENTS = (Event("done", what=OneOf("build", "test"), number=Count()),)


def make(connection_string: str, **changed: Any) -> Telemetry:
    arguments = {"events": EVENTS, "connection_string": connection_string, "uploader": ()}
    return Telemetry("app", version="1.2.3", **(arguments | changed))


class Application:
    """The application, its folder, and what waits there."""

    def __init__(self, home: Path, connection_string: str, exporter: str | None = None) -> None:
        self.connection_string = connection_string
        self.exporter = exporter
        self.telemetry = make(connection_string, exporter=exporter)
        self.telemetry.turn_on()
        self.path = home / ".local/share/app"
        self.folder = DataFolder(str(self.path))

    def aim(self, connection_string: str) -> None:
        """Talk to another server from now on."""
        self.connection_string = self.telemetry.connection_string = connection_string

    def record(self, count: int, first: int = 0) -> list[str]:
        """Record numbered events; the ids of all that wait now."""
        for number in range(first, first + count):
            self.telemetry.record("done", what="build", number=number)
        return self.waiting()

    def record_new(self, count: int) -> list[str]:
        """Record events; the ids of these alone."""
        before = set(self.waiting())
        return [one for one in self.record(count) if one not in before]

    def files(self) -> list[Path]:
        """The buffer and what was taken of it, oldest first."""
        numbered = sorted(self.path.glob("telemetry-events.*.jsonl"))
        found = [*numbered, *self.path.glob("telemetry-events.jsonl")]
        return [path for path in found if path.is_file() and not path.is_symlink()]

    def waiting(self) -> list[str]:
        """The ids of the events on disk, oldest first; torn and foreign lines are passed over."""
        lines = [line for path in self.files() for line in path.read_bytes().split(b"\n")]
        return [one["eventId"] for line in lines if (one := _event(line))]

    @property
    def status(self) -> Status:
        """What the last upload left behind."""
        return status.load(self.folder.upload_status)

    def command(self, *arguments: str) -> list[str]:
        """The command line of the application as a program."""
        verb, *rest = arguments
        return [sys.executable, __file__, verb, self.connection_string, *rest]

    def start(
        self, *arguments: str, before: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[str]:
        """Start the application as a program."""
        return subprocess.Popen(
            [*before, *self.command(*arguments)],
            env={
                **os.environ, "PYTHONDONTWRITEBYTECODE": "1", "APP_EXPORTER": self.exporter or "",
                **environment,
            },
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(
        self, *arguments: str, before: Sequence[str] = (), seconds: float = 40, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the application as a program, to its end."""
        process = self.start(*arguments, before=before, **environment)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "eventId" in found else None


def main() -> None:
    verb, connection_string, *rest = sys.argv[1:]
    changed: dict[str, Any] = {"exporter": os.environ.get("APP_EXPORTER") or None}
    if "APP_CAP" in os.environ:
        changed["cap"] = int(os.environ["APP_CAP"])
    telemetry = make(connection_string, **changed)
    if verb == "upload":
        telemetry.run_uploader()
    count, first = int(rest[0]), int(rest[1]) if rest[1:] else 0
    for number in range(first, first + count):
        telemetry.record("done", what="build", number=number)
        with contextlib.suppress(OSError):  # injected into this call too
            os.write(1, f"{number}\n".encode())


if __name__ == "__main__":
    main()
