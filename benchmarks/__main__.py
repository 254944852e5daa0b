"""What telemetry costs a command: `python benchmarks` measures ours, `--peers` the others too.

    python benchmarks                 under a minute; table, results/bench.json
    python benchmarks --peers         a quarter of an hour; results/peers.json and a picture
    python benchmarks --only startup  some sections of: startup frameworks conditions
                                      background sharing recording uploading
    python benchmarks --check         exit code 1 where a demand (a ratio, never seconds) is not met
    python benchmarks --show FILE     the tables of earlier results

How it measures and what the figures mean: benchmarks/README.md.
"""

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import background
import conditions
import frameworks
import report
import sharing
import startup
import throughput
from contestants import FLOOR, OURS, PEERS
from environments import HERE, python_of
from processes import ProgramError
from stage import Stage, stage
from targets import targets


def sections(*, peers: bool) -> dict[str, Callable[[Stage], Any]]:
    """What is measured, in this order: memory first, as our own counts for what we start."""
    who = (FLOOR, OURS, *(PEERS if peers else ()))
    effort = conditions.WHOLE if peers else conditions.QUICK
    sizes = ((1_000, 5), (100_000, 3)) if peers else ((1_000, 1), (10_000, 2))
    return {
        "uploading": lambda on: [throughput.upload(on, n, turns=t) for n, t in sizes],
        "startup": lambda on: startup.measure(on, 300 if peers else 50),
        "frameworks": lambda on: frameworks.measure(on, 100 if peers else 20),
        "conditions": lambda on: conditions.measure(on, who, effort),
        "background": lambda on: background.measure(on, 11 if peers else 3, warm_up=int(peers)),
        "sharing": sharing.measure,
        "recording": lambda on: throughput.record(
            on, processes=100, each=1000 if peers else 100, turns=3 if peers else 2
        ),
    }


def main() -> int:
    """Measure, print, write; 1 where a demand was to be checked and is not met."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", action="store_true", help="all peers, and more of everything")
    parser.add_argument("--only", nargs="+", metavar="SECTION", choices=[*sections(peers=False)])
    parser.add_argument("--check", action="store_true", help="fail where a demand is not met")
    parser.add_argument("--show", metavar="FILE", help="show earlier results, measure nothing")
    asked = parser.parse_args()
    if asked.show:
        with open(asked.show) as file:
            found = json.load(file)
    else:
        try:
            found = _measure(asked.only, peers=asked.peers)
        except ProgramError as error:
            sys.exit(str(error))
        if not asked.only:
            _keep(found, "peers" if asked.peers else "bench")
    sys.stdout.write(report.text(found))
    return int(asked.check and not all(one.met for one in targets(found)))


def _measure(only: list[str] | None, *, peers: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "date": dt.datetime.now().astimezone().date().isoformat(),
        "machine": _machine(),
    }
    with stage() as on:
        for name, measure in sections(peers=peers).items():
            if only is None or name in only:
                print(f"{name} ...", file=sys.stderr, flush=True)
                found[name] = measure(on)
    if peers and "conditions" in found:
        found["sizes"] = conditions.sizes((OURS, *PEERS))
    return found


def _machine() -> dict[str, Any]:
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def _keep(found: dict[str, Any], name: str) -> None:
    """Write the results, and draw those with peers."""
    folder = os.path.join(HERE, "results")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{name}.json")
    with open(path, "w") as file:
        json.dump(found, file, indent=1)
        file.write("\n")
    print(f"written: {path}", file=sys.stderr)
    if name == "peers":
        picture = os.path.join(folder, f"{name}.svg")
        subprocess.run(
            [python_of("tools"), os.path.join(HERE, "draw.py"), path, picture], check=True
        )
        print(f"drawn: {picture}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
