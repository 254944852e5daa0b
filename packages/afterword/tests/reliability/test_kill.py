"""Promises 3 and 4 under SIGKILL: at every system call that touches a file or a socket, in turn."""

import json
import random
import signal
from pathlib import Path

import pytest
from reliability.application import ALL, Application
from reliability.strace import Point, at, chosen, needs_strace, points
from reliability.wires import every_wire
from support import wait_until

from afterword_sink import LocalSink

pytestmark = needs_strace

SHARES = 4
SAMPLE = 3  # points for each share, in `make test`
BATCH = 100


@every_wire
@pytest.mark.timeout(1800 if ALL else 60)
@pytest.mark.parametrize("share", range(SHARES))
def test_an_uploader_killed_at_any_call(
    app: Application, sink: LocalSink, tmp_path: Path, share: int
) -> None:
    found = points(app, tmp_path / "strace", "upload")
    assert len(found) >= 100
    killed = twice = 0
    for point in chosen(found, share, SHARES, SAMPLE):
        sink.clear()
        recorded = app.record(250)
        assert len(recorded) == 250, f"what the kill at {point} before left was not taken up"
        process = app.run("upload", before=at(app, point, "signal=KILL"))
        killed += process.returncode == -signal.SIGKILL

        app.telemetry.upload()
        stats = sink.stats()
        assert stats["distinct_event_ids"] == 250, f"lost at {point}"
        assert stats["stored"] - 250 <= BATCH, f"over a batch twice at {point}"
        twice = max(twice, stats["stored"] - 250)
        assert app.files() == [], f"left at {point}"
        assert not Path(app.folder.upload_lock).exists()
        assert not list(app.path.glob("*.tmp"))
    assert killed >= SAMPLE - 1  # the run is not the same call by call each time
    if ALL:
        print(f"\nuploader: killed {killed} times, 0 lost, at most {twice} twice")  # noqa: T201


@every_wire
@pytest.mark.parametrize("seed", range(40 if ALL else 2))
def test_an_uploader_killed_at_a_random_moment(
    app: Application, sink: LocalSink, seed: int
) -> None:
    """In the second, third … request, where strace cannot count: the server chooses the moment."""
    rng = random.Random(seed)  # noqa: S311  # to be repeated, not to be secret
    recorded = app.record(250)
    request = rng.randrange(1, 4)
    after = "after=store" if rng.random() < 0.5 else ""
    sink.set_faults(f"ok times={request - 1}; hang {after}")
    process = app.start("upload")
    wait_until(lambda: sink.stats()["requests"] == request)
    process.kill()
    process.communicate()
    sink.clear_faults()
    app.telemetry.upload()
    arrived = [event["customDimensions"]["event_id"] for event in sink.events()]
    assert set(arrived) == set(recorded)
    assert len(arrived) - 250 == (len(recorded[100 * (request - 1) :][:100]) if after else 0)
    assert app.files() == []


@pytest.mark.timeout(900 if ALL else 60)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_writer_killed_at_any_call_costs_its_own_event_at_most(
    app: Application, tmp_path: Path, share: int
) -> None:
    found = points(app, tmp_path / "strace", "record", "3")
    killed = 0
    for point in chosen(found, share, SHARES, 2 * SAMPLE):
        for path in app.files():
            path.unlink()
        app.record(1, first=100)
        process = app.run("record", "3", before=at(app, point, "signal=KILL"))
        killed += process.returncode == -signal.SIGKILL
        done = [int(number) for number in process.stdout.split()]
        app.record(2, first=200)
        numbers, torn = numbers_of(app)
        assert numbers[0] == 100
        assert numbers[-2:] == [200, 201], f"joined or lost after a kill at {point}"
        between = numbers[1:-2]
        assert between[: len(done)] == done, f"lost at {point}"
        assert len(between) + torn <= len(done) + 1, f"too many at {point}"
    assert killed
    if ALL:
        print(f"\nwriter: killed {killed} times, 0 lost but its own")  # noqa: T201


def numbers_of(app: Application) -> tuple[list[int], int]:
    """The numbers of the events on disk, in order, and how many lines are torn."""
    numbers, torn = [], 0
    for path in app.files():
        for line in path.read_bytes().split(b"\n"):
            try:
                numbers.append(json.loads(line)["number"])
            except ValueError:
                torn += bool(line)
    return numbers, torn


def test_points_are_spread_over_the_kinds() -> None:
    found = [Point("write", n) for n in range(1, 250)] + [Point("rename", 1), Point("unlink", 1)]
    assert {"write", "rename", "unlink"} == {
        point.kind for share in range(4) for point in chosen(found[::-1], share, 4, 3)
    }
