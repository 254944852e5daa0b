"""The background: what an uploader costs in CPU and memory, with and without work.

The uploader runs as a command starts it (it detaches itself, and we follow it), with nothing to do
and with one event for each exporter, beside `python -c pass` and beside the bare exporter, which
sends the same one event and is nothing but the import and the request. Whether a command starts one
at all is asked too.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

from environments import python_of
from processes import Run
from rounds import Trial, alternate, summary
from stage import PROGRAMS, WIRES, Server, Stage, python_for, telemetry_folder, waiting, wire

from afterword.folder import DataFolder
from afterword.state.lockfile import FileLock
from afterword.upload import status

IDLE = ("nothing to do", "another at work", "cooling down")
ONE_EVENT = {f"one event, {name}": name for name in WIRES}


def measure(stage: Stage, rounds: int, *, warm_up: int) -> dict[str, Any]:
    """For each situation CPU and wall in milliseconds, memory in MB, and what a command starts."""
    server = stage.server("fast")
    home = stage.home()
    lines = os.path.join(home, "events.jsonl")
    _record(stage, lent := stage.home(agreed=True), server)
    with open(lines, "w") as file:
        file.writelines(waiting(lent))
    bare = (python_for("bare exporter"), os.path.join(PROGRAMS, "bare_export.py"), lines)
    where = {"BENCH_CONNECTION_STRING": server.connection_string}
    runs = alternate(
        {
            "pass": lambda: stage.family.run(
                (python_of("afterword"), "-c", "pass"), stage.environment(home)
            ),
            **{name: _trial(stage, name, server) for name in (*IDLE, *ONE_EVENT)},
            "bare exporter, one event": lambda: stage.family.run(
                bare, stage.environment(home, where)
            ),
        },
        rounds,
        warm_up=warm_up,
    )
    found: dict[str, Any] = {
        name: {
            "cpu": summary([(run.cpu + run.background.cpu) * 1000 for run in of]),
            "wall": summary([(run.seconds + run.background.seconds) * 1000 for run in of]),
            "peak_mb": summary([run.background.peak / 1e6 for run in of]),
        }
        for name, of in runs.items()
    }
    for name in IDLE[1:]:
        found[name]["started_by_a_command"] = _starts(stage, name, server)
    return found


def _trial(stage: Stage, situation: str, server: Server) -> Trial:
    home = stage.home(agreed=True)
    name = ONE_EVENT.get(situation, "azure")
    uploader = (python_for(name), "-P", "-c", "import ours; ours.upload()")
    variables = {
        **wire(name, server.endpoint),
        "BENCH_TELEMETRY_UPLOAD": "1",
    }

    def run() -> Run:
        if situation != "nothing to do" and not any(waiting(home)):
            _record(stage, home, server)
        with _situation(situation, home):
            return stage.family.run(uploader, stage.environment(home, variables))

    return run


def _record(stage: Stage, home: str, server: Server, tally: str = "") -> None:
    """Record one event; with a tally, start the uploader too."""
    variables = {"BENCH_TELEMETRY_CONNECTION_STRING": server.connection_string}
    variables |= {"BENCH_TELEMETRY_TALLY": tally} if tally else {"BENCH_TELEMETRY_UPLOAD": "1"}
    stage.family.run(
        (python_of("afterword"), "-c", "import ours; ours.command()"),
        stage.environment(home, variables),
    )


def _starts(stage: Stage, situation: str, server: Server) -> int:
    """How many uploaders a command starts in this situation."""
    home = stage.home(agreed=True)
    _record(stage, home, server)
    tally = os.path.join(home, "tally")
    with _situation(situation, home):
        _record(stage, home, server, tally)
    return sum(1 for _ in open(tally)) if os.path.exists(tally) else 0


@contextlib.contextmanager
def _situation(name: str, home: str) -> Iterator[None]:
    folder = DataFolder(telemetry_folder(home))
    if name == "another at work":
        lock = FileLock(folder.upload_lock)
        assert lock.acquire()
        try:
            yield
        finally:
            lock.release()
        return
    if name == "cooling down":
        later = time.time() + 3600
        failed = status.Status(at=time.time(), error="503", failures=7, next_at=later)
        status.save(folder.upload_status, failed)
    yield
