"""Promises 3, 4 and 7: the real uploader, as a process, against servers that answer anything."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Answer, Clock, Request, Server, taken, wait_until

from afterword import Telemetry
from afterword.upload import status as upload_status

Run = Callable[..., subprocess.CompletedProcess[str]]
Make = Callable[..., Telemetry]

UPLOADER = """
import sys, time
from afterword import Event, Flag, OneOf, Telemetry
t = Telemetry("app", version="1.2.3", events=[Event("done", what=OneOf("build"))],
              connection_string=sys.argv[1])
t.run_uploader()
"""


def record(telemetry: Telemetry, count: int) -> None:
    for _ in range(count):
        telemetry.record("done", what="build")


def waiting(home: Path) -> list[str]:
    """The ids of the events on disk, wherever they wait."""
    folder = home / ".local/share/app"
    taken_ones = sorted(folder.glob("telemetry-events.*.jsonl"))
    files = [*taken_ones, *folder.glob("telemetry-events.jsonl")]
    lines = [line for path in files for line in path.read_text().split("\n")]
    return [json.loads(line)["eventId"] for line in lines if line.strip()]


def start_uploader(server: Server) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", UPLOADER, server.connection_string])


def ids(server: Server) -> list[str]:
    return [event["event_id"] for event in server.events()]


def test_batches_of_a_hundred_in_order_and_nothing_left(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    record(telemetry, 250)
    recorded = waiting(home)
    assert start_uploader(server).wait(timeout=30) == 0
    assert [len(request.envelopes) for request in server.requests] == [100, 100, 50]
    assert ids(server) == recorded
    assert {path.name for path in (home / ".local/share/app").iterdir()} == {
        "telemetry.json",
        "telemetry-sent.jsonl",
        "telemetry-upload.json",
    }


def test_requests_stay_under_500_kb(make: Make, server: Server) -> None:
    from afterword import Event, ListOf

    words = [f"{n:0>60}" for n in range(100)]
    telemetry = make(events=[Event("big", words=ListOf(*words))])
    telemetry.turn_on()
    for _ in range(200):
        telemetry.record("big", words=words)
    status = telemetry.upload()
    assert status is not None
    assert status.sent == 200
    sizes = [len(request.body) for request in server.requests]
    assert max(sizes) <= 500_000
    assert max(sizes) > 400_000  # as full as that allows


@pytest.mark.parametrize("code", [402, 429, 439, 500, 503, 404, 307, 401])
def test_whatever_the_server_answers_every_event_stays(
    make: Make, server: Server, home: Path, code: int, clock: Clock
) -> None:
    telemetry = make()
    telemetry.turn_on()
    record(telemetry, 120)
    before = waiting(home)
    server.script = lambda _n, _r: Answer(code, b"{}", {"Location": "https://example.invalid/"})
    assert start_uploader(server).wait(timeout=30) == 0
    assert waiting(home) == before
    assert len(server.requests) == (3 if code in (429, 500, 503) else 1)
    server.script = lambda _n, _r: Answer()
    server.requests.clear()
    assert telemetry.upload() is not None
    assert sorted(ids(server)) == sorted(before)
    assert waiting(home) == []


def test_206_keeps_what_may_be_sent_again_and_only_that(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    record(telemetry, 10)
    recorded = waiting(home)
    again, never = recorded[2:4], recorded[7:9]

    def some(_number: int, request: Request) -> Answer:
        sent = [e["data"]["baseData"]["properties"]["event_id"] for e in request.envelopes]
        errors = {sent.index(one): 503 for one in again if one in sent}
        errors |= {sent.index(one): 400 for one in never if one in sent}
        return Answer(206, taken(len(sent), errors))

    server.script = some
    assert start_uploader(server).wait(timeout=30) == 0
    assert waiting(home) == again
    assert [len(request.envelopes) for request in server.requests] == [10, 2, 2]
    status = upload_status.load(str(home / ".local/share/app/telemetry-upload.json"))
    assert (status.sent, status.kept, status.dropped) == (6, 2, {"refused": 2})
    assert status.error == "503 for 2 of 2"
    server.script = lambda _n, _r: Answer()
    assert start_uploader(server).wait(timeout=30) == 0
    assert ids(server)[-2:] == again
    assert waiting(home) == []


def test_one_bad_event_is_found_and_the_others_arrive(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    record(telemetry, 150)
    bad = waiting(home)[70]
    server.script = lambda _n, request: Answer(400 if bad.encode() in request.body else 200)
    status = telemetry.upload()
    assert status is not None
    assert (status.sent, status.dropped) == (149, {"refused": 1})
    assert waiting(home) == []


def test_a_server_that_refuses_everything_costs_nothing(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    record(telemetry, 250)
    recorded = waiting(home)
    server.script = lambda _n, _r: Answer(400, b"{}")
    status = telemetry.upload()
    assert status is not None
    assert (status.sent, status.dropped, status.kept) == (0, {}, 250)
    assert len(server.requests) < 60
    assert waiting(home) == recorded


def test_what_is_refused_before_anything_was_taken_stays(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    record(telemetry, 101)  # the first batch all bad, the second good
    good = waiting(home)[-1]
    server.script = lambda _n, request: Answer(200 if good.encode() in request.body else 400)
    status = telemetry.upload()
    assert status is not None
    assert (status.sent, status.dropped, status.kept) == (1, {}, 100)  # none had taken before
    assert status.error == "the service refuses 3 events: 400 for the whole batch"


def test_refused_connections(make: Make, home: Path) -> None:
    telemetry = make(
        connection_string="InstrumentationKey=00000000-0000-4000-8000-000000000001;"
        "IngestionEndpoint=http://127.0.0.1:9/"
    )
    telemetry.turn_on()
    record(telemetry, 3)
    before = waiting(home)
    status = telemetry.upload()
    assert status is not None
    assert status.error is not None
    assert status.error.startswith("no answer: ")
    assert waiting(home) == before


def test_a_server_that_hangs_is_given_up(telemetry: Telemetry, server: Server, home: Path) -> None:
    from afterword.upload.jobs import make_job
    from afterword.upload.run import run

    record(telemetry, 3)
    before = waiting(home)
    server.script = lambda _n, _r: Answer(hang=True)
    waits: list[float] = []
    status = run(make_job(telemetry, silence=lambda _failures: 0.3, sleep=waits.append))
    assert status is not None
    assert status.error == "no answer within 0.3 s"
    # Whoever is slow has a copy: no second attempt with the same, but one with half of it.
    assert ([len(request.envelopes) for request in server.requests], waits) == ([3, 1], [])
    assert waiting(home) == before


def test_only_one_uploader_at_a_time(telemetry: Telemetry, server: Server, home: Path) -> None:
    record(telemetry, 120)
    recorded = waiting(home)
    going = [start_uploader(server) for _ in range(4)]
    assert [process.wait(timeout=30) for process in going] == [0] * 4
    assert sorted(ids(server)) == sorted(recorded)


def test_events_recorded_during_the_upload_leave_with_it(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    record(telemetry, 5)

    def more(number: int, _request: Request) -> Answer:
        if number <= 3:
            record(telemetry, 20)
        return Answer()

    server.script = more
    assert start_uploader(server).wait(timeout=30) == 0
    assert len(set(ids(server))) == len(ids(server)) == 65
    assert waiting(home) == []


@pytest.mark.parametrize(
    "sign", [9, pytest.param(signal.SIGTERM, marks=pytest.mark.posix("SIGTERM is not caught"))]
)
def test_killed_in_the_middle_it_is_taken_up_by_the_next(
    telemetry: Telemetry, server: Server, home: Path, sign: int
) -> None:
    record(telemetry, 250)
    recorded = waiting(home)
    server.script = lambda number, _r: Answer(hang=number == 2)
    first = start_uploader(server)
    wait_until(lambda: len(server.requests) == 2)
    asked = time.monotonic()
    if sign == signal.SIGTERM:
        first.terminate()
    else:
        first.kill()
    assert (first.wait(timeout=10) == 0) == (sign == signal.SIGTERM)
    assert time.monotonic() - asked < 5
    assert waiting(home) == recorded[100:]
    assert start_uploader(server).wait(timeout=30) == 0
    arrived = ids(server)
    assert set(arrived) == set(recorded)
    assert len(arrived) - len(set(arrived)) <= 100
    assert waiting(home) == []


def test_too_old_unreadable_and_undeclared_lines_do_not_leave(
    telemetry: Telemetry, server: Server, home: Path, clock: Clock
) -> None:
    path = home / ".local/share/app/telemetry-events.jsonl"
    clock.now -= 31 * 86400
    telemetry.turn_on()
    record(telemetry, 2)
    clock.now += 2 * 86400
    record(telemetry, 1)
    clock.now += 29 * 86400
    fit = json.loads(path.read_text().splitlines()[-1])
    foreign = [
        fit | {"what": "rm -rf /home/somebody"},
        fit | {"path": "/home/somebody"},
        fit | {"eventType": "secret"},
        fit | {"eventId": "somebody"},
        fit | {"anonymousId": "somebody@example.org"},
        fit | {"appVersion": "1.0 on somebody's laptop"},
        fit | {"platform": "plan9"},
        fit | {"timestamp": "yesterday"},
        fit | {"timestamp": "2026-13-99T00:00:00.000Z"},
        {key: value for key, value in fit.items() if key != "what"},
        {("how_many" if key == "what" else key): value for key, value in fit.items()},
    ]
    garbage = ['{"eventId":', "null", "[]", '"x"', "\0\0", "}{", "é" * 50, "[" * 20_000]
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in foreign)
        file.writelines(line + "\n" for line in garbage)
        file.write("x" * 100_000 + "\n")
        file.write(json.dumps(fit | {"eventId": "11111111-2222-4333-8444-555555555555"}))  # no end
    status = telemetry.upload()
    assert status is not None
    assert ids(server) == [fit["eventId"], "11111111-2222-4333-8444-555555555555"]
    assert status.dropped == {"undeclared": len(foreign), "unreadable": len(garbage) + 1}
    assert status.kept == 2  # too old by the clock alone
    assert b"somebody" not in b"".join(request.body for request in server.requests)


def test_turned_off_while_it_runs_it_stops_before_the_next_batch(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    record(telemetry, 250)

    def off(_number: int, _request: Request) -> Answer:
        telemetry.turn_off()
        return Answer()

    server.script = off
    assert start_uploader(server).wait(timeout=30) == 0
    assert len(server.requests) == 1
    folder = home / ".local/share/app"  # `off` may still be at it
    wait_until(lambda: [path.name for path in folder.iterdir()] == ["telemetry.json"])


def test_a_cookie_is_not_sent_back(telemetry: Telemetry, server: Server) -> None:
    """By one a server, or a balancer before it, would know the uploader again."""
    record(telemetry, 150)
    server.script = lambda _number, _request: Answer(headers={"Set-Cookie": "who=you; Path=/"})
    assert start_uploader(server).wait(timeout=30) == 0
    assert len(server.requests) == 2
    for request in server.requests:
        assert "cookie" not in {name.lower() for name in request.headers}


@pytest.mark.parametrize("answer", [Answer(500, headers={"Retry-After": "1"}), Answer(413)])
def test_turned_off_between_two_attempts_no_other_is_made(
    telemetry: Telemetry, server: Server, home: Path, answer: Answer
) -> None:
    """Nor is a batch halved any further."""
    record(telemetry, 8)

    def off(_number: int, _request: Request) -> Answer:
        telemetry.turn_off()
        return answer

    server.script = off
    assert start_uploader(server).wait(timeout=30) == 0
    assert len(server.requests) == 1
    folder = home / ".local/share/app"  # `off` may still be at it
    wait_until(lambda: [path.name for path in folder.iterdir()] == ["telemetry.json"])


def test_turning_off_deletes_what_waits(telemetry: Telemetry, home: Path) -> None:
    record(telemetry, 7)
    assert telemetry.turn_off() == 7
    assert [path.name for path in (home / ".local/share/app").iterdir()] == ["telemetry.json"]


@pytest.mark.parametrize(
    "no", [{"DO_NOT_TRACK": "1"}, {"APP_TELEMETRY": "0"}, {"CI": "true"}, {"BUILD_ID": "1"}]
)
def test_a_no_in_the_environment_holds_for_what_already_waits(
    telemetry: Telemetry, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch,
    no: dict[str, str],
) -> None:  # fmt: skip
    record(telemetry, 3)
    before = {path.name: path.read_bytes() for path in (home / ".local/share/app").iterdir()}
    for name, value in no.items():
        monkeypatch.setenv(name, value)
    assert start_uploader(server).wait(timeout=30) == 0
    assert server.requests == []
    after = {path.name: path.read_bytes() for path in (home / ".local/share/app").iterdir()}
    assert after == before


def test_over_the_cap_the_oldest_leave_first(make: Make, server: Server, home: Path) -> None:
    telemetry = make(cap=20_000)
    telemetry.turn_on()
    record(telemetry, 400)
    folder = home / ".local/share/app"
    on_disk = sum(path.stat().st_size for path in folder.glob("telemetry-events*"))
    assert on_disk <= 20_000 * 1.5
    recorded = waiting(home)
    telemetry.upload()
    arrived = ids(server)
    assert 50 < len(arrived) < 100
    assert arrived == recorded[-len(arrived) :]


def test_a_missing_extra_is_said_in_the_status(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    record(telemetry, 2)
    official = UPLOADER.replace("Telemetry(", 'Telemetry(exporter="azure_official", name=', 1)
    code = "import sys; sys.modules['azure.monitor.opentelemetry.exporter'] = None" + official
    command = [sys.executable, "-c", code, server.connection_string]
    assert subprocess.run(command, check=False).returncode == 0
    status = upload_status.load(str(home / ".local/share/app/telemetry-upload.json"))
    assert status.error is not None
    assert "pip install 'afterword[azure]'" in status.error
    assert len(waiting(home)) == 2


def test_its_five_minutes_end_it_whatever_it_hangs_in(tmp_path: Path) -> None:
    code = """
