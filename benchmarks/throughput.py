"""Throughput: recording by a hundred processes at once, and uploading a hundred thousand events.

Recording is compared with bare appends of a ready line (open, write, close: each command is a
process of its own and has nothing open), with the same under a lock, and with the same event made
and appended by hand. Uploading, by each exporter of ours, is compared with the bare official
exporter, which reads the same events from a file and sends the same batches to the same sink.

Nothing here holds the events in memory: a process that we start counts as large as we were.
"""

import os
import re
import shutil
import statistics
import time
from collections.abc import Iterator
from typing import Any

from environments import python_of
from processes import own_peak
from rounds import summary
from stage import PROGRAMS, WIRES, Stage, python_for, telemetry_folder, waiting, wire

from afterword_sink import LocalSink

_CAP = str(10**10)  # bytes that may wait: what is measured here is not the cap
_KINDS = ("ours", "bare append", "locked append", "by hand")
_BARE = "bare exporter"
_MARK = re.compile(r'"mark":(\d+)')


def record(stage: Stage, *, processes: int, each: int, turns: int) -> dict[str, Any]:
    """Events a second when `processes` record `each` events at once, and how many were lost."""
    rates: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    lost = 0
    for _ in range(turns):
        for kind in _KINDS:
            home = stage.home(agreed=True)
            rates[kind].append(processes * each / _record(stage, home, kind, processes, each))
            if kind == "ours":
                lost += processes * each - len(set(_marks(home)))
            shutil.rmtree(home)
    middle = {kind: statistics.median(values) for kind, values in rates.items()}
    return {
        "processes": processes,
        "each": each,
        "rates": {kind: summary(values) for kind, values in rates.items()},
        "ratio": middle["ours"] / middle["bare append"],
        "ratio_locked": middle["ours"] / middle["locked append"],
        "lost": lost,
    }


def upload(stage: Stage, count: int, *, turns: int) -> dict[str, Any]:
    """Events a second and MB when `count` wait, by each exporter of ours and by the bare one."""
    home = stage.home(agreed=True)
    _record(stage, home, "ours", 1, count)
    folder = telemetry_folder(home)
    copy = os.path.join(home, "events.jsonl")
    os.rename(os.path.join(folder, "telemetry-events.jsonl"), copy)
    seconds: dict[str, list[float]] = {name: [] for name in (*WIRES, _BARE)}
    peak: dict[str, int] = {}
    lost = 0
    with LocalSink() as sink:
        stage.family.spare_the_living()
        bare = (os.path.join(PROGRAMS, "bare_export.py"), copy)
        ours = ("-P", "-c", "import ours; ours.upload()")
        for _ in range(turns):
            for name, took in seconds.items():
                variables = {"BENCH_CONNECTION_STRING": sink.connection_string}
                if name != _BARE:
                    variables = wire(name, sink.endpoint) | {"BENCH_TELEMETRY_CAP": _CAP}
                    shutil.copy(copy, os.path.join(folder, "telemetry-events.000001.jsonl"))
                sink.clear()
                command = (python_for(name), *(bare if name == _BARE else ours))
                run = stage.family.run(command, stage.environment(home, variables), cap=300)
                took.append(run.seconds)
                peak[name] = max(peak.get(name, 0), run.peak)
                lost += count - sink.stats()["accepted"]
    return {
        "events": count,
        "rates": {name: summary([count / one for one in of]) for name, of in seconds.items()},
        "ratios": {
            name: statistics.median(seconds[_BARE]) / statistics.median(seconds[name])
            for name in WIRES
        },
        "peak_mb": {
            name: round(size / 1e6, 1) if size > own_peak() else None for name, size in peak.items()
        },
        "lost": lost,
    }


def _record(stage: Stage, home: str, kind: str, processes: int, each: int) -> float:
    """Seconds from the opening of the gate to the end of the last process."""
    ready, say_ready = os.pipe()
    gate, opener = os.pipe()
    os.set_inheritable(say_ready, True)
    os.set_inheritable(gate, True)
    script = os.path.join(PROGRAMS, "recorder.py")
    for number in range(processes):
        arguments = (kind, str(each), str(number * each), str(say_ready), str(gate))
        environment = stage.environment(home, {"BENCH_TELEMETRY_CAP": _CAP})
        stage.family.start((python_of("afterword"), script, *arguments), environment)
    os.close(say_ready)
    os.close(gate)
    for _ in range(processes):
        if not os.read(ready, 1):
            raise RuntimeError("a recorder did not start")
    started = time.perf_counter()
    os.close(opener)
    stage.family.end_background(300)
    took = time.perf_counter() - started
    os.close(ready)
    return took


def _marks(home: str) -> Iterator[int]:
    """The marks of the events that wait."""
    for line in waiting(home):
        if mark := _MARK.search(line):
            yield int(mark[1])
