import json
import os
from typing import Any

import pytest
from conditions import CAP
from environments import HERE
from report import QUIET, added_text, text

MACHINE = {"processor": "a chip", "cores": 2, "system": "Linux 6", "python": "3.11.2", "load": 0.1}


def results(**sections: Any) -> dict[str, Any]:
    return {"date": "2026-11-22", "machine": MACHINE, **sections}


def spread(median: float) -> dict[str, float]:
    return {"median": median, "low": median - 1, "high": median + 1}


def one(added: float, **changed: Any) -> dict[str, Any]:
    whole = {"added": spread(added), "added_cpu": spread(added), "capped": 0, "failed": 0}
    background = {f"background_{part}": spread(2) for part in ("cpu", "seconds", "peak_mb")}
    return whole | background | {"sent": 3, "arrived": 3} | changed


def rows(shown: str) -> list[list[str]]:
    """The cells of every line that is part of a table."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in shown.splitlines()
        if line.startswith("|")
    ]


def test_the_results_kept_here_become_tables_of_even_columns() -> None:
    with open(os.path.join(HERE, "results", "peers.json")) as file:
        found = json.load(file)
    shown = text(found)

    tables = [part.splitlines() for part in shown.split("\n\n") if part.startswith("|")]
    assert len(tables) >= 8  # startup, three conditions, background, recording, uploading, demands
    for table in tables:
        assert len({len(line) for line in table}) == 1
        assert len({line.count("|") for line in table}) == 1
    for name in found["conditions"]["fast"]:
        assert shown.count(f"| {name} ") >= 3


def test_a_busy_machine_is_said() -> None:
    assert "PRELIMINARY" not in text(results())
    assert "PRELIMINARY" in text(results(machine=MACHINE | {"load": QUIET + 0.1}))


def test_contestants_stand_in_order_of_what_they_add_beside_ours() -> None:
    found = {"afterword": one(3.0), "slow": one(60.0), "floor": one(1.5, sent=0)}
    table = rows(text(results(conditions={"fast": found})))

    assert [row[0] for row in table[2:5]] == ["floor", "afterword", "slow"]
    assert [row[2] for row in table[2:5]] == ["0.50 x", "1.00 x", "20 x"]
    assert [row[-1] for row in table[2:5]] == ["", "3 of 3", "3 of 3"]


def test_a_ratio_to_noise_says_so() -> None:
    found = {"afterword": one(-0.2), "slow": one(60.0)}
    assert rows(text(results(conditions={"fast": found})))[3][2] == "noise"


def test_a_demand_that_is_not_met_is_loud() -> None:
    sharing = {"commands": 100, "seconds": 10.0, "uploads": 6, "arrived": 100, "uploaders": 9}
    sharing |= {"requests": 6, "waiting": 0, "background_cpu": 1.0, "done_after": 0.2}
    demands = rows(text(results(sharing=sharing)))
    assert demands[2:] == [
        ["100 commands in 10 s: uploads", "6", "≤ 5", "NO"],
        ["100 commands in 10 s: events that have not left", "0", "≤ 0", "yes"],
    ]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (one(3.25), "+3.2 (+2.2 to +4.2)"),
        (one(-0.5), "-0.5 (-1.5 to +0.5)"),
        (one(250.0), "+250 (+249 to +251)"),
        (one(2100.0), "+2.1 s"),
        (one(5.0, failed=2), "2 times an error"),
        (one(CAP * 1000, capped=1), f"> {CAP:.0f} s"),
    ],
)
def test_what_is_added_in_words(entry: dict[str, Any], said: str) -> None:
    assert added_text(entry) == said
