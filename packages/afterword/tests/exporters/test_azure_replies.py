"""What a reply says of each record; on a doubtful word nothing is settled."""

import json
import time
from email.utils import formatdate

import pytest

from afterword.exporters.azure_replies import receipt
from afterword.exporters.base import WRONG_TIME
from afterword.exporters.http import MOST_ANSWER, Reply

OLD = (
    "103: Field 'time' on type 'Envelope' is older than the allowed min date. "
    "Expected: now - 172800000ms, Actual: now - 172900000ms"
)


def said(received: object, accepted: object, *errors: object) -> bytes:
    return json.dumps(
        {"itemsReceived": received, "itemsAccepted": accepted, "errors": list(errors)}
    ).encode()


def item(index: object, status: object = 500, message: str = "m") -> dict[str, object]:
    return {"index": index, "statusCode": status, "message": message}


@pytest.mark.parametrize(
    ("status", "body", "taken", "refused", "retry"),
    [
        (200, said(4, 4), {0, 1, 2, 3}, set(), True),
        (206, said(4, 2, item(0), item(3, 400)), {1, 2}, {3}, True),
        (206, said(4, 0, *[item(n, 400) for n in range(4)]), set(), {0, 1, 2, 3}, True),
        (206, said(4, 3, item(1, 429)), {0, 2, 3}, set(), True),
        (206, said(4, 3, item(1, 402)), {0, 2, 3}, set(), True),
        (206, said(4, 3, item(1, 429, "Telemetry sampled out.")), {0, 2, 3}, {1}, True),
        (402, b"", set(), set(), False),
        (439, b"", set(), set(), False),
        (429, b"", set(), set(), True),
        (500, b"", set(), set(), True),
        (503, b"", set(), set(), True),
        (408, b"", set(), set(), True),
        (307, b"", set(), set(), False),
        (404, b"", set(), set(), False),
    ],
)
def test_what_a_reply_says(
    status: int, body: bytes, taken: set[int], refused: set[int], retry: bool
) -> None:
    found = receipt(Reply(status, {}, body), 4)
    assert found.taken == taken
    assert found.refused.keys() == refused
    assert found.retry is retry
    assert (found.problem is None) is (len(taken) + len(refused) == 4)
    assert not found.kept.keys() & (taken | refused)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>log in to the hotel's network</html>", id="a portal"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(said(4, 3), id="one is missing"),
        pytest.param(said(5, 5), id="one too many"),
        pytest.param(said(4, 3, item(4)), id="an index outside"),
        pytest.param(said(4, 3, item(-1)), id="a negative index"),
        pytest.param(said(4, 3, item(None)), id="no index"),
        pytest.param(said(4, 2, item(1)), id="counts that differ"),
        pytest.param(said(4, 3, "nonsense"), id="no item"),
        pytest.param(said(4, 3, item(0, "nonsense")), id="a status in words"),
        pytest.param(said(4, 3, item(0), item(0)), id="one item, named twice"),
        pytest.param(said(4, 2, item(0), item(0)), id="one item, counted twice"),
        pytest.param(said(4, 3, item(0, 503), item(0, 400)), id="one item, two stories"),
        pytest.param(said(4, 3, item(0, 400), item(0, 503)), id="the same, in the other order"),
        pytest.param(said(4, 3, item(0, 200)), id="not taken, and yet 200"),
        pytest.param(said(4, 0, *[item(n, 200) for n in range(4)]), id="none taken, and all 200"),
        pytest.param(said(4, 0, *[item(n, 307) for n in range(4)]), id="all sent elsewhere"),
        pytest.param(said(4, 3, item(0, 1)), id="a status that is none"),
        pytest.param(said(4, 3, item(0, 600)), id="another"),
        pytest.param(said(4, 3, item(0, -400)), id="a negative status"),
        pytest.param(said(4, 3, item(0, True)), id="a true status"),
        pytest.param(said(4, 3, item(0, 400.5)), id="half a status"),
        pytest.param(said(4, 3, item(0, float("inf"))), id="an endless status"),
        pytest.param(said(4, 3, item(True, 400)), id="a true index"),
        pytest.param(said(4, 3, item(1.0, 400)), id="an index with a point"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"itemsReceived":' + b"9" * 5000 + b"}", id="huge"),
        pytest.param(b'{"itemsReceived":4,"itemsAccepted":4,"errors":{"a":1}}', id="no list"),
        pytest.param(b"\xff\xfe{}", id="not text"),
    ],
)
@pytest.mark.parametrize("status", [200, 206])
def test_a_reply_that_contradicts_itself_settles_nothing(status: int, body: bytes) -> None:
    found = receipt(Reply(status, {}, body), 4)
    assert (found.taken, found.refused, found.retry) == (frozenset(), {}, False)
    assert found.problem is not None


def test_true_is_not_one() -> None:
    assert receipt(Reply(200, {}, said(True, True)), 1).taken == frozenset()


def test_an_answer_over_the_bound_is_not_believed() -> None:
    body = said(1, 1).ljust(MOST_ANSWER)
    assert receipt(Reply(200, {}, body), 1).taken == {0}
    found = receipt(Reply(200, {}, body, whole=False), 1)
    assert (found.taken, found.problem) == (frozenset(), "200 with an answer over 256 KB")


def test_an_item_with_a_wrong_time_stays_it_is_the_clock() -> None:
    found = receipt(Reply(206, {}, said(3, 1, item(0, 400, OLD), item(1, 400))), 3)
    assert found.taken == {2}
    assert found.refused.keys() == {1}
    assert found.kept == {0: WRONG_TIME}
    assert found.retry is False
    assert found.problem == "the service does not take the time of 1 of 3: is the clock right?"


def test_what_stays_is_named_with_its_status() -> None:
    found = receipt(Reply(206, {}, said(3, 1, item(0, 503), item(1, 439))), 3)
    assert found.kept == {0: "503", 1: "439"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5), (" 5 ", 5), ("0", 0), ("-3", None), ("soon", None), ("", None), ("9" * 40, 1e40),
        ("٣", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 2.5e11), ("Mon, 99 Foo 2026 00:00:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after(header: str, seconds: float | None) -> None:
    after = receipt(Reply(429, {"retry-after": header}, b"", at=time.time()), 1).retry_after
    assert after == (None if seconds is None else pytest.approx(seconds, rel=0.1, abs=5))


def test_retry_after_as_a_date() -> None:
    now = time.time()
    reply = Reply(429, {"retry-after": formatdate(now + 600, usegmt=True)}, b"", at=now)
    assert receipt(reply, 1).retry_after == pytest.approx(600, abs=1)
