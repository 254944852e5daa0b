"""Promise 3 while recording: every line whole, none lost, whatever other processes do."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Server, needs

from afterword import Event, ListOf, Telemetry, buffer, lock
from afterword.errors import UndeclaredError
from afterword.folder import DataFolder
from afterword.upload import segments

if sys.platform != "win32":
    import resource

WRITER = """
import sys
from afterword import buffer
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(count):
    buffer.append(path, f'{{"from":"{name}","number":{number}}}'.encode())
"""

HOLDER = """
import os, sys
from afterword import lock
file = os.open(sys.argv[1], os.O_RDWR)
assert lock.wait_lock(file, 10)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    return DataFolder(str(path))


def lines_of(path: str) -> list[bytes]:
    return [line for line in Path(path).read_bytes().split(b"\n") if line]


def test_one_event_is_one_line(telemetry: Telemetry, home: Path) -> None:
    telemetry.record("done", what="build", words=["a", "b", "a"], how_many=3, success=False)
    (line,) = lines_of(str(home / ".local/share/app/telemetry-events.jsonl"))
    event = json.loads(line)
    assert list(event) == [
        "eventId", "eventType", "timestamp", "anonymousId", "platform", "appVersion",
        "what", "words", "howMany", "success",
    ]  # fmt: skip
    assert event["words"] == ["a", "b", "a"]
    assert event["success"] is False


def test_processes_at_once_while_the_buffer_is_taken_away(folder: DataFolder) -> None:
    writers, each = (50, 40) if sys.platform != "win32" else (8, 40)
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, folder.events, str(n), str(each)])
        for n in range(writers)
    ]
    while any(process.poll() is None for process in running):
        segments.take(folder)
    assert all(process.returncode == 0 for process in running)
    segments.take_all(folder)
    taken = segments.waiting(folder)
    assert len(taken) > 1 or sys.platform == "win32"  # what a writer has open stays there
    found = [
        (event["from"], event["number"])
        for segment in taken
        for line in segment.lines()
        if line.text is not None
        for event in [json.loads(line.text)]
    ]
    assert len(found) == writers * each
    for name in range(writers):  # none lost, none twice
        assert sorted(n for who, n in found if who == str(name)) == list(range(each))


def test_threads_at_once(folder: DataFolder) -> None:
    def write(name: int) -> None:
        for number in range(100):
            buffer.append(folder.events, b"%d-%d" % (name, number))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({line.text for line in segments.all_lines(folder)}) == 800


