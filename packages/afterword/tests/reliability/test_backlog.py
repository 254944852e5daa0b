"""Promise 3 with much to do, with company, and with rubbish in between."""

import json
import random
import sys
from pathlib import Path

import pytest
from reliability.application import TELL_THE_PEAK, Application
from reliability.wires import every_wire
from support import wait_until

from afterword_sink import LocalSink

pytestmark = every_wire

MEGABYTE = 1024  # ru_maxrss counts in KB


def arrived(sink: LocalSink) -> list[str]:
    return [event["customDimensions"]["event_id"] for event in sink.events()]


def test_two_uploaders_at_once_and_twenty_events_more(app: Application, sink: LocalSink) -> None:
    app.record(250)
    sink.set_faults("delay=0.3")
    both = [app.start("upload") for _ in range(2)]
    wait_until(lambda: sink.stats()["requests"] >= 1)
    recorded = app.record(20, first=250)
    for process in both:
        process.communicate(timeout=40)
        assert process.returncode == 0
    came = arrived(sink)
    assert len(came) == 270
    assert set(recorded) <= set(came)
    assert len(set(came)) == 270
    assert app.files() == []
    assert (app.status.sent, app.status.kept, app.status.error) == (270, 0, None)


def test_corrupt_and_cut_lines_between(app: Application, sink: LocalSink) -> None:
    rng = random.Random(1)  # noqa: S311  # to be repeated, not to be secret
    app.record(250)
    path = Path(app.folder.events)
    lines = path.read_bytes().splitlines(keepends=True)
    recorded = app.waiting()
    rubbish = [
        b"\n", b"null\n", b"{}\n", b"\x00" * 100 + b"\n", b"\xff\xfe\n", b"[" * 5000 + b"\n",
        b"x" * 200_000 + b"\n", lines[0][:40] + b"\n", lines[1][40:],
        lines[2].replace(b"done", b""),
    ]  # fmt: skip
    for text in rubbish:
        lines.insert(rng.randrange(len(lines)), text)
    path.write_bytes(b"".join(lines) + lines[-1][:50])  # and the last one cut
    app.telemetry.upload()
    assert arrived(sink) == recorded
    assert sum(app.status.dropped.values()) == len(rubbish)  # a blank line is none, the cut one is
    assert app.files() == []


@pytest.mark.timeout(120)
def test_ten_thousand_waiting_ten_thousand_arrive(app: Application, sink: LocalSink) -> None:
    recorded = app.record(10_000)
    assert app.run("upload", seconds=100).returncode == 0
    stats = sink.stats()
    assert (stats["stored"], stats["distinct_event_ids"]) == (10_000, 10_000)
    assert stats["requests"] == 100
    assert len(recorded) == app.status.sent == 10_000
    assert app.files() == []


@pytest.mark.long  # uploads 100,000 events
@pytest.mark.timeout(600)
def test_memory_is_for_a_batch_not_for_the_backlog(app: Application, sink: LocalSink) -> None:
    """Peak memory of the real process, as the kernel counts it.

    Started by a small one: what starts a process hands its own peak down to it, and a test's is
    higher.
    """
    peaks = {}
    for count in (1_000, 100_000):
        sink.clear()
        fill(app, count)
        before = [sys.executable, "-S", "-c", TELL_THE_PEAK]
        process = app.run("upload", before=before, seconds=300, APP_CAP="100000000")
        assert (process.returncode, process.stderr) == (0, "")
        assert (app.status.sent, app.status.dropped) == (count, {})
        assert sink.stats()["distinct_event_ids"] == count
        peaks[count] = int(process.stdout) / MEGABYTE
    print(f"peak memory in MB: {peaks}")  # noqa: T201  # `make faults` shows it
    assert peaks[100_000] <= peaks[1_000] + 20


def fill(app: Application, count: int) -> None:
    """Put so many events into the buffer, each with an id of its own, faster than recording."""
    app.record(1)
    path = Path(app.folder.events)
    event = json.loads(path.read_text())
    start = event["eventId"][:24]
    with path.open("w") as file:
        for number in range(count):
            event["eventId"] = f"{start}{number:012x}"
            event["number"] = number
            file.write(json.dumps(event, separators=(",", ":")) + "\n")
