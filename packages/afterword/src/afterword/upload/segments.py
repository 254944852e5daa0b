"""Segments, the taken parts of the buffer: take, read, settle, drop.

Taking renames the buffer to a *segment*, which gets no new lines. A settled line is overwritten in
place with spaces. There is no other bookkeeping: after any crash the segment itself tells what is
left, and overwriting needs no free disk space. A segment with nothing left is removed. One with a
rest is rewritten without the blanks, beside itself, and then renamed.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from afterword import buffer
from afterword.buffer import MOST_LINE
from afterword.folder import DataFolder, stamp
from afterword.lock import is_locked_at, patiently, rename_and_close, same_file, wait_lock
from afterword.state.lockfile import FileLock

_NAME = re.compile(r"telemetry-events\.(\d{6,})(?:-[0-9a-f]+)?\.jsonl\Z")
_NEW = re.compile(r"telemetry-events\.new-([0-9a-f]+)\.jsonl\Z")
_LEFTOVER = re.compile(r"telemetry.*\.\d+\.tmp\Z")
_OF_STATE = "telemetry.json."
_CHUNK = 1 << 12
_PIECE = 1 << 16
_BLANK = b" " * (_CHUNK - 1) + b"\n"
_PATIENCE = 2.0  # seconds; in the background there is time
_NO_LINKS = os.utime in os.supports_follow_symlinks
_FLAGS: int = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Line(NamedTuple):
    """One line of a segment: where it starts, and its bytes with the newline.

    `text` is None for a line too long to be an event, which is never held in memory whole.
    """

    start: int
    length: int
    text: bytes | None


class Segment:
    """A taken part of the buffer. Only the holder of the upload lock works on it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: tuple[int, int] | None = None

    def __repr__(self) -> str:
        return f"Segment({self.path!r})"

    def lines(self) -> Iterator[Line]:
        """What is not settled yet, in the order of recording, reading a piece at a time."""
        with open(self._open(), "rb") as file:
            start = 0
            while piece := file.readline(MOST_LINE):
                length, text = len(piece), piece
                while not piece.endswith(b"\n") and (piece := file.readline(MOST_LINE)):
                    length += len(piece)
                if text.strip():
                    yield Line(start, length, text if length == len(text) else None)
                start += length

    def holds(self, line: Line) -> bool:
        """Is this line, read earlier, still there? `off` and `reset` remove it."""
        try:
            fd = self._open()
        except OSError:
            return False
        try:
            os.lseek(fd, line.start, os.SEEK_SET)
            return os.read(fd, line.length) == line.text
        except OSError:
            return False
        finally:
            os.close(fd)

    def sign(self) -> str:
        """What no other file has, nor this one after any change; empty if it is gone."""
        found = stamp(self.path)
        return "-".join(map(str, found)) if found else ""

    def probe(self) -> None:
        """Raise OSError if the disk would not take the settling of a line.

        On a disk that copies on write and is full, overwriting in place needs room as well; what
        was sent could then not be settled, and would be sent by every upload again.
        """
        fd = self._open()
        try:
            first = os.read(fd, 1)
            os.lseek(fd, 0, os.SEEK_SET)
            if first and os.write(fd, first) < 1:
                raise OSError(28, "no space left for", self.path)
        finally:
            os.close(fd)

    def settle(self, lines: Iterable[Line]) -> None:
        """Blank these lines, in ascending order, for good. Raise OSError if the disk refuses.

        Neighbouring lines in one write. A kill in the middle leaves a part blanked: settled lines,
        and one cut line that can no longer be read as an event and was settled too.
        """
        fd = self._open()
        try:
            for start, lengths in _adjacent(lines):
                os.lseek(fd, start, os.SEEK_SET)
                _write_blanks(fd, lengths)
        finally:
            os.close(fd)

    def close(self) -> int:
        """Remove the segment if nothing is left in it, else its blanks; return the bytes left.

        Raises:
            OSError: there was no room to rewrite it; it is as it was.
        """
        size = os.stat(self.path).st_size
        kept = sum(line.length for line in self.lines())
        if not kept:
            if os.stat(self.path).st_size == size:  # else a writer without lock came late
                patiently(lambda: os.unlink(self.path))
        elif kept < size:
            beside = f"{self.path}.{os.getpid()}.tmp"
            try:
                with open(os.open(beside, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    for line in self.lines():
                        if line.text is not None:
                            file.write(line.text)
                    file.flush()
                    os.fsync(file.fileno())  # or a power cut leaves the new name and no content
                if os.stat(self.path).st_size == size:
                    patiently(lambda: os.replace(beside, self.path))
                    self._file = None
            finally:
                _unlink(beside)
        return kept

    def delete(self) -> int:
        """Remove it, unsent; return how many events were in it, or 0 if it could not be.

        Windows removes no file that an uploader has open: there its lines are made blank first, and
        it is removed when the uploader has seen that, or by the next one.

        Raises:
            OSError: it is there still.
        """
        lines: list[Line] = []
        with contextlib.suppress(OSError):  # what cannot be read is to go all the same
            lines += [line._replace(text=None) for line in self.lines()]
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            return 0
        except PermissionError:
            self.settle(lines)
            with contextlib.suppress(PermissionError, FileNotFoundError):
                patiently(lambda: os.unlink(self.path), _PATIENCE)
        return len(lines)

    def _open(self) -> int:
        """Open it; the same file each time, as `off` frees the name, and the next taking takes it.

        Raises:
            FileNotFoundError: it is gone, also where another one has its name.
            OSError: it cannot be opened, or is no plain file.
        """
        fd = os.open(self.path, _FLAGS)
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(fd)
            raise OSError(22, "not a plain file", self.path)
        file = found.st_dev, found.st_ino
        if self._file not in (None, file):
            os.close(fd)
            raise FileNotFoundError(2, "another file has the name", self.path)
        self._file = file
        return fd


def waiting(folder: DataFolder) -> list[Segment]:
    """The segments that are not done yet, oldest first."""
    try:
        names = os.listdir(folder.path)
    except OSError:
        return []
    numbered = sorted((int(match[1]), name) for name in names if (match := _NAME.match(name)))
    paths = (os.path.join(folder.path, name) for _, name in numbered)
    return [Segment(path) for path in paths if _is_plain(path)]


def new_files(folder: DataFolder) -> list[str]:
    """The paths of what was not taken yet: the files of writers that got no lock, then the buffer.

    The buffer need not exist.
    """
    try:
        names = sorted(filter(_NEW.match, os.listdir(folder.path)))
    except OSError:
        names = []
    return [*(os.path.join(folder.path, name) for name in names), folder.events]


def count(folder: DataFolder) -> int:
    """How many lines the segments still hold, as far as they can be read."""
    return sum(map(count_lines, waiting(folder)))


def count_lines(segment: Segment) -> int:
    """How many lines a segment still holds; as many as can be read."""
    found = 0
    with contextlib.suppress(OSError):
        for _ in segment.lines():
            found += 1
    return found


def all_lines(folder: DataFolder) -> Iterator[Line]:
    """Every line that waits, as far as it can be read: of the segments, then of what is new."""
    for segment in waiting(folder):
        with contextlib.suppress(OSError):  # done with in this moment
            yield from segment.lines()
    for path in new_files(folder):
        lines: list[Line] = []
        with contextlib.suppress(OSError), _alone(_PATIENCE):  # not there, or taken
            lines += Segment(path).lines()
        yield from lines


def mark(folder: DataFolder, until: float) -> None:
    """Note on the files themselves that no command is to start an uploader before `until`.

    For a disk on which no status can be written: setting the time of a file needs no space.
    """
    for path in (*(segment.path for segment in waiting(folder)), folder.events):
        with contextlib.suppress(OSError):
            os.utime(path, (int(until), int(until)), follow_symlinks=not _NO_LINKS)


def has_new(folder: DataFolder) -> bool:
    """Is there anything that was not taken yet and can be?

    What a writer holds cannot: it is still in its command, whose end starts an uploader; or it is
    stopped, and nobody waits for it.
    """
    with contextlib.suppress(OSError), _alone(0.0):
        return any(_size(path) > 0 and not is_locked_at(path) for path in new_files(folder))
    return False


def take(folder: DataFolder, patience: float = _PATIENCE) -> Segment | None:
    """Rename something that was not taken yet to a new segment; None if nothing can be now.

    `patience`: seconds to wait for a writer that holds the buffer.
    """
    *beside, events = new_files(folder)
    for path in beside:
        if (segment := _take(folder, path, 0.0)) is not None:
            return segment
    return _take(folder, events, patience)


def take_all(folder: DataFolder, patience: float = _PATIENCE) -> None:
    """Take everything that is there now; what comes meanwhile is for another time."""
    for path in new_files(folder):
        _take(folder, path, patience)


def _take(folder: DataFolder, path: str, patience: float) -> Segment | None:
    """Take this file; None if it is empty, gone, or somebody has it for longer than `patience`."""
    fd = -1
    with contextlib.suppress(OSError), _alone(patience):
        try:
            fd = os.open(path, _FLAGS)
            with contextlib.suppress(OSError):  # no locks here: writers look after themselves
                if not wait_lock(fd, patience):
                    return None
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or not same_file(fd, path):
                return None
            segment = Segment(os.path.join(folder.path, _next_name(folder, path)))
            locked, fd = fd, -1
            rename_and_close(locked, path, segment.path, patience)
            if os.stat(segment.path).st_size:
                return segment
            os.unlink(segment.path)  # the disk was full from the first byte on, or its writer died
        finally:
            if fd >= 0:
                os.close(fd)
    return None


def _next_name(folder: DataFolder, path: str) -> str:
    """A name behind all others, and nobody else's: the buffer's lock is held, or by the token."""
    names = os.listdir(folder.path)
    number = 1 + max((int(m[1]) for name in names if (m := _NAME.match(name))), default=0)
    new = _NEW.match(os.path.basename(path))
    return f"telemetry-events.{number:06d}{f'-{new[1]}' if new else ''}.jsonl"


@contextlib.contextmanager
def _alone(patience: float) -> Iterator[None]:
    """Be the one thread of this process at files that are appended to; see `buffer.enter`.

    Raises:
        BlockingIOError: another thread kept it for `patience` seconds.
    """
    if not buffer.enter(patience):
        raise BlockingIOError(11, "another thread is writing")
    try:
        yield
    finally:
        buffer.leave()


def sweep(folder: DataFolder) -> None:
    """Remove temporary files that a killed process left. For the holder of the upload lock.

    The state file's are written under a lock of their own; while somebody has it, they stay.
    """
    leftover = [name for name in os.listdir(folder.path) if _LEFTOVER.match(name)]
    of_state = [name for name in leftover if name.startswith(_OF_STATE)]
    for name in leftover:
        if name not in of_state:
            _unlink(os.path.join(folder.path, name))
    lock = FileLock(folder.state_lock)
    if of_state and lock.acquire():
        for name in of_state:
            _unlink(os.path.join(folder.path, name))
        lock.release()


def trim(folder: DataFolder, most: int) -> int:
    """Drop the oldest lines until at most `most` bytes wait; return how many lines that was.

    Blanks that a killed uploader has left do not count, and are left out. For the holder of
    the upload lock.
    """
    oldest_first = waiting(folder)
    new = sum(map(_size, new_files(folder)))
    given_up = 0
    if sum(_size(segment.path) for segment in oldest_first) + new <= most:
        return given_up
    surplus = sum(map(_unsettled, oldest_first)) + new - most
    for segment in oldest_first:
        with contextlib.suppress(OSError):  # what cannot be read or written stays
            if lines := list(_oldest(segment, surplus)):
                segment.settle(lines)
                given_up += len(lines)
                surplus -= sum(line.length for line in lines)
            segment.close()
    return given_up


def _unsettled(segment: Segment) -> int:
    """Its bytes without the blanks; 0 if it cannot be read."""
    size = 0
    with contextlib.suppress(OSError):
        for line in segment.lines():
            size += line.length
    return size


def _oldest(segment: Segment, size: int) -> Iterator[Line]:
    """The first lines of the segment that have at least so many bytes, without their text."""
    for line in segment.lines():
        if size <= 0:
            break
        yield line._replace(text=None)
        size -= line.length


def _adjacent(lines: Iterable[Line]) -> Iterator[tuple[int, list[int]]]:
    """Where each run of neighbouring lines starts, and the lengths of its lines."""
    start, lengths, end = 0, list[int](), -1
    for line in lines:
        if line.start != end:
            if lengths:
                yield start, lengths
            start, lengths = line.start, []
        lengths.append(line.length)
        end = line.start + line.length
    if lengths:
        yield start, lengths


def _write_blanks(fd: int, lengths: Iterable[int]) -> None:
    """Spaces over lines of these lengths, each with its newline.

    In a line too long to be an event there are newlines in between, so that reading stays cheap.
    """
    blanks = bytearray()
    for length in lengths:
        left = length
        while left > 0:
            part = min(left, _CHUNK)
            blanks += _BLANK[-part:]
            left -= part
            if len(blanks) >= _PIECE:
                _write(fd, blanks)
                blanks.clear()
    _write(fd, blanks)


def _write(fd: int, data: bytes | bytearray) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _size(path: str) -> int:
    try:
        found = os.lstat(path)
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _is_plain(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
