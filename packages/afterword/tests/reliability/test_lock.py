"""Locks exclude processes; what threads, forks and neighbours without a lock do is seen here."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from reliability.application import Application
from reliability.scripted import Scripted, everything, upload_to

from afterword import buffer, lock
from afterword.exporters.base import Receipt, Record
from afterword.lock import is_held
from afterword.state.lockfile import FileLock
from afterword.upload import segments

IS_HELD = "import sys; from afterword.lock import is_held; print(is_held(sys.argv[1]))"


def held_elsewhere(path: str) -> bool:
    """Does another process find the lock held?"""
    asked = subprocess.run(
        [sys.executable, "-c", IS_HELD, path], capture_output=True, text=True, check=True
    )
    return asked.stdout == "True\n"


def test_of_two_threads_one_uploads(app: Application) -> None:
    recorded = app.record(3)
    inside, go_on = threading.Event(), threading.Event()

    def slow(batch: Sequence[Record]) -> Receipt:
        inside.set()
        go_on.wait(10)
        return everything(batch)

    first = Scripted(slow)
    thread = threading.Thread(target=upload_to, args=(first, app))
    thread.start()
    assert inside.wait(10)
    try:
        assert app.telemetry.upload() is None
        assert is_held(app.folder.upload_lock)
        assert held_elsewhere(app.folder.upload_lock)  # looking has not let it go
    finally:
        go_on.set()
        thread.join()
    assert first.got == [recorded]


def test_a_thread_waits_for_another_with_patience(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    first, second = FileLock(path), FileLock(path)
    assert first.acquire()
    assert not second.acquire(0.01)
    assert held_elsewhere(path)
    releasing = threading.Timer(0.05, first.release)
    releasing.start()
    assert second.acquire(10)
    releasing.join()
    assert held_elsewhere(path)
    second.release()
    assert not Path(path).exists()


def test_a_fork_does_not_inherit_a_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    held = FileLock(path)
    assert held.acquire()
    child = os.fork()
    if not child:  # it holds nothing, and learns so from the file
        os._exit(0 if is_held(path) and not FileLock(path).acquire() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    held.release()
    child = os.fork()
    if not child:
        os._exit(0 if FileLock(path).acquire() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_child_forked_while_another_thread_writes_can_write(app: Application) -> None:
    with buffer._threads:  # as another thread would, in the moment of the fork
        child = os.fork()
        if not child:
            try:
                buffer.append(app.folder.events, b"from the child")
            finally:
                os._exit(0)
    os.waitpid(child, 0)
    assert Path(app.folder.events).read_bytes() == b"from the child\n"


def test_a_line_taken_back_takes_no_neighbour_with_it(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disk full in our line, while another program writes without the lock."""
    path = Path(app.folder.events)
    buffer.append(app.folder.events, b"before")
    real = os.write

    def short(fd: int, data: bytes) -> int:
        written = real(fd, data[:3])
        with path.open("ab", buffering=0) as neighbour:
            neighbour.write(b"\nneighbour\n")
        return written

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        with pytest.raises(OSError, match="no space"):
            buffer.append(app.folder.events, b"mine")
    assert path.read_bytes() == b"before\nmin\nneighbour\n"


def test_sweeping_leaves_what_is_being_written(app: Application) -> None:
    being_written = Path(f"{app.folder.state}.4711.tmp")
    being_written.write_text("{")
    writer = FileLock(app.folder.state_lock)
    assert writer.acquire()
    threading.Thread(target=segments.sweep, args=(app.folder,)).run()
    assert being_written.exists()
    writer.release()
    segments.sweep(app.folder)
    assert not being_written.exists()
    assert not Path(app.folder.state_lock).exists()


def test_an_empty_buffer_is_no_work(app: Application) -> None:
    """It stays where the disk was full from the first byte on."""
    Path(app.folder.events).touch()
    assert segments.take(app.folder) is None
    assert app.files() == []


def test_a_stopped_holder_costs_a_writer_no_event(
    app: Application,
) -> None:
    app.record(1)
    held = os.open(app.folder.events, os.O_RDWR)
    assert lock.try_lock(held)
    try:
        writer = app.run("record", "3")
    finally:
        os.close(held)
    assert writer.stdout == "0\n1\n2\n"
    assert len(app.waiting()) == 4
