"""The startup path: what recording one event and starting the uploader adds to a command.

Ours and the floor start the same child here, `python -c pass`, so that the comparison is of the
two parents alone. All in one environment, which holds the engine. All of them end as Python
programs end, by the interpreter's own teardown.
"""

from typing import Any

from environments import python_of
from processes import ProgramError, Run
from rounds import Trial, added, alternate, cpu, summary, wall
from stage import Stage, connection_string, waiting

BASELINE = "pass"
_WARM_UP = 3
_CODE = {BASELINE: "pass", "floor": "import floor"}
_OURS = "import ours; ours.command()"
_PERSONS = {"ours": True, "ours, turned off": False, "ours, not asked yet": None}
"""Ours, and what its person has said."""


def measure(stage: Stage, rounds: int) -> dict[str, Any]:
    """Milliseconds of each: `{name: {wall, cpu, added, added_cpu, background_processes}}`."""
    homes = {name: stage.home() for name in _CODE}
    homes |= {name: stage.home(agreed=agreed) for name, agreed in _PERSONS.items()}
    runs = alternate(
        {name: _trial(stage, _CODE.get(name, _OURS), home) for name, home in homes.items()},
        rounds,
        warm_up=_WARM_UP,
    )
    recorded = sum(1 for _ in waiting(homes["ours"]))
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
