"""Promises 3 and 4 where it is slow, or one event is in the way of all: it goes on, few copies."""

import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from reliability.application import MOST_MEMORY, TELL_THE_PEAK, Application
from reliability.scripted import Scripted, everything, upload_to
from support import Answer, Clock, Request, Server, as_sent, taken

from afterword.exporters.base import Receipt, Record
from afterword.upload.job import MOST_TIME, REQUEST_TIME
from afterword.upload.jobs import make_job
from afterword.upload.run import run
from afterword.upload.status import Status, save


@pytest.fixture
def served(app: Application, server: Server) -> Application:
    """The application, talking to a server that answers by script."""
    app.aim(server.connection_string)
    return app


def upload(app: Application, silence: float = 0.25) -> Status:
    """Upload; a second of ours is a quarter of a minute's real one."""
    job = make_job(app.telemetry, silence=lambda failures: silence * 2.0**failures)
    status = run(job)
    assert status is not None
    return status


@pytest.mark.parametrize("seconds", [0.2, 0.4, 1, 3])
def test_on_a_slow_line_everything_arrives_in_few_copies(
    served: Application, server: Server, seconds: float
) -> None:
    """A batch takes so many seconds; 0.25 s of silence is where the first request ends."""
    recorded = served.record(300)
    lines = [line for path in served.files() for line in path.read_bytes().splitlines()]
    server.rate = 6_000 / seconds
    for _ in range(4):
        upload(served)
    assert served.waiting() == []
    copies = server.copies()
    assert set(copies) == set(recorded)
    assert max(copies.values()) <= 4
    assert sum(copies.values()) <= 300 + 250
    assert {one["event_id"]: one for one in server.events()} == as_sent(lines)


def test_what_a_slow_line_can_take_is_remembered(served: Application, server: Server) -> None:
    served.record(100)
    server.rate = 8_000
    upload(served)
    upload(served)
    assert served.waiting() == []
    assert 0 < served.status.batch < 100
    before = len(server.events())
    served.record(100)
    assert upload(served).error is None
    assert len(server.events()) - before == 100


def test_where_all_goes_quickly_the_batches_grow_again(app: Application) -> None:
    """A request that hung once is not to make every one after it small."""
    app.record(400)
    exporter = Scripted()
    last = Status(at=1.0, batch=3)
    save(app.folder.upload_status, last)
    upload_to(exporter, app)
    assert [len(batch) for batch in exporter.got] == [3, 6, 12, 24, 48, 96, 100, 100, 11]
    assert app.status.batch == 0


def test_bytes_that_move_are_waited_for(served: Application, server: Server) -> None:
    """An answer that takes longer than the silence that is borne, a piece at a time."""
    served.record(3)
    pieces = 12

    def script(_number: int, request: Request) -> Answer:
        return Answer(body=taken(len(request.envelopes)) + b" " * pieces, pace=0.1)

    server.script = script
    status = upload(served, silence=0.5)
    assert (status.sent, status.error, len(server.requests)) == (3, None, 1)


@pytest.mark.parametrize("place", [0, 150, 299])
def test_one_event_over_which_the_service_fails_holds_up_nobody(
    served: Application, server: Server, place: int
) -> None:
    recorded = served.record(300)
    bad = recorded[place]
    server.script = lambda _n, request: Answer(500 if bad.encode() in request.body else 200)
    for _ in range(4):
        run(make_job(served.telemetry, sleep=lambda _seconds: None))
    assert served.waiting() == [bad]
    copies = server.copies()
    assert set(copies) == set(recorded)
    more = served.record_new(20)
    for _ in range(3):
        run(make_job(served.telemetry, sleep=lambda _seconds: None))
    assert served.waiting() == [bad]
    assert set(more) <= set(server.copies())
    server.script = lambda _n, _r: Answer()
    served.telemetry.upload()
    assert served.waiting() == []


def test_it_stays_within_its_time_and_goes_on_where_it_was(app: Application) -> None:
    """Four seconds an answer, and more than ten events are too many."""
    app.record(300)
    clock = Clock(0)

    def answer(batch: Sequence[Record]) -> Receipt:
        clock.now += 4
        if len(batch) > 10:
            return Receipt(problem="413", unacceptable=True, retry=False)
        return everything(batch)

    runs, before = 0, 300
    while app.waiting() and runs < 5:
        began = clock.now
        status = upload_to(Scripted(*[answer] * 500), app, elapsed=clock)
        assert clock.now - began <= MOST_TIME + REQUEST_TIME
        assert len(app.waiting()) <= before - min(before, 150)
        assert status.error is None
        before, runs = len(app.waiting()), runs + 1
    assert app.waiting() == []


def test_who_gets_nothing_done_in_time_has_failed(app: Application) -> None:
    recorded = app.record(100)
    clock = Clock(0)

    def answer(_batch: Sequence[Record]) -> Receipt:
        clock.now += 50
        return Receipt(problem="413", unacceptable=True, retry=False)

    status = upload_to(Scripted(*[answer] * 500), app, elapsed=clock)
    assert status.error == "not finished in time"
    assert (status.failures, status.sent) == (1, 0)
    assert status.next_at > status.at
    assert app.waiting() == recorded


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(500)) + packer.flush()


HOSTILE: dict[str, Callable[[Request], Answer]] = {
    "endless": lambda _r: Answer(body=b"{", endless=b" " * 65_536),
    "endless headers": lambda _r: Answer(headers={f"X-{n}": "x" * 60_000 for n in range(99)}),
    "a bomb": lambda _r: Answer(body=bomb(), headers={"Content-Encoding": "gzip"}),
    "many errors": lambda request: Answer(
        206, taken(len(request.envelopes), dict.fromkeys(range(2_000_000), 400))
    ),
    "deep": lambda _r: Answer(body=b"[" * 5_000_000),
}


@pytest.mark.skipif(sys.platform == "win32", reason="the kernel counts no peak there")
@pytest.mark.parametrize("answer", HOSTILE)
def test_whatever_is_answered_the_uploader_stays_small(
    served: Application, server: Server, answer: str
) -> None:
    recorded = served.record(100)
    made = HOSTILE[answer](Request("", {}, b"[]")) if answer == "a bomb" else None
    server.script = lambda _n, request: made or HOSTILE[answer](request)
    before = [sys.executable, "-S", "-c", TELL_THE_PEAK]
    process = served.run("upload", before=before, seconds=100)
    assert process.returncode == 0
    assert int(process.stdout) / 1024 < MOST_MEMORY
    assert served.waiting() == recorded
    assert served.status.error
    assert Path(served.folder.upload_status).stat().st_size < 4096
