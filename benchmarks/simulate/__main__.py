"""A fleet of installs against the service's limits: `python benchmarks/simulate`.

Prints the tables of docs/scale.md; `--write` puts them there, and draws its picture. Seeded: the
same engine gives the same tables.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import fleet
import scenarios
from environments import HERE, ROOT, python_of
from scenarios import Table

PAGE = os.path.join(ROOT, "docs", "scale.md")


def tables() -> Iterator[tuple[str, Table]]:
    """Every table, by the name it has on the page."""
    people = fleet.make(20_000, 3)
    load, delays = scenarios.ordinary(people)
    yield "ordinary", load
    yield "delays", delays
    fewer = fleet.make(10_000, 4)
    yield "outage", scenarios.outage(fewer)
    yield "lengths", scenarios.lengths(fewer)
    yield "weeks", scenarios.weeks(fleet.make(2_000, 45))
    yield "returning", scenarios.returning(fleet.make(600, 45, kinds={"away": 1.0}))
    yield "cap", scenarios.over_the_cap(fleet.make(2_000, 14))


def main() -> None:
    """Simulate, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="simulate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scale.md")
    write = parser.parse_args().write
    started = time.perf_counter()
    for name, table in tables():
        text = _markdown(table)
        print(f"{name}\n\n{text}\n", flush=True)
        if write:
            _put(name, text)
    if write:
        _draw()
    print(f"{time.perf_counter() - started:.0f} s")


def _markdown(table: Table) -> str:
    rows = [table.head, ["---"] + ["--:"] * (len(table.head) - 1), *table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _put(name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end -->`."""
    with open(PAGE) as file:
        page = file.read()
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    page, count = place.subn(lambda found: f"{found[1]}{text}\n{found[2]}", page)
    if count != 1:
        sys.exit(f"docs/scale.md has no place for the table '{name}'")
    with open(PAGE, "w") as file:
        file.write(page)


def _draw() -> None:
    folder = os.path.join(HERE, "results")
    source = os.path.join(folder, "simulation.json")
    with open(source, "w") as file:
        json.dump(scenarios.load_over_time(fleet.make(20_000, 3)), file)
    script = os.path.join(HERE, "simulate", "draw.py")
    target = os.path.join(ROOT, "docs", "outage.svg")
    subprocess.run([python_of("tools"), script, source, target], check=True)
    os.unlink(source)


if __name__ == "__main__":
    main()
