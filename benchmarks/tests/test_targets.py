import json
import os
from typing import Any

import pytest
from environments import HERE
from targets import Target, targets


def of(median: float) -> dict[str, float]:
    return {"median": median}


def startup(ours: float, *, off: float = 0.1) -> dict[str, Any]:
    """The startup path where the floor adds 2 ms, and `pass` takes 10."""
    quiet = {"added": of(off), "added_cpu": of(off)}
    return {
        "pass": {"wall": of(10.0)},
        "floor": {"added": of(2.0), "added_cpu": of(2.0)},
        "ours": {"added": of(ours), "added_cpu": of(ours)},
        "ours, turned off": quiet,
        "ours, not asked yet": quiet,
    }


def conditions(**added: float) -> dict[str, Any]:
    """What each adds; every event of `afterword` but one has arrived."""
    entries = {
        name.replace("_", " "): {"added": of(median), "sent": 3, "arrived": 3}
        for name, median in added.items()
    }
    entries["afterword"]["arrived"] = 2
    return {"fast": entries}


def background(cpu: float, *, started: int = 0) -> dict[str, Any]:
    return {
        "pass": {"cpu": of(10.0)},
        "nothing to do": {"cpu": of(cpu)},
        "another at work": {"cpu": of(cpu), "started_by_a_command": started},
        "cooling down": {"cpu": of(cpu), "started_by_a_command": started},
        "one event, azure": {"cpu": of(60.0), "peak_mb": of(25.0)},
        "one event, otlp": {"cpu": of(80.0), "peak_mb": of(25.0)},
        "one event, azure_official": {"cpu": of(240.0), "peak_mb": of(50.0)},
    }


def met(found: dict[str, Any]) -> dict[str, bool]:
    return {one.what: one.met for one in targets(found)}


@pytest.mark.parametrize(("figure", "most", "least"), [(1.9, True, False), (2.0, True, True)])
def test_a_limit_is_met_when_it_is_reached(figure: float, most: bool, least: bool) -> None:
    assert Target("", figure, 2.0, "").met is most
    assert Target("", figure, 2.0, "", least=True).met is least


def test_noise_meets_no_demand() -> None:
    assert not Target("", float("nan"), 2.0, "").met
    assert not Target("", float("nan"), 2.0, "", least=True).met


def test_what_was_not_measured_is_not_judged() -> None:
    assert met({"machine": {}, "date": ""}) == {}


@pytest.mark.parametrize(("ours", "yes"), [(4.0, True), (4.1, False)])
def test_the_startup_path_is_held_to_twice_the_floor(ours: float, yes: bool) -> None:
    found = met({"startup": startup(ours)})
    assert found["startup path: CPU added, of the floor's"] is yes
    assert found["startup path: time added, of the floor's"] is yes


@pytest.mark.parametrize(("off", "yes"), [(2.0, True), (2.1, False)])
def test_turned_off_is_held_to_the_floor(off: float, yes: bool) -> None:
    found = met({"startup": startup(2.0, off=off)})
    for who in ("ours, turned off", "ours, not asked yet"):
        assert found[f"{who}: time added, of the floor's"] is yes


@pytest.mark.parametrize(("peer", "yes"), [(60.0, True), (59.0, False)])
def test_the_nearest_peer_decides_and_the_floor_is_none(peer: float, yes: bool) -> None:
    found = met({"conditions": conditions(floor=1.0, afterword=3.0, near=peer, far=900.0)})
    assert found == {
        "server fast: nearest peer (near), of ours": yes,
        "server fast: events of ours lost": False,
    }


def test_what_drowns_in_noise_is_exceeded_by_every_peer() -> None:
    found = met({"conditions": conditions(floor=1.0, afterword=-0.1, near=60.0)})
    assert found["server fast: nearest peer (near), of ours"]


def test_without_peers_only_losses_are_judged() -> None:
    found = met({"conditions": conditions(floor=1.0, afterword=3.0)})
    assert found == {"server fast: events of ours lost": False}


def test_an_uploader_with_nothing_to_do_is_cheap_and_a_useless_one_is_not_started() -> None:
    assert set(met({"background": background(15.0)}).values()) == {True}
    dear = met({"background": background(15.1, started=1)})
    judged = [yes for what, yes in dear.items() if not what.startswith("one event")]
    assert judged == [False] * 5


def test_by_the_standard_library_it_costs_a_third_and_half_of_the_official_sdk() -> None:
    measured = background(15.0)
    measured["one event, otlp"] = {"cpu": of(81.0), "peak_mb": of(25.1)}
    found = met({"background": measured})
    assert {what: yes for what, yes in found.items() if what.startswith("one event")} == {
        "one event by azure: CPU, of azure_official's": True,
        "one event by azure: memory, of azure_official's": True,
        "one event by otlp: CPU, of azure_official's": False,
        "one event by otlp: memory, of azure_official's": False,
    }


@pytest.mark.parametrize(("uploads", "arrived", "yes"), [(5, 100, True), (6, 99, False)])
def test_a_hundred_commands_share_five_uploads(uploads: int, arrived: int, yes: bool) -> None:
    sharing = {"commands": 100, "seconds": 10.02, "uploads": uploads, "arrived": arrived}
    assert met({"sharing": sharing}) == {
        "100 commands in 10 s: uploads": yes,
        "100 commands in 10 s: events that have not left": yes,
    }


@pytest.mark.parametrize(("ratio", "lost", "yes"), [(0.9, 0, True), (0.4, 1, False)])
def test_throughput_is_held_to_the_bare_thing_and_loses_nothing(
    ratio: float, lost: int, yes: bool
) -> None:
    ratios = {"azure_official": ratio, "azure": 2.0 * ratio if lost == 0 else ratio}
    one = {"ratio": ratio, "ratios": ratios, "lost": lost, "events": 1000}
    found = met({"recording": one, "uploading": [one]})
    assert len(found) == 5
    assert set(found.values()) == {yes}


def test_the_results_kept_here_answer_every_demand() -> None:
    with open(os.path.join(HERE, "results", "peers.json")) as file:
        whats = [one.what for one in targets(json.load(file))]
    for start in (
        "startup path",
        "server silent",
        "uploader",
        "100 commands",
        "recording",
        "uploading",
    ):
        assert any(what.startswith(start) for what in whats), start
