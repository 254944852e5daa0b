"""Promise 3's bounds: the oldest leave when the cap is passed, and are counted, whoever sees it."""

import subprocess
import sys

from reliability.application import Application, make
from reliability.strace import Point, at, needs_strace

from afterword import lock
from afterword.upload import segments
from afterword_sink import LocalSink

_HOLD = """
import os, signal, sys
os.lockf(os.open(sys.argv[1], os.O_RDWR), os.F_LOCK, 0)
print("held", flush=True)
signal.pause()
"""


def test_what_a_command_gave_up_is_counted(app: Application) -> None:
    app.telemetry = make(app.connection_string, cap=20_000)
    recorded = 0
    while not app.status.dropped:
        app.record(20, first=recorded)
        recorded += 20
    assert app.status.dropped == {"over the cap": recorded - len(app.waiting())}


def test_blanks_of_an_uploader_that_died_do_not_count_for_the_cap_but_go(
    app: Application,
) -> None:
    """Killed after many batches: the file is as long as before, and nearly empty."""
    app.telemetry = make(app.connection_string, cap=20_000)
    recorded = app.record(30)
    app.telemetry = make(app.connection_string, cap=8_000)
    segment = segments.take(app.folder)
    assert segment is not None
    segment.settle(list(segment.lines())[:-1])
    for number in range(33):
        app.record(1, first=30 + number)
        assert sum(path.stat().st_size for path in app.files()) <= 12_300
    assert app.waiting()[0] == recorded[-1]
    assert app.status.dropped == {}


@needs_strace
def test_the_cap_holds_where_nobody_can_upload(app: Application) -> None:
    """No locks: nobody can be the one uploader, but the disk does not fill up."""
    no_locks = at(app, Point("fcntl", "1+"), "error=ENOLCK")
    app.run("record", "300", before=no_locks, APP_CAP="20000")
    assert sum(path.stat().st_size for path in app.files()) <= 31_000


def test_a_stopped_holder_costs_no_more_over_half_the_cap(
    app: Application, sink: LocalSink
) -> None:
    app.telemetry = make(sink.connection_string, cap=2_000)
    app.record(4)
    hold = [sys.executable, "-c", _HOLD, app.folder.events]
    held = subprocess.Popen(hold, stdout=subprocess.PIPE)
    assert held.stdout is not None
    assert held.stdout.readline() == b"held\n"
    waits: list[float] = []
    real = lock.wait_lock

    def noted(fd: int, patience: float) -> bool:
        waits.append(patience)
        return real(fd, 0.0)

    lock.wait_lock = noted
    try:
        app.record(1, first=4)
    finally:
        lock.wait_lock = real
        held.kill()
        held.communicate()
    assert sum(waits) <= 0.2
    assert len(app.waiting()) == 5
