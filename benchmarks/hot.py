"""The hot path: what recording one event and starting the uploader adds to a command.

Ours and the floor start the same child here, `python -c pass`, so that the comparison is of the
two parents alone. All in one environment, which holds the engine and its exporter. What ends by
`os._exit` or `telemetry.exit` saves taking the interpreter apart, which `pass` does not: so it may
cost less than nothing. The demands are on the usual end.
"""

from typing import Any

from environments import python_of
from processes import ProgramError, Run
from rounds import Trial, added, alternate, cpu, summary, wall
from stage import Stage, connection_string, waiting

BASELINE = "pass"
_WARM_UP = 3


def measure(stage: Stage, rounds: int) -> dict[str, Any]:
    """Milliseconds of each: `{name: {wall, cpu, added, added_cpu, background_processes}}`."""
    homes = {
        BASELINE: stage.home(),
        "floor": stage.home(),
        "floor, os._exit()": stage.home(),
        "ours": stage.home(agreed=True),
        "ours, telemetry.exit()": stage.home(agreed=True),
        "ours, turned off": stage.home(agreed=False),
        "ours, not asked yet": stage.home(),
    }
    code = {
        BASELINE: "pass",
        "floor": "import floor",
        "floor, os._exit()": "import floor, os; os._exit(0)",
        "ours, telemetry.exit()": "import ours; ours.command(); ours.telemetry.exit()",
    }
    runs = alternate(
        {
            name: _trial(stage, code.get(name, "import ours; ours.command()"), home)
            for name, home in homes.items()
        },
        rounds,
        warm_up=_WARM_UP,
    )
    for name in ("ours", "ours, telemetry.exit()"):
        recorded = sum(1 for _ in waiting(homes[name]))
        if recorded != _WARM_UP + rounds:
            raise ProgramError(f"{_WARM_UP + rounds} commands recorded {recorded} events")
    base = runs[BASELINE]
    return {
        name: {
            "wall": summary(wall(of)),
            "cpu": summary(cpu(of)),
            "added": added(wall(of), wall(base)),
            "added_cpu": added(cpu(of), cpu(base)),
            "background_processes": max(run.background.processes for run in of),
        }
        for name, of in runs.items()
    }


def _trial(stage: Stage, code: str, home: str) -> Trial:
    variables = {
        "BENCH_CHILD": "pass",
        "BENCH_TELEMETRY_CONNECTION_STRING": connection_string("http://127.0.0.1:9"),
    }
    command = (python_of("afterword"), "-c", code)

    def run() -> Run:
        return stage.family.run(command, stage.environment(home, variables))

    return run
