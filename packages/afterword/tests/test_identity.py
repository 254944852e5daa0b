"""The anonymous id: random, new with each UTC month, made only on consent, agreed on by all."""

import calendar
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from afterword import Event, Telemetry, folder
from afterword.control import switch
from afterword.folder import Flat, read_flat
from afterword.schema import is_uuid4, timestamp
from afterword.state import files, identity

RECORD = """
import sys, time
from afterword import Event, Telemetry
to = "InstrumentationKey=00000000-0000-4000-8000-000000000001;IngestionEndpoint=https://127.0.0.1"
t = Telemetry("app", version="1", events=[Event("e")], connection_string=to,
              clock=lambda: float(sys.argv[1]), uploader=())
t.record("e")
"""


def at(text: str) -> float:
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def ids_in(home: Path) -> list[str]:
    lines = (home / ".local/share/app/telemetry-events.jsonl").read_text().splitlines()
    return [json.loads(line)["anonymousId"] for line in lines]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2026-03-01 00:00:00", "2026-03-31 23:59:59", True),
        ("2026-03-31 23:59:59", "2026-04-01 00:00:00", False),
        ("2026-12-31 23:59:59", "2027-01-01 00:00:00", False),
        ("2026-03-15 12:00:00", "2027-03-15 12:00:00", False),
        ("2026-04-01 00:00:00", "2026-03-31 23:59:59", False),  # the clock was set back
    ],
)
def test_rotation(
    make: Callable[..., Telemetry], home: Path, first: str, second: str, same: bool
) -> None:
    moments = [at(first)]
    telemetry = make(clock=lambda: moments[-1])
    telemetry.turn_on()
    telemetry.record("done", what="build")
    moments.append(at(second))
    telemetry.record("done", what="build")
    one, two = ids_in(home)
    assert is_uuid4(one)
    assert is_uuid4(two)
    assert (one == two) is same


def test_rotation_keeps_the_rest_and_no_trace_of_the_old_id(
    make: Callable[..., Telemetry], home: Path
) -> None:
    moments = [at("2026-03-01 00:00:00")]
    telemetry = make(clock=lambda: moments[-1])
    telemetry.turn_on()
    path = home / ".local/share/app/telemetry.json"
    before = json.loads(path.read_text())
    moments.append(at("2026-04-01 00:00:00"))
    telemetry.record("done", what="build")
    after = json.loads(path.read_text())
    assert before["anonymousId"] not in path.read_text()
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {"anonymousId", "rotatedAt"}


def test_processes_that_start_together_in_a_new_month_agree(
    make: Callable[..., Telemetry], home: Path
) -> None:
    make(events=[Event("e")], clock=lambda: at("2026-03-01 00:00:00")).turn_on()
    april = str(at("2026-04-01 00:00:01"))
    running = [subprocess.Popen([sys.executable, "-c", RECORD, april]) for _ in range(12)]
    assert [process.wait(timeout=30) for process in running] == [0] * 12
    ids = ids_in(home)
    assert len(ids) == 12
    assert len(set(ids)) == 1


