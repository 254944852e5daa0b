"""Taking and settling: a segment tells by itself what is left in it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword import buffer
from afterword.folder import DataFolder
from afterword.upload import segments
from afterword.upload.segments import Segment


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    return DataFolder(str(path))


def filled(folder: DataFolder, *texts: bytes) -> Segment:
    for text in texts:
        buffer.append(folder.events, text)
    segment = segments.take(folder)
    assert segment is not None
    return segment


def texts(segment: Segment) -> list[bytes | None]:
    return [line.text and line.text.strip() for line in segment.lines()]


def test_taking(folder: DataFolder) -> None:
    assert segments.take(folder) is None
    first = filled(folder, b"one", b"two")
    assert not Path(folder.events).exists()
    second = filled(folder, b"three")
    assert [texts(segment) for segment in segments.waiting(folder)] == [
        [b"one", b"two"],
        [b"three"],
    ]
    assert [first.path, second.path] == [s.path for s in segments.waiting(folder)]


def test_segments_are_ordered_by_number(folder: DataFolder) -> None:
    for number in (1_000_000, 2, 10):
        Path(folder.path, f"telemetry-events.{number:06d}.jsonl").write_text("x\n")
    assert [Path(s.path).name.split(".")[1] for s in segments.waiting(folder)] == [
        "000002", "000010", "1000000",
    ]  # fmt: skip


def test_settling_is_kept_by_the_segment_itself(folder: DataFolder) -> None:
    segment = filled(folder, b"one", b"two", b"three", b"four")
    lines = list(segment.lines())
    segment.settle([lines[0], lines[1], lines[3]])
    assert texts(Segment(segment.path)) == [b"three"]
    assert b"one" not in Path(segment.path).read_bytes()


def test_closing_removes_what_is_done_and_shrinks_the_rest(folder: DataFolder) -> None:
    segment = filled(folder, b"one", b"two", b"three")
    segment.settle(list(segment.lines())[:2])
    assert segment.close() == len(b"three\n")
    assert Path(segment.path).read_bytes() == b"three\n"
    segment.settle(segment.lines())
    assert segment.close() == 0
    assert list(Path(folder.path).iterdir()) == []


def test_closing_an_untouched_segment_rewrites_nothing(folder: DataFolder) -> None:
    segment = filled(folder, b"one")
    before = Path(segment.path).stat()
    segment.close()
    after = Path(segment.path).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@given(
    st.lists(st.binary(max_size=200).map(lambda raw: raw.replace(b"\n", b"")), max_size=40),
    st.data(),
)
def test_a_kill_in_the_middle_of_settling_harms_no_other_line(
    tmp_path_factory: pytest.TempPathFactory, raws: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("s") / "segment"
    path.write_bytes(b"".join(raw + b"\n" for raw in raws))
    segment = Segment(str(path))
    lines = list(segment.lines())
    chosen = [line for line in lines if data.draw(st.booleans())]
    before = path.read_bytes()
    segment.settle(chosen)
    after = path.read_bytes()
    cut = data.draw(st.integers(0, len(before)))  # all before `cut` reached the disk
    path.write_bytes(after[:cut] + before[cut:])
    left = {line.start: line.text for line in segment.lines()}
    for line in lines:
        if line not in chosen:
            assert left[line.start] == line.text
        elif line.start in left and left[line.start] != line.text:
            text = left[line.start]
            assert text is not None
            assert text.startswith(b" ")  # the one that was cut: no event any more


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_line_too_long_is_passed_over_without_being_read_whole(
    folder: DataFolder, ending: bytes
) -> None:
    Path(folder.events).write_bytes(b"one\n" + b"x" * 3_000_000 + b"\ntwo" + ending)
    segment = segments.take(folder)
    assert segment is not None
    assert texts(segment) == [b"one", None, b"two"]
    segment.settle(segment.lines())
    assert segment.close() == 0


def test_a_segment_with_only_blanks_is_empty(folder: DataFolder) -> None:
    Path(folder.events).write_bytes(b"\n\n   \n\n")
    segment = segments.take(folder)
    assert segment is not None
    assert texts(segment) == []


def test_trimming_gives_up_the_oldest(folder: DataFolder) -> None:
    filled(folder, *[b"%03d" % n for n in range(100)])
    filled(folder, *[b"%03d" % n for n in range(100, 200)])
    assert segments.trim(folder, 10_000) == 0
    assert segments.trim(folder, 4 * 50) == 150
    left = [text for segment in segments.waiting(folder) for text in texts(segment)]
    assert left == [b"%03d" % n for n in range(150, 200)]


def test_sweeping_removes_only_what_a_killed_process_left(folder: DataFolder) -> None:
    segment = filled(folder, b"one")
    stays = [Path(folder.state), Path(folder.upload_status), Path(folder.path, "notes.77.tmp")]
    goes = [Path(f"{segment.path}.4711.tmp"), Path(f"{folder.state}.4711.tmp")]
    for path in stays + goes:
        path.write_text("x")
    segments.sweep(folder)
    assert sorted(Path(folder.path).iterdir()) == sorted([*stays, Path(segment.path)])


def test_a_segment_whose_name_another_file_has_is_gone(folder: DataFolder) -> None:
    """`off` removes it under the uploader's hands, and the next taking gets its number."""
    buffer.append(folder.events, b"old")
    old = segments.take(folder)
    assert old is not None
    lines = list(old.lines())
    Path(old.path).rename(f"{old.path}.away")
    buffer.append(folder.events, b"new")
    new = segments.take(folder)
    assert new is not None
    assert new.path == old.path
    for settle in (lambda: old.settle(lines), old.close, old.probe):
        with pytest.raises(FileNotFoundError):
            settle()
    assert [line.text for line in new.lines()] == [b"new\n"]
