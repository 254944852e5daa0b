"""Promises 3 and 5 on a failing system: ENOSPC, EIO, EINTR and no locks, at any call, injected."""

from pathlib import Path

import pytest
from reliability.application import ALL, Application
from reliability.strace import OF_THE_NETWORK, Point, at, chosen, needs_strace, points
from reliability.wires import every_wire

from afterword_sink import LocalSink

pytestmark = needs_strace

SHARES = 4
SAMPLE = 2
FAILURES = ["ENOSPC", "EIO", "EINTR", "ENOLCK", "EACCES", "EMFILE"]
INTERRUPTIBLE = ("openat", "read", "pread64", "write", "fsync")  # of those injected into, on a disk


@every_wire
@pytest.mark.timeout(1800 if ALL else 60)
@pytest.mark.parametrize(
    ("share", "failure"),
    [(share, failure) for share in range(SHARES) for failure in FAILURES[:3]]
    if ALL
    else [(0, "ENOSPC"), (1, "EIO")],
)
def test_an_uploader_whose_calls_fail(
    app: Application, sink: LocalSink, tmp_path: Path, share: int, failure: str
) -> None:
    found = points(app, tmp_path / "strace", "upload")
    for point in chosen(found, share, SHARES, SAMPLE):
        if failure == "EINTR" and point.kind not in INTERRUPTIBLE:
            continue
        sink.clear()
        assert len(app.record(250)) == 250, f"after {point}"
        process = app.run("upload", before=at(app, point, f"error={failure}"))
        assert (process.returncode, process.stdout, process.stderr) == (0, "", ""), point
        app.telemetry.upload()
        stats = sink.stats()
        assert stats["distinct_event_ids"] == 250, f"lost at {point}"
        # strace fails the Nth call of each thread, so of each attempt: three answers may be lost.
        most = 3 * 100 if point.kind in OF_THE_NETWORK else 100
        assert stats["stored"] - 250 <= most, f"over a batch twice at {point}"
        assert app.files() == [], f"left at {point}"


@pytest.mark.timeout(900 if ALL else 60)
@pytest.mark.parametrize("failure", FAILURES)
def test_a_writer_whose_calls_fail_loses_its_own_event_at_most(
    app: Application, tmp_path: Path, failure: str
) -> None:
    found = points(app, tmp_path / "strace", "record", "3")
    for point in chosen(found, FAILURES.index(failure), 1, SAMPLE) if not ALL else found:
        if failure == "EINTR" and point.kind not in INTERRUPTIBLE:
            continue
        for path in app.files():
            path.unlink()
        before = app.record(1, first=100)
        process = app.run("record", "3", before=at(app, point, f"error={failure}"))
        assert (process.returncode, process.stderr) == (0, ""), point
        kept = app.waiting()
        assert kept[0] == before[0], point
        assert len(kept) >= 1 + 2, f"more than one lost at {point}"
        after = app.record(1, first=200)
        assert after[:-1] == kept, f"harmed after {point}"
        if failure == "EINTR":
            assert len(kept) == 1 + 3, f"interrupted is not failed, at {point}"


def test_without_locks_events_are_recorded_all_the_same(app: Application) -> None:
    """ENOLCK, whenever asked: a home on a network that has none."""
    no_locks = at(app, Point("fcntl", "1+"), "error=ENOLCK")
    assert app.run("record", "5", before=no_locks).stdout == "0\n1\n2\n3\n4\n"
    recorded = app.waiting()
    assert len(recorded) == 5
    # Nobody can be the one uploader there: nothing is sent, nothing is lost.
    assert app.run("upload", before=no_locks).returncode == 0
    assert app.waiting() == recorded