import time
from afterword.upload import process
process.LIFETIME = 0.3
def stubborn():
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
process.run_as_uploader(stubborn, spawned=False)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=20)
    assert done.returncode in (0, -getattr(signal, "SIGALRM", 0))  # by its thread, or by the kernel


def test_its_five_minutes_over_it_settles_what_was_answered(tmp_path: Path) -> None:
    code = """
import sys, time
from afterword.upload import process
process.LIFETIME = 0.3
def upload():
    try:
        time.sleep(60)
    finally:
        open(sys.argv[1], "w").close()
process.run_as_uploader(upload, spawned=False)
"""
    settled = tmp_path / "settled"
    done = subprocess.run([sys.executable, "-c", code, str(settled)], check=False, timeout=20)
    assert done.returncode == 0
    assert settled.exists()


@pytest.mark.posix("modes of folders")
def test_the_folder_does_not_outlive_its_owners_trust(
    telemetry: Telemetry, server: Server, home: Path
) -> None:
    record(telemetry, 1)
    folder = home / ".local/share/app"
    folder.chmod(0o777)
    decision = telemetry.decision()
    assert (decision.on, decision.cause) == (False, "folder")
    assert "written to by others" in decision.reason
    assert start_uploader(server).wait(timeout=30) == 0
    assert server.requests == []
    folder.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(folder, 65534, -1)
        assert "another user" in telemetry.decision().reason
        os.chown(folder, 0, -1)


def test_a_clock_a_year_ahead_costs_nothing_at_first_sight(
    telemetry: Telemetry, server: Server, home: Path, clock: Clock
) -> None:
    record(telemetry, 1)
    telemetry.upload()  # the last upload was just now
    record(telemetry, 3)
    before = waiting(home)
    clock.now += 365 * 86400
    status = telemetry.upload()
    assert status is not None
    assert (status.sent, status.kept, status.dropped) == (0, 3, {})
    assert waiting(home) == before
    clock.now -= 365 * 86400  # set right again
    telemetry.upload()
    assert ids(server)[1:] == before


def test_a_clock_set_back_a_year_sends_with_the_time_of_now(
    telemetry: Telemetry, server: Server, clock: Clock
) -> None:
    clock.now += 365 * 86400
    record(telemetry, 1)
    clock.now -= 365 * 86400
    telemetry.upload()
    (envelope,) = server.requests[0].envelopes
    assert envelope["time"] == time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(clock.now))