@pytest.mark.posix("what is open cannot be renamed there")
def test_a_writer_that_opened_before_the_taking_notices(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer.append(folder.events, b"before")
    taken = f"{folder.events}.taken"

    def take_it_first(*arguments: Any, **named: Any) -> bool:
        if not os.path.exists(taken):  # opened, not yet locked: exactly here the buffer goes
            os.rename(folder.events, taken)
        return real(*arguments, **named)

    real = buffer._lock
    monkeypatch.setattr(buffer, "_lock", take_it_first)
    buffer.append(folder.events, b"after")
    assert lines_of(folder.events) == [b"after"]
    assert lines_of(taken) == [b"before"]


@pytest.fixture
def in_the_midst(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Another thread is in the midst of an append, with the lock, until the fixture is called."""
    inside, go_on = threading.Event(), threading.Event()

    def wait(path: str, found: os.stat_result) -> bool:
        inside.set()
        return go_on.wait(20) and real(path, found)

    real = buffer._is_at
    monkeypatch.setattr(buffer, "_is_at", wait)
    thread = threading.Thread(target=buffer.append, args=(folder.events, b"slow"))
    thread.start()
    assert inside.wait(20)
    monkeypatch.setattr(buffer, "_is_at", real)

    def finish() -> None:
        go_on.set()
        thread.join(20)

    yield finish
    finish()


def is_held(path: str) -> bool:
    """Does this process hold the lock? Another one is asked."""
    code = "import sys; from afterword import lock; print(lock.is_locked_at(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True)
    return done.stdout.strip() == b"True"


def test_a_take_in_the_same_process_waits_for_the_append(
    folder: DataFolder, in_the_midst: Callable[[], None]
) -> None:
    """POSIX locks keep processes apart, not threads: the line would be in neither file."""
    assert segments.take(folder, patience=0.05) is None
    assert is_held(folder.events)
    in_the_midst()
    segment = segments.take(folder)
    assert segment is not None
    assert [line.text for line in segment.lines()] == [b"slow\n"]


def test_to_read_what_waits_lets_no_lock_go(
    folder: DataFolder, in_the_midst: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On POSIX closing any descriptor of a file lets go what the process has locked of it."""
    monkeypatch.setattr(segments, "_PATIENCE", 0.05)
    assert list(segments.all_lines(folder)) == []
    assert not segments.has_new(folder)
    assert is_held(folder.events)
    in_the_midst()
    assert [line.text for line in segments.all_lines(folder)] == [b"slow\n"]
    assert segments.has_new(folder)


def test_a_thread_that_waits_in_vain_for_another_writes_beside(
    folder: DataFolder, in_the_midst: Callable[[], None]
) -> None:
    buffer.append(folder.events, b"quick")
    in_the_midst()
    assert [line.text for line in segments.all_lines(folder)] == [b"quick\n", b"slow\n"]


def test_a_torn_line_swallows_nothing(folder: DataFolder) -> None:
    Path(folder.events).write_bytes(b'{"whole":1}\n{"to')
    buffer.append(folder.events, b'{"whole":2}')
    assert lines_of(folder.events) == [b'{"whole":1}', b'{"to', b'{"whole":2}']


def holding(path: str) -> subprocess.Popen[bytes]:
    """A process that holds the file's lock, until its input ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    return holder


def test_who_gets_no_lock_writes_beside_and_it_is_found(folder: DataFolder) -> None:
    buffer.append(folder.events, b"first")
    holder = holding(folder.events)
    try:
        sizes = [buffer.append(folder.events, line) for line in (b"second", b"third")]
        assert sizes == [13, 19]  # what is beside counts
        *beside, _ = segments.new_files(folder)
        assert [lines_of(path) for path in beside] == [[b"second", b"third"]]  # one for the process
        assert segments.has_new(folder)
        taken = segments.take(folder)
        assert taken is not None
        assert [line.text for line in taken.lines()] == [b"second\n", b"third\n"]
        assert segments.take(folder, patience=0.05) is None
        assert not segments.has_new(folder)  # nobody waits for the holder
    finally:
        holder.communicate()
    assert lines_of(folder.events) == [b"first"]
    buffer.append(folder.events, b"fourth")
    assert lines_of(folder.events) == [b"first", b"fourth"]


def test_what_was_taken_of_two_files_is_never_renamed_over(folder: DataFolder) -> None:
    """Two takers that saw the same highest number take different files: the names differ."""
    buffer.append(folder.events, b"first")
    holder = holding(folder.events)
    try:
        buffer.append(folder.events, b"second")
    finally:
        holder.communicate()
    names = [segments._next_name(folder, path) for path in segments.new_files(folder)]
    assert len(set(names)) == 2
    segments.take_all(folder)
    assert sorted(os.path.basename(one.path) for one in segments.waiting(folder)) == [
        names[0], names[1].replace("000001", "000002"),
    ]  # fmt: skip


def test_a_file_beside_whose_writer_died_before_it_wrote_goes(folder: DataFolder) -> None:
    (Path(folder.path) / "telemetry-events.new-0123456789abcdef.jsonl").touch()
    assert segments.take(folder) is None
    assert os.listdir(folder.path) == []


def test_turning_off_deletes_what_lies_beside(telemetry: Telemetry, home: Path) -> None:
    path = home / ".local/share/app"
    telemetry.record("done", what="build")
    holder = holding(str(path / "telemetry-events.jsonl"))
    try:
        telemetry.record("done", what="test")
    finally:
        holder.communicate()
    assert len([*path.glob("telemetry-events*")]) == 2
    assert telemetry.turn_off() == 2
    assert [*path.glob("telemetry-events*")] == []


@pytest.mark.posix("Windows without locks on the file system is not known")
def test_without_locks_a_line_is_appended(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_arguments: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(os, "lockf", no_locks)
    buffer.append(folder.events, b"first")
    buffer.append(folder.events, b"second")
    assert lines_of(folder.events) == [b"first", b"second"]
    assert len(os.listdir(folder.path)) == 1


def test_a_stopped_holder_is_waited_for_once(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by each event of a command; and again when the lock was had meanwhile."""
    waited: list[float] = []

    def wait_lock(fd: int, patience: float) -> bool:
        waited.append(patience)
        return real(fd, 0.0)

    buffer.append(folder.events, b"first")
    real = lock.wait_lock
    monkeypatch.setattr(lock, "wait_lock", wait_lock)
    for _ in range(2):
        holder = holding(folder.events)
        try:
            for _ in range(3):
                buffer.append(folder.events, b"held")
        finally:
            holder.communicate()
        buffer.append(folder.events, b"free")
    long = [one for one in waited if one == buffer._PATIENCE]
    assert len(long) == 2
    assert len([*segments.all_lines(folder)]) == 9


def test_an_append_in_the_midst_of_another_goes_to_a_file_of_its_own(folder: DataFolder) -> None:
    """By the handler of a signal that came just then: to wait for itself would be for ever."""
    code = f"""
import os, signal
from afterword import buffer
def record(*_):
    os.close = close
    buffer.append({folder.events!r}, b"nested")
signal.signal(signal.SIGINT, record)
close = os.close
def interrupted(fd):
    signal.raise_signal(signal.SIGINT)
    close(fd)
os.close = interrupted
buffer.append({folder.events!r}, b"outer")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
    assert lines_of(folder.events) == [b"outer"]
    assert [line.text for line in segments.all_lines(folder)] == [b"nested\n", b"outer\n"]


@pytest.mark.posix("a limit on a file's size")
def test_disk_full_in_the_middle_of_a_line(folder: DataFolder) -> None:
    """The limit on a file's size stands for the disk's end: the write comes back short."""
    code = f"""
import resource, signal
from afterword import buffer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
buffer.append({folder.events!r}, b"x" * 79)
try:
    buffer.append({folder.events!r}, b"y" * 79)
except OSError as error:
    print("refused")
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "refused\n"
    assert Path(folder.events).read_bytes() == b"x" * 79 + b"\n"
    buffer.append(folder.events, b"z")
    assert lines_of(folder.events) == [b"x" * 79, b"z"]


def test_an_event_over_64_kb_is_not_recorded(
    make: Callable[..., Telemetry], server: Server
) -> None:
    """The service takes no larger item; with what is sent around it, it is one of the largest."""
    word = "w" * 64
    telemetry = make(events=[Event("big", **{f"f{at}": ListOf(word) for at in range(10)})])
    telemetry.turn_on()
    lists = {f"f{at}": [word] * 93 for at in range(10)}
    with pytest.raises(UndeclaredError, match="over 62 KB"):  # in development; else silently
        telemetry.record("big", **{key: [word] * 96 for key in lists})
    telemetry.record("big", **lists)
    telemetry.upload()
    (event,) = server.events()
    assert {key: event[key] for key in lists} == {key: ",".join([word] * 93) for key in lists}
    assert len(json.dumps(server.requests[0].envelopes[0]).encode()) < 64 * 1024


@pytest.mark.parametrize(
    "trap",
    [
        pytest.param(
            "directory", marks=pytest.mark.posix("a folder is opened as a file in use is")
        ),
        pytest.param("link", marks=pytest.mark.posix("making a link needs a privilege there")),
        pytest.param("fifo", marks=pytest.mark.posix("no FIFO lies in a folder there")),
        pytest.param("dangling", marks=pytest.mark.posix("making a link needs a privilege there")),
    ],
)
def test_what_is_no_plain_file_is_left_alone(
    telemetry: Telemetry, home: Path, tmp_path: Path, trap: str
) -> None:
    path = home / ".local/share/app/telemetry-events.jsonl"
    elsewhere = tmp_path / "elsewhere"
    if trap == "directory":
        path.mkdir()
    elif trap == "fifo":
        os.mkfifo(path)
    else:
        if trap == "link":
            elsewhere.write_text("mine\n")
        path.symlink_to(elsewhere)
    telemetry.record("done", what="build")
    if trap == "link":
        assert elsewhere.read_text() == "mine\n"
    if trap == "dangling":
        assert not elsewhere.exists()
    assert segments.take(DataFolder(str(path.parent))) is None


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("no descriptors", marks=pytest.mark.posix("a limit on descriptors")),
        "no state",
    ],
)
def test_a_fault_of_the_system_is_never_the_commands(
    telemetry: Telemetry, home: Path, fault: str
) -> None:
    folder = home / ".local/share/app"
    telemetry.record("done", what="build")
    before = (folder / "telemetry-events.jsonl").read_bytes()
    if fault == "no descriptors":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            telemetry.record("done", what="build")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    else:
        (folder / "telemetry.json").unlink()
        telemetry.record("done", what="build")
    assert (folder / "telemetry-events.jsonl").read_bytes() == before


@pytest.mark.posix("modes of folders")
@needs("setpriv")
def test_a_read_only_home_is_never_the_commands_fault(
    greet: Callable[..., subprocess.CompletedProcess[str]], greet_folder: Path
) -> None:
    greet("telemetry", "on")
    greet_folder.chmod(0o500)
    # Root may write everywhere, unless it gives that capability away.
    weak = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = greet("hello", before=weak)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello, world\n", "")
    assert [path.name for path in greet_folder.iterdir()] == ["telemetry.json"]
    greet_folder.chmod(0o700)
