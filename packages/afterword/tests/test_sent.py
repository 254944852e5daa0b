"""The copy of what was sent: what is in it, how large and old it gets, who deletes it."""

import json
import os
import stat
from pathlib import Path

import pytest
from support import Answer, Clock, Server, taken

from afterword import Telemetry
from afterword.control import commands, report
from afterword.folder import DataFolder
from afterword.schema import timestamp
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


def copies(telemetry: Telemetry) -> list[sent.Copy]:
    assert telemetry.folder is not None
    return list(sent.read(telemetry.folder, telemetry.clock()))


def test_what_the_service_took_is_kept_as_it_was_on_the_wire(
    telemetry: Telemetry, server: Server, clock: Clock
) -> None:
    for number in range(150):
        telemetry.record("done", what="build", how_many=number)
    telemetry.upload()
    assert [copy.sent for copy in copies(telemetry)] == [
        envelope for request in server.requests for envelope in request.envelopes
    ]
    assert {copy.host for copy in copies(telemetry)} == {f"{server.endpoint}/"}
    assert {copy.at[:19] for copy in copies(telemetry)} == {timestamp(clock.now)[:19]}


def test_what_it_did_not_take_is_not(telemetry: Telemetry, server: Server) -> None:
    for number in range(3):
        telemetry.record("done", what="build", how_many=number)
    server.script = lambda number, _request: (
        Answer(206, taken(3, {0: 500, 2: 500})) if number == 1 else Answer(503)
    )
    telemetry.upload()
    (copy,) = copies(telemetry)
    assert copy.sent == server.requests[0].envelopes[1]


def test_a_service_that_takes_nothing_leaves_no_copy(telemetry: Telemetry, server: Server) -> None:
    telemetry.record("done", what="build")
    server.script = lambda _number, _request: Answer(500)
    telemetry.upload()
    assert copies(telemetry) == []


@pytest.mark.parametrize("how", ["off", "reset"])
def test_off_and_reset_delete_it(telemetry: Telemetry, home: Path, how: str) -> None:
    telemetry.record("done", what="build")
    telemetry.upload()
    path = home / ".local/share/app/telemetry-sent.jsonl"
    assert path.exists()
    telemetry.turn_off() if how == "off" else telemetry.reset()
    assert not path.exists()


def test_off_while_a_batch_is_at_the_service_leaves_no_copy(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    telemetry.record("done", what="build")
    state = home / ".local/share/app/telemetry.json"

    def off(_number: int, _request: object) -> Answer:
        state.write_text(json.dumps({"enabled": False, "consentGiven": False}))
        return Answer()

    server.script = off
    telemetry.upload()
    assert not (home / ".local/share/app/telemetry-sent.jsonl").exists()


def test_status_counts_it_and_show_prints_it(
    telemetry: Telemetry, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.run(telemetry, "show", sent=True)
    assert "Nothing was sent in the last 30 days" in capsys.readouterr().out
    for what in ("build", "test"):
        telemetry.record("done", what=what)
    telemetry.upload()
    assert report.report(telemetry).sent == 2
    commands.run(telemetry, "status")
    assert "2 events in the last 30 days" in capsys.readouterr().out
    commands.run(telemetry, "show", sent=True)
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["SENT", "(UTC)", "TO", "WHAT"]
    assert f"{server.endpoint}/" in first
    assert '"what":"build"' in first
    assert '"what":"test"' in second
    commands.run(telemetry, "show", sent=True, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [one["sent"] for one in told] == server.requests[0].envelopes


def test_sent_goes_with_show_only(telemetry: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run(telemetry, "status", sent=True) == 2
    assert capsys.readouterr().err == "Error: --sent goes with show: app telemetry show --sent\n"


def test_an_upload_does_not_fail_over_a_copy(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    (home / ".local/share/app/telemetry-sent.jsonl").mkdir()
    telemetry.record("done", what="build")
    outcome = telemetry.upload()
    assert outcome is not None
    assert (outcome.sent, outcome.error) == (1, None)


def test_what_cannot_be_written_as_json_is_no_failure(folder: DataFolder) -> None:
    sent.keep(folder, HOST, [object()], NOW)
    assert items(folder) == []
