"""A hundred commands in ten seconds: how many uploads that makes, and whether all events leave."""

import os
import time
from typing import Any

from environments import python_of
from stage import Stage, waiting

COMMANDS, SECONDS = 100, 10.0


def measure(stage: Stage) -> dict[str, Any]:
    """Uploaders started, connections and requests they made, and where the events are then."""
    server = stage.server("fast")
    home = stage.home(agreed=True)
    tally = os.path.join(home, "tally")
    variables = {
        "BENCH_TELEMETRY_CONNECTION_STRING": server.connection_string,
        "BENCH_TELEMETRY_TALLY": tally,
    }
    command = (python_of("afterword"), "-c", "import ours; ours.command()")
    before = len(server.requests())
    marks = [stage.mark() for _ in range(COMMANDS)]
    pids, started = [], time.perf_counter()
    for number, mark in enumerate(marks):
        while (left := started + number * SECONDS / COMMANDS - time.perf_counter()) > 0:
            time.sleep(left)
        pids.append(stage.family.start(command, stage.environment(home, variables, mark=mark)))
        os.waitpid(pids[-1], 0)
    took = time.perf_counter() - started
    background = stage.family.end_background(60)
    requests = server.requests()[before:]
    return {
        "commands": COMMANDS,
        "seconds": round(took, 2),
        "uploaders": sum(1 for _ in open(tally)),
        "uploads": len({request["client"] for request in requests}),
        "requests": len(requests),
        "events_a_request": [len(request["marks"]) for request in requests],
        "arrived": len(server.marks().intersection(marks)),
        "waiting": sum(1 for _ in waiting(home)),
        "background_cpu": background.cpu,
        "done_after": round(background.seconds, 2),
    }
