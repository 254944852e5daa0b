"""The hot path: what recording one event and starting the uploader adds to a command.

Ours and the floor start the same child here, `python -c pass`, so that the comparison is of the
two parents alone. All in one environment, which holds the engine and its exporter.

Ours ends as its README says, by `telemetry.exit()`, which does not take the interpreter apart where
nobody would miss that; *usual end* is without that line. `pass` and the floor end as programs do;
the floor by `os._exit` stands beside, so that nobody mistakes the one saving for the other.
"""

from typing import Any

from environments import python_of
from processes import ProgramError, Run
from rounds import Trial, added, alternate, cpu, summary, wall
from stage import Stage, connection_string, waiting

BASELINE = "pass"
_WARM_UP = 3
_USUAL = "import ours; ours.command()"
_DOCUMENTED = f"{_USUAL}; ours.telemetry.exit()"
_PERSONS = {"ours": True, "ours, turned off": False, "ours, not asked yet": None}
"""Ours, and what its person has said."""


def measure(stage: Stage, rounds: int) -> dict[str, Any]:
    """Milliseconds of each: `{name: {wall, cpu, added, added_cpu, background_processes}}`."""
    homes = {
        BASELINE: stage.home(),
        "floor": stage.home(),
        "floor, os._exit()": stage.home(),
    }
    code = {
        BASELINE: "pass",
        "floor": "import floor",
        "floor, os._exit()": "import floor, os; os._exit(0)",
    }
    for name, agreed in _PERSONS.items():
        for end, program in (("", _DOCUMENTED), (", usual end", _USUAL)):
            homes[name + end], code[name + end] = stage.home(agreed=agreed), program
    runs = alternate(
        {name: _trial(stage, code[name], home) for name, home in homes.items()},
        rounds,
        warm_up=_WARM_UP,
    )
    for name in ("ours", "ours, usual end"):
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
