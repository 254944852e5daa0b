"""What the integrations add to a tool of a framework: over the framework alone, over the engine.

All in the environment of the tests, where click and Typer are. The person has agreed; the uploader
that is started is `python -c pass`, so that the parents alone are compared.
"""

import json
import os
import sys
from typing import Any

from processes import ProgramError, Run
from rounds import Trial, added, alternate, cpu, summary, wall
from stage import Stage, telemetry_folder

FRAMEWORKS = ("click", "typer", "argparse")
PARTS = ("floor", "engine", "integration")
_WARM_UP = 2


def measure(stage: Stage, rounds: int) -> dict[str, Any]:
    """Milliseconds: `{framework: {part: {cpu, added_cpu, added}}}`, added to the floor's."""
    return {name: _framework(stage, name, rounds) for name in FRAMEWORKS}


def _framework(stage: Stage, framework: str, rounds: int) -> dict[str, Any]:
    homes = {part: stage.home() for part in PARTS}
    runs = alternate(
        {part: _trial(stage, framework, part, home) for part, home in homes.items()},
        rounds,
        warm_up=_WARM_UP,
    )
    for part in PARTS[1:]:
        recorded = _recorded(homes[part])
        if recorded != _WARM_UP + rounds:
            raise ProgramError(f"{framework}, {part}: {recorded} events of {_WARM_UP + rounds}")
    floor = runs["floor"]
    return {
        part: {
            "cpu": summary(cpu(of)),
            "added_cpu": added(cpu(of), cpu(floor)),
            "added": added(wall(of), wall(floor)),
        }
        for part, of in runs.items()
    }


def _trial(stage: Stage, framework: str, part: str, home: str) -> Trial:
    command = (sys.executable, "-c", f"import tool; tool.run({framework!r}, {part!r})")
    _agree(home)

    def run() -> Run:
        return stage.family.run(command, stage.environment(home, {}))

    return run


def _agree(home: str) -> None:
    """The person has said yes, to whatever is declared."""
    folder = telemetry_folder(home)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with open(os.path.join(folder, "telemetry.json"), "w") as file:
        file.write(json.dumps({"enabled": True, "consentGiven": True}, indent=2) + "\n")


def _recorded(home: str) -> int:
    with open(os.path.join(telemetry_folder(home), "telemetry-events.jsonl")) as file:
        return sum(1 for _ in file)
