"""A run of the uploader against what breaks inside it: the disk, the exporter, its own end."""

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from reliability.application import Application, make
from reliability.scripted import Scripted, all_but_the_first, all_but_two, everything, upload_to
from support import Clock, wait_until

from afterword.exporters.base import Receipt, Record
from afterword.upload import segments
from afterword.upload.jobs import make_job
from afterword.upload.run import run
from afterword.upload.segments import Segment
from afterword_sink import LocalSink


def test_what_is_no_plain_file_does_not_block_the_rest(app: Application, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine\n")
    (app.path / "telemetry-events.000001.jsonl").mkdir()
    (app.path / "telemetry-events.000002.jsonl").symlink_to(elsewhere)
    os.mkfifo(app.path / "telemetry-events.000003.jsonl")
    recorded = app.record_new(3)
    exporter = Scripted()
    status = upload_to(exporter, app)
    assert exporter.got == [recorded]
    assert (status.sent, status.error) == (3, None)
    assert elsewhere.read_text() == "mine\n"


def test_a_segment_that_cannot_be_read_does_not_block_the_next(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = app.record(3)
    segments.take(app.folder)
    second = app.record(3)[3:]
    real = Segment.lines

    def bad_sector(segment: Segment) -> Any:
        if segment.path.endswith("000001.jsonl"):
            raise OSError(5, "Input/output error", segment.path)
        return real(segment)

    exporter = Scripted()
    with monkeypatch.context() as patch:
        patch.setattr(Segment, "lines", bad_sector)
        status = upload_to(exporter, app)
    assert exporter.got == [second]
    assert status.error == "the disk: Input/output error"
    assert app.waiting() == first


def test_a_disk_that_takes_no_settling_gets_nothing_sent(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk that copies on write: else every command would send the first batch again."""
    recorded = app.record(3)

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    exporter = Scripted()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        status = upload_to(exporter, app)
    assert exporter.got == []
    assert status.error == "the disk: No space left on device"
    assert app.waiting() == recorded


def test_a_disk_that_refuses_the_settling_ends_the_run(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = app.record(250)

    def broken(_segment: Segment, _lines: object) -> None:
        raise OSError(5, "Input/output error")

    exporter = Scripted()
    with monkeypatch.context() as patch:
        patch.setattr(Segment, "settle", broken)
        status = upload_to(exporter, app)
    assert [len(batch) for batch in exporter.got] == [100]
    assert (status.sent, status.error) == (100, "the disk: Input/output error")
    assert app.status.next_at > app.status.at  # no command sends them again at once
    assert app.waiting() == recorded


def test_no_room_to_shrink_a_segment_does_not_end_the_run(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = app.record(3)
    segments.take(app.folder)
    second = app.record(3)[3:]

    def full(_segment: Segment) -> int:
        raise OSError(28, "No space left on device")

    exporter = Scripted(all_but_the_first)
    with monkeypatch.context() as patch:
        patch.setattr(Segment, "close", full)
        status = upload_to(exporter, app)
    assert exporter.got == [first, second]
    assert (status.sent, status.kept, status.error) == (5, 1, "503 for 1")
    assert (app.status.sent, app.status.error) == (5, "503 for 1")


def test_an_exporter_that_cannot_be_made_is_said_and_cools_down(app: Application) -> None:
    recorded = app.record(3)

    def make(_silence: float) -> Scripted:
        raise ValueError("something of its own")

    status = run(make_job(app.telemetry, make_exporter=make))
    assert status is not None
    assert status.error == "the exporter cannot be made: an error within it"
    assert app.status.next_at > app.status.at
    assert app.waiting() == recorded


def test_an_exporter_that_raises_is_said_and_prints_nothing(
    app: Application, capfd: pytest.CaptureFixture[str]
) -> None:
    recorded = app.record(3)

    def failing(_batch: Sequence[Record]) -> Receipt:
        raise ArithmeticError

    status = upload_to(Scripted(failing), app)
    assert status.error == "the exporter failed: an error within it"
    assert capfd.readouterr() == ("", "")
    assert app.waiting() == recorded


def test_no_thread_to_be_had_is_a_failure_like_another(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = app.record(3)

    def none(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none)
        status = upload_to(Scripted(), app)
    assert status.error == "no thread could be started"
    assert app.waiting() == recorded


def test_one_run_is_one_failure_however_often_it_looks_again(app: Application) -> None:
    app.record(4)
    exporter = Scripted(all_but_two, all_but_the_first)

    def once_more() -> None:  # recorded after the last look, before the lock is let go
        if len(exporter.got) == 1:
            app.record(1)

    exporter.when_closed = once_more
    status = upload_to(exporter, app)
    assert [len(batch) for batch in exporter.got] == [4, 2, 1]
    assert (status.sent, status.kept, status.failures) == (4, 1, 1)


def test_off_in_the_last_moment_leaves_nothing_behind(app: Application) -> None:
    app.record(150)

    def off(batch: Sequence[Record]) -> Receipt:
        app.telemetry.turn_off()
        return everything(batch)

    status = upload_to(Scripted(everything, off), app)
    assert status.sent == 100  # of the second nobody wanted to know any more
    wait_until(lambda: [path.name for path in app.path.iterdir()] == ["telemetry.json"])


def test_it_ends_between_two_batches_when_its_time_is_up(app: Application) -> None:
    recorded = app.record(250)
    clock = Clock(0)

    def slow(batch: Sequence[Record]) -> Receipt:
        clock.now += 1000
        return everything(batch)

    status = upload_to(Scripted(slow), app, elapsed=clock)
    assert (status.sent, status.kept, status.error, status.next_at) == (100, 150, None, 0)
    assert app.waiting() == recorded[100:]


def test_a_sigterm_between_attempts_settles_what_was_taken(
    app: Application, sink: LocalSink
) -> None:
    recorded = app.record(100)
    sink.set_faults("item every=2 status=503 times=1; 503 retry-after=25")
    process = app.start("upload")
    wait_until(lambda: sink.stats()["requests"] == 2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert app.waiting() == recorded[1::2]
    assert not Path(app.folder.upload_lock).exists()
    sink.clear_faults()
    app.telemetry.upload()
    assert sink.stats()["duplicate_event_ids"] == 0
    assert sink.stats()["stored"] == 100


def test_an_uploader_that_always_dies_is_not_started_by_every_command(
    app: Application, sink: LocalSink
) -> None:
    recorded = app.record(150)
    command = make(sink.connection_string, uploader=["/bin/false"])
    assert command.start_upload() is True
    sink.set_faults("ok times=1; hang")
    for failures in (1, 2):
        process = app.start("upload")
        requests = 1 + failures
        wait_until(lambda: sink.stats()["requests"] == requests)  # noqa: B023  # called at once
        process.kill()
        process.communicate()
        assert app.status.failures == failures
        assert app.status.error == "not finished: still running, or stopped"
        assert command.start_upload() is False
    assert app.waiting() == recorded[100:]
    sink.clear_faults()
    app.telemetry.upload()
    assert (app.status.failures, app.status.error) == (0, None)
