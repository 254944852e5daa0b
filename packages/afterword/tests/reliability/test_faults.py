"""Promises 3 and 4 against every answer a server can give: the table of `docs/reliability.md`."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from reliability.application import Application, Upload
from reliability.wires import every_wire

from afterword.upload.retry import SPREAD
from afterword.upload.suspects import MOST_DROPPED
from afterword_sink import LocalSink
from afterword_sink.faults import MALFORMED

TRAVELS = ("hang", "headers-then-silence", "close", "cut")
COUNT = 250  # three batches: 100, 100, 50


class Row(NamedTuple):
    """One fault, and what the upload that meets it makes of it.

    `requests`: how many it sends. `error`: what `status` says of it, as a pattern; empty: nothing
    went wrong. `sent`: events that arrive all the same, from, to. `refused`: events named as never
    acceptable. `asked`: the cool-down that the server asked for, in seconds.
    """

    fault: str
    requests: int
    error: str
    sent: tuple[int, int] = (0, 0)
    refused: int = 0
    asked: float = 0


NONE = [  # nothing of it arrives
    *[Row(str(code), 3, f"{code}") for code in (408, 429, 500, 502, 503, 504)],
    *[Row(str(code), 1, f"{code}: quota spent") for code in (402, 439)],
    *[Row(str(code), 1, f"{code}, which is no .*") for code in (301, 304, 401, 403, 404, 405)],
    Row("429 retry-after=1", 3, "429", asked=1),
    Row("429 retry-after=date+2", 3, "429", asked=1),
    Row("503 retry-after=2", 3, "503", asked=2),
    Row("429 retry-after=3600", 1, "429", asked=3600),
    Row("429 retry-after=99999999999999999999", 1, "429", asked=86400),
    Row("429 retry-after=date+99999999", 1, "429", asked=86400),
    Row("429 retry-after=soon", 3, "429"),
    Row("429 retry-after=-5", 3, "429"),
    Row("402 retry-after=7200", 1, "402: quota spent", asked=7200),
    Row("439 retry-after=date+7200", 1, "439: quota spent", asked=7100),
    Row("not-json", 1, "200 with a body not the service's"),
    Row("not-json 503", 3, "503"),
    Row("hang", 2, "no answer within .* s"),  # the second with half of it
    Row("headers-then-silence", 2, "no answer within .* s"),
    Row("drip", 2, "no answer within .* s"),
    Row("close", 3, "no answer: the connection was closed"),
    Row("cut", 3, "no answer: .*"),
    Row("cut keep=0", 3, "no answer: .*"),
    Row("500 cut", 3, "no answer: .*"),
    *[
        Row(f"malformed-206 how={how}", 1, "206 with (a body not|counts that do not) .*")
        for how in MALFORMED
    ],
    Row("206 every=1 status=503", 3, "503 for 100 of 100"),
    Row("item every=1 status=503", 3, "503"),
    Row("206 every=1 status=439", 3, "439 for 100 of 100"),
]
# 400 for the whole: each batch is halved down to three events that stand alone, then the run ends.
WHOLE = [Row(f"{code}", 29, "the service refuses .*") for code in (400, 413)]
SOME = [  # a part of it arrives
    Row("206 every=2 status=503", 9, r"503 for \d+ of \d+", sent=(210, 220)),
    Row("206 every=2 status=429,500,502,503,504,408", 9, r"4\d\d for .*", sent=(210, 220)),
    Row("206 every=2 status=401,403", 9, r"401 for .*", sent=(210, 220)),
    Row("206 every=2 status=402,439", 9, r"402 for .*", sent=(210, 220)),
    Row("206 every=2 status=400", 3, "the service refuses 125 .*", (125, 125), MOST_DROPPED),
    Row("206 every=2 status=400,404,413", 3, "the service .*", (125, 125), MOST_DROPPED),
    Row("206 every=2 status=400 times=1; 206 every=2 status=503", 7, "503 .*", (170, 190), 5),
    Row("item share=0.3 status=503,400 times=3", 5, "503", sent=(190, 240), refused=-1),
    Row("500 times=2", 5, "", sent=(250, 250)),
    Row("hang times=1", 5, "", sent=(250, 250)),  # a half, its rest, fifty, and all the rest
    Row("ok times=1; 500", 4, "500", sent=(100, 100)),
    Row("ok times=2; 439", 3, "439: quota spent", sent=(200, 200)),
    Row("ok times=1; hang", 3, "no answer .*", sent=(100, 100)),
    Row("ok times=1; malformed-206 how=counts", 2, "206 .*", sent=(100, 100)),
    Row("delay=0.2", 3, "", sent=(250, 250)),
]


OTLP_NONE = [
    *[Row(str(code), 3, f"{code}") for code in (429, 502, 503, 504)],
    *[Row(str(code), 1, f"{code}, which is no .*") for code in (301, 401, 402, 403, 404, 408, 439)],
    *[row for row in NONE if "retry-after" in row.fault and row.fault[:3] in ("429", "503")],
    Row("not-json", 1, "200 that is not application/json"),
    Row("not-json 503", 3, "503"),
    *[row for row in NONE if row.fault.partition(" ")[0] in TRAVELS],
    Row("drip pace=20", 2, "no answer within .* s"),  # it is two bytes
    Row("503 cut", 3, "no answer: .*"),
    *[
        Row(f"malformed-206 how={how}", 1, "200 with (a body not|counts that do not) .*")
        for how in MALFORMED
        if how not in ("null-list", "null-counts", "empty")  # these are successes in proto3's JSON
    ],
]
OTLP_WHOLE = [Row(f"{code}", 29, "the service refuses .*") for code in (400, 413, 500)]
OTLP_SOME = [  # which were rejected is not said, so they are counted and not sent again
    Row("206 every=2 status=503", 3, "", (125, 125), 125),
    Row("206 every=1 status=503", 3, "the service refuses 250 .*"),
    Row("warning", 3, "", (250, 250)),
    Row("503 times=2", 5, "", (250, 250)),
    Row("hang times=1", 5, "", (250, 250)),
    Row("ok times=1; 503", 4, "503", (100, 100)),
    Row("ok times=1; hang", 3, "no answer .*", (100, 100)),
    Row("ok times=1; malformed-206 how=counts", 2, "200 .*", (100, 100)),
    Row("delay=0.2", 3, "", (250, 250)),
]


def rows(wire: str, found: list[Row], *, quick: Sequence[str] | None = None) -> Iterator[Any]:
    """The rows of a wire; in `make test` all of them, or those named."""
    for row in found:
        slow = quick is not None and row.fault not in quick
        marks = [pytest.mark.long] if slow else []
        yield pytest.param(wire, row, marks=marks, id=f"{wire}: {row.fault}")


QUICK = ("404", "439", "206 every=2 status=400", "malformed-206 how=twice")


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("wire", "row"),
    [
        *rows("azure", [*NONE, *WHOLE, *SOME]),
        *rows("azure_official", [*NONE, *WHOLE, *SOME], quick=QUICK),
        *rows("otlp", [*OTLP_NONE, *OTLP_WHOLE, *OTLP_SOME]),
    ],
    indirect=["wire"],
)
def test_whatever_the_server_answers_all_arrive_once_in_the_end(
    app: Application, sink: LocalSink, upload: Upload, row: Row
) -> None:
    recorded = app.record(COUNT)
    sink.set_faults(row.fault, seed=3)
    status = upload(hangs=bool(re.search("hang|silence|drip", row.fault)))

    requests = sink.stats()["requests"]
    # Whether it is quick enough for more at once, after a request that hung, time decides.
    assert requests in ((5, 6) if row.fault == "hang times=1" else (row.requests,)), status
    refused = status.dropped.get("refused", 0)
    assert refused == row.refused if row.refused >= 0 else refused > 0
    assert row.sent[0] <= status.sent <= row.sent[1]
    assert status.sent + status.kept + refused == COUNT
    assert len(app.waiting()) == status.kept
    assert re.fullmatch(row.error, status.error or "")
    if row.error:
        assert status.failures == 1
        assert status.next_at - status.at >= max(row.asked, 29)  # half a minute, jittered
        assert status.next_at - status.at <= max(row.asked * (1 + SPREAD) + 200, 160)
    else:
        assert (status.failures, status.next_at) == (0, 0)

    sink.clear_faults()
    app.telemetry.upload()
    arrived = [event["customDimensions"]["event_id"] for event in sink.events()]
    assert len(arrived) == len(set(arrived)) == COUNT - refused
    assert set(arrived) <= set(recorded)
    assert app.files() == []
    assert (app.status.error, app.status.failures, app.status.next_at) == (None, 0, 0)


@every_wire
@pytest.mark.timeout(200)
@pytest.mark.parametrize("fault", ["hang after=store", "cut after=store", "500 after=store"])
def test_an_answer_that_is_lost_sends_again_with_the_same_id(
    app: Application, sink: LocalSink, upload: Upload, fault: str
) -> None:
    """The server took the batch and we never learnt it: nobody can know, but everybody can count
    `event_id` once."""
    recorded = app.record(COUNT)
    sink.set_faults(f"{fault} times=1")
    assert upload(hangs=True).sent == COUNT
    arrived = [event["customDimensions"]["event_id"] for event in sink.events()]
    assert sorted(set(arrived)) == sorted(recorded)
    assert sorted(arrived) == sorted([*recorded, *recorded[:100]])
    assert app.files() == []


def test_a_run_after_a_failed_one_asks_once_until_it_is_answered(
    app: Application, sink: LocalSink, upload: Upload
) -> None:
    app.record(COUNT)
    sink.set_faults("503")
    requests = [(upload(), sink.stats()["requests"])[1] for _ in range(3)]
    assert requests == [3, 4, 5]
    sink.set_faults("ok times=1; 503")
    status = upload()
    # A few from anywhere; then it looks whether the service fails over one of the others.
    assert 1 <= status.sent <= 12
    assert status.failures == 1
    assert sink.stats()["requests"] <= 5 + 1 + 12