class Stopped:
    """A thread that is stopped right before its n-th call of the system, until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.left = number
        self.reached = threading.Event()
        self.may_go_on = threading.Event()
        self.thread: threading.Thread | None = None
        monkeypatch.setattr(identity, "_PATIENCE", 0.0)  # its lock is not had anyway
        monkeypatch.setattr(switch, "_PATIENCE", 0.0)
        for name in ("open", "read", "write", "close", "lstat", "replace", "rename", "unlink"):
            monkeypatch.setattr(os, name, self.watched(getattr(os, name)))

    def watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is self.thread:
                self.left -= 1
                if self.left == 0:
                    self.reached.set()
                    assert self.may_go_on.wait(20)
            return call(*args, **kwargs)

        return watched

    def run(self, work: Callable[[], object], meanwhile: Callable[[], object]) -> bool:
        """Do `meanwhile` while the thread is stopped in `work`; False if it never came so far."""
        self.thread = threading.Thread(target=work)
        self.thread.start()
        while self.thread.is_alive() and not self.reached.wait(0.01):
            pass
        meanwhile()
        self.may_go_on.set()
        self.thread.join(20)
        return self.reached.is_set()


def test_a_no_is_never_overwritten_by_who_was_stopped_while_renewing_the_id(
    make: Callable[..., Telemetry], home: Path
) -> None:
    moments = [at("2026-03-01 00:00:00")]
    telemetry, other = make(clock=lambda: moments[-1]), make(clock=lambda: moments[-1])
    folder = telemetry.folder
    assert folder is not None
    for number in range(1, 100):
        moments[:] = [at("2026-03-01 00:00:00")]
        telemetry.turn_on()
        moments.append(at("2026-04-01 00:00:00"))
        with pytest.MonkeyPatch.context() as patch:
            stopped = Stopped(patch, number)
            happened = stopped.run(lambda: identity.renew(folder, moments[-1]), other.turn_off)
        assert other.decision().cause == "turned-off", number
        state = json.loads((home / ".local/share/app/telemetry.json").read_text())
        assert (state["enabled"], state["anonymousId"]) == (False, None), number
        if not happened:
            break
    assert number > 10


def test_a_no_is_never_overwritten_by_a_reset(make: Callable[..., Telemetry]) -> None:
    telemetry, other = make(), make()
    for number in range(1, 100):
        telemetry.turn_on()
        with pytest.MonkeyPatch.context() as patch:
            stopped = Stopped(patch, number)
            happened = stopped.run(telemetry.reset, other.turn_off)
        assert other.decision().cause == "turned-off", number
        if not happened:
            break
    assert number > 10


def test_a_yes_does_not_overwrite_a_no_that_was_said_meanwhile(
    make: Callable[..., Telemetry],
) -> None:
    """Once it has begun to write; who said it before has been overruled by the person."""
    telemetry, other = make(), make()
    refused: list[BlockingIOError] = []
    causes: list[tuple[str, bool]] = []

    def answer() -> None:
        try:
            telemetry.turn_on()
        except BlockingIOError as error:
            refused.append(error)

    for number in range(1, 100):
        telemetry.turn_off()
        refused.clear()
        with pytest.MonkeyPatch.context() as patch:
            stopped = Stopped(patch, number)
            happened = stopped.run(answer, other.turn_off)
        causes.append((other.decision().cause, bool(refused)))
        if not happened:
            break
    # From some call on a yes is refused, up to the one that puts it in place.
    assert causes.count(("turned-off", True)) > 3
    assert {*causes} <= {("turned-off", True), ("turned-off", False), ("consent", False)}
    refusing = causes.index(("turned-off", True))
    assert ("consent", False) not in causes[refusing:]


def test_no_id_without_a_place_to_keep_it(make: Callable[..., Telemetry], home: Path) -> None:
    moments = [at("2026-03-01 00:00:00")]
    telemetry = make(clock=lambda: moments[-1])
    telemetry.turn_on()
    folder = home / ".local/share/app"
    (folder / "telemetry.lock").mkdir()  # the state cannot be changed
    moments.append(at("2026-04-01 00:00:00"))
    telemetry.record("done", what="build")
    assert not (folder / "telemetry-events.jsonl").exists()


def test_turning_off_and_on_makes_a_new_id(telemetry: Telemetry, home: Path) -> None:
    path = home / ".local/share/app/telemetry.json"
    first = json.loads(path.read_text())
    assert telemetry.turn_off() == 0
    off = json.loads(path.read_text())
    assert off["anonymousId"] is None
    assert (off["enabled"], off["consentGiven"]) == (False, False)
    telemetry.turn_on()
    again = json.loads(path.read_text())
    assert is_uuid4(again["anonymousId"])
    assert again["anonymousId"] != first["anonymousId"]
    assert again["createdAt"] == first["createdAt"]


@pytest.mark.posix("modes of files")
def test_files_are_the_owners_alone(telemetry: Telemetry, home: Path) -> None:
    telemetry.record("done", what="build")
    folder = home / ".local/share/app"
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_state_files_read_back_as_written(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    values: Flat = {
        "yes": True, "no": False, "nothing": None, "number": 12, "text": timestamp(0),
        "odd": 'quote " and \\ and é\n', "empty": "", "like": "true",
    }  # fmt: skip
    files.write(path, values)
    assert json.loads(Path(path).read_text()) == values
    assert read_flat(path) == values
    del values["odd"]
    files.write(path, values)
    assert folder._read_own_form(Path(path).read_text()) == values  # the fast way
    assert read_flat(path) == values
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("state")] == [
        "state.json"
    ]


PIECES = (
    '"',
    "{",
    "}",
    "\n",
    "true",
    "null",
    "[",
    ":",
    ",",
    "\\",
    "\0",
    "0",
    "٣",
    "  ",
    " ",
    "\x7f",
)


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(PIECES), st.integers(0, 9)), max_size=4))
@example([])
@example([(0.99, "0", 0)])
@example([(0.3, "", 1)])
def test_the_quick_reader_reads_nothing_that_a_parser_would_not(
    changes: list[tuple[float, str, int]],
) -> None:
    """However a file is damaged: a yes that only one of the two reads would be no yes."""
    text = (
        '{\n  "enabled": true,\n  "number": 12,\n  "at": "2026-01-01",\n  "agreed": "e:event"\n}\n'
    )
    for place, piece, cut in changes:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + cut :]
    found = folder._read_own_form(text)
    if found is not None:
        assert found == json.loads(text)
    elif not changes:
        pytest.fail("it does not read its own form")


def test_a_no_said_elsewhere_is_heard_by_a_program_at_work(
    telemetry: Telemetry, make: Callable[..., Telemetry], home: Path
) -> None:
    """What was read of the state is kept only as long as the file is the same."""
    events = home / ".local/share/app/telemetry-events.jsonl"
    telemetry.record("done", what="build")
    make().turn_off()
    telemetry.record("done", what="build")
    assert not events.exists()
    make().turn_on()
    telemetry.record("done", what="build")
    state = home / ".local/share/app/telemetry.json"
    state.write_text(state.read_text().replace('"enabled": true', '"enabled": false'))  # by hand
    telemetry.record("done", what="build")
    assert len(events.read_text().splitlines()) == 1
