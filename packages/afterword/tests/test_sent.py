"""The copy of what was sent: what is in it, how large and old it gets, who deletes it."""

import json
import os
import stat
from pathlib import Path

import pytest

from afterword.folder import DataFolder
from afterword.upload import sent

HOST = "https://collector.example"
DAY = 24 * 3600.0
NOW = 1_795_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(str(tmp_path))


def items(folder: DataFolder, now: float = NOW) -> list[object]:
    return [copy.sent for copy in sent.read(folder, now)]


def test_a_copy_says_what_when_and_to_whom(folder: DataFolder) -> None:
    sent.keep(folder, HOST, [{"name": "a"}, {"name": "é"}], NOW)
    assert list(sent.read(folder, NOW)) == [
        sent.Copy("2026-11-18T11:06:40.000Z", HOST, {"name": "a"}),
        sent.Copy("2026-11-18T11:06:40.000Z", HOST, {"name": "é"}),
    ]


@pytest.mark.posix("modes of files")
def test_it_is_for_its_owner_only(folder: DataFolder) -> None:
    sent.keep(folder, HOST, ["a"], NOW)
    assert stat.S_IMODE(os.stat(sent.path_of(folder)).st_mode) == 0o600


def test_it_stays_under_a_megabyte_and_keeps_the_newest(folder: DataFolder) -> None:
    padding = "x" * 5000
    for number in range(300):
        sent.keep(folder, HOST, [[number, padding]], NOW)
        assert os.path.getsize(sent.path_of(folder)) <= sent.MOST_BYTES
    numbers = [item[0] for item in items(folder) if isinstance(item, list)]
    assert numbers == list(range(numbers[0], 300))
    assert len(numbers) > 100


def test_a_batch_over_a_megabyte_leaves_its_newest(folder: DataFolder) -> None:
    sent.keep(folder, HOST, [[number, "x" * 5000] for number in range(300)], NOW)
    assert os.path.getsize(sent.path_of(folder)) <= sent.MOST_BYTES
    assert items(folder)[-1] == [299, "x" * 5000]


def test_it_is_kept_for_30_days(folder: DataFolder) -> None:
    sent.keep(folder, HOST, ["old"], NOW)
    sent.keep(folder, HOST, ["young"], NOW + 20 * DAY)
    assert items(folder, NOW + 31 * DAY) == ["young"]  # read so at once, removed by the next upload
    sent.keep(folder, HOST, ["new"], NOW + 31 * DAY)
    with open(sent.path_of(folder)) as file:
        assert [json.loads(line)["sent"] for line in file] == ["young", "new"]


def test_a_torn_line_harms_no_other(folder: DataFolder) -> None:
    sent.keep(folder, HOST, ["one"], NOW)
    with open(sent.path_of(folder), "ab") as file:
        file.write(b'{"at":"2026-11-1')
    sent.keep(folder, HOST, ["two"], NOW)
    assert items(folder) == ["one", "two"]


@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b"[]", b"{}", b'{"at":1,"host":2,"sent":3}', b"[" * 9999]
)
def test_what_is_no_copy_is_left_out(folder: DataFolder, line: bytes) -> None:
    Path(sent.path_of(folder)).write_bytes(line + b"\n")
    sent.keep(folder, HOST, ["one"], NOW)
    assert items(folder) == ["one"]


def test_turned_off_before_nothing_is_written(folder: DataFolder) -> None:
    sent.keep(folder, HOST, ["a"], NOW, wanted=lambda: False)
    assert not os.path.exists(sent.path_of(folder))


def test_turned_off_meanwhile_nothing_stays(folder: DataFolder) -> None:
    answers = iter([True, False])
    sent.keep(folder, HOST, ["a"], NOW, wanted=lambda: next(answers))
    assert not os.path.exists(sent.path_of(folder))


@pytest.mark.posix("making a link needs a privilege there")
def test_a_link_is_not_followed(folder: DataFolder, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine\n")
    os.symlink(other, sent.path_of(folder))
    sent.keep(folder, HOST, ["a"], NOW)
    assert other.read_text() == "mine\n"
    assert items(folder) == []


@pytest.mark.parametrize("in_the_way", ["folder", "no folder"])
def test_no_copy_is_no_failure(tmp_path: Path, in_the_way: str) -> None:
    folder = DataFolder(str(tmp_path / "data"))
    if in_the_way == "folder":
        os.makedirs(sent.path_of(folder))
    sent.keep(folder, HOST, ["a"], NOW)
    assert items(folder) == []


def test_deleting_twice(folder: DataFolder) -> None:
    sent.keep(folder, HOST, ["a"], NOW)
    sent.delete(folder)
    sent.delete(folder)
    assert items(folder) == []
