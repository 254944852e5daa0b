"""Promise 3 against a service that refuses: it is not believed before it has taken something."""

import json

import pytest
from reliability.application import Application
from support import Answer, Request, Server, taken

from afterword.upload.status import Status
from afterword.upload.suspects import MOST_DROPPED


@pytest.fixture
def served(app: Application, server: Server) -> Application:
    """The application, talking to a server that answers by script."""
    app.aim(server.connection_string)
    return app


def upload(app: Application) -> Status:
    status = app.telemetry.upload()
    assert status is not None
    return status


def refusing(request: Request, code: int, *, but: int = 0) -> bytes:
    """An answer that refuses every item but the first few, one by one."""
    count = len(request.envelopes)
    return taken(count, dict.fromkeys(range(but, count), code))


@pytest.mark.parametrize("code", [400, 404, 409, 413, 501, 505, 200, 204, 307])
@pytest.mark.parametrize("whole", [200, 206])
def test_a_service_that_refuses_each_item_empties_nothing(
    served: Application, server: Server, whole: int, code: int
) -> None:
    recorded = served.record(1000)
    server.script = lambda _n, request: Answer(whole, refusing(request, code))
    status = upload(served)
    assert served.waiting() == recorded
    assert (status.sent, status.dropped) == (0, {})
    assert status.error
    assert status.next_at > status.at
    assert len(server.requests) <= 3
    server.script = lambda _n, _r: Answer()
    upload(served)
    assert {event["event_id"] for event in server.events()} == set(recorded)
    assert served.waiting() == []


@pytest.mark.parametrize("by_item", [True, False])
def test_one_good_batch_is_no_licence_to_empty_the_rest(
    served: Application, server: Server, by_item: bool
) -> None:
    recorded = served.record(2000)

    def script(number: int, request: Request) -> Answer:
        if number == 1:
            return Answer()
        return Answer(200, refusing(request, 400)) if by_item else Answer(400)

    server.script = script
    status = upload(served)
    assert served.waiting() == recorded[100:]
    assert (status.sent, status.dropped) == (100, {})
    assert status.error
    assert "refuses" in status.error


def test_a_service_that_takes_one_in_a_hundred_costs_a_few_a_run(
    served: Application, server: Server
) -> None:
    recorded = served.record(1000)
    server.script = lambda _n, request: Answer(206, refusing(request, 400, but=1))
    status = upload(served)
    assert status.sent == 10
    assert status.dropped == {"refused": MOST_DROPPED}
    assert len(served.waiting()) == len(recorded) - 10 - MOST_DROPPED
    assert status.error
    assert status.error.startswith("the service refuses 990 events: 400")


def test_what_was_dropped_and_why_is_in_the_status_and_is_an_error_there(
    served: Application, server: Server
) -> None:
    recorded = served.record(3)
    answer = {
        "itemsReceived": 3, "itemsAccepted": 2,
        "errors": [{"index": 1, "statusCode": 400, "message": "109: Field\x1b[2J 'name'"}],
    }  # fmt: skip
    server.script = lambda _n, _r: Answer(206, json.dumps(answer).encode())
    upload(served)
    kept = served.status
    assert (kept.sent, kept.dropped) == (2, {"refused": 1})
    assert kept.error == "the service refuses 1 event: 400 109: Field?[2J 'name'"
    assert kept.failures == 1
    assert kept.next_at > kept.at
    assert served.waiting() == []
    assert [event["event_id"] for event in server.events()] == recorded


def test_what_is_always_refused_goes_in_the_end_and_holds_up_nobody(
    served: Application, server: Server
) -> None:
    """The one whose declaration the service cannot take is the first that waits."""
    recorded = served.record(300)
    bad = recorded[0]
    server.script = lambda _n, request: Answer(400 if bad.encode() in request.body else 200)
    upload(served)
    assert served.waiting() == [bad]  # nothing was taken before it
    more = served.record_new(120)
    for _ in range(3):
        upload(served)
        if not served.waiting():
            break
    assert served.waiting() == []
    assert served.status.dropped == {"refused": 1}
    arrived = {one["event_id"] for number, one in enumerate(server.events()) if one}
    assert arrived >= {*recorded[1:], *more}
