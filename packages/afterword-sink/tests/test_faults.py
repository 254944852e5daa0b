"""The grammar of faults, which request meets which, and what is answered and stored."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword_sink.answers import Answer, answer
from afterword_sink.azure_replies import AzureReplies
from afterword_sink.envelopes import Batch, Item, ItemError
from afterword_sink.faults import MALFORMED, Fault, Plan, Selection, Travel
from afterword_sink.grammar import FaultSyntaxError, parse


def one(script: str) -> Fault:
    (fault,) = parse(script)
    return fault


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("ok times=2", Fault("ok times=2", times=2)),
        ("500", Fault("500", status=500)),
        ("429 retry-after=2", Fault("429 retry-after=2", status=429, retry_after="2")),
        ("delay=3", Fault("delay=3", delay=3)),
        ("hang after=store", Fault("hang after=store", travel=Travel.HANG, store=True)),
        ("cut keep=10", Fault("cut keep=10", travel=Travel.CUT, keep=10)),
        ("503 drip pace=0.5", Fault("503 drip pace=0.5", 503, travel=Travel.DRIP, pace=0.5)),
        ("refuse for=2", Fault("refuse for=2", travel=Travel.REFUSE, refusal=2)),
        ("not-json", Fault("not-json", status=200, html=True)),
        ("not-json 502 chance=0.5", Fault("not-json 502 chance=0.5", 502, html=True, chance=0.5)),
        ("redirect to=http://x/", Fault("redirect to=http://x/", 307, location="http://x/")),
        (
            "redirect 308 to=http://x/?a=b",
            Fault("redirect 308 'to=http://x/?a=b'", 308, location="http://x/?a=b"),
        ),  # one line each
        ("malformed-206", Fault("malformed-206", 206, malformed="counts")),
        ("malformed-206 how=range", Fault("malformed-206 how=range", 206, malformed="range")),
        ("206", Fault("206", selection=Selection((503,), every=2, always_206=True))),
        ("item", Fault("item", selection=Selection((503,), every=1))),
        (
            "item status=400,500 match=abc at=0,3",
            Fault(
                "item status=400,500 match=abc at=0,3",
                selection=Selection((400, 500), at=frozenset({0, 3}), match="abc"),
            ),
        ),
    ],
)
def test_grammar(script: str, fault: Fault) -> None:
    assert one(script) == fault


def test_a_script_is_a_sequence() -> None:
    assert [fault.text for fault in parse("500 times=2; 429;hang")] == [
        "500 times=2",
        "429",
        "hang",
    ]
    quoted = one('429 retry-after="Fri, 22 Apr 2016 23:59:59 GMT"')
    assert quoted.retry_after == "Fri, 22 Apr 2016 23:59:59 GMT"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("", "empty"),
        (" ; ", "empty"),
        ("explode", "'explode' is unknown; known are"),
        ("200", "200 is no status from 300 to 599"),
        ("600", "600 is no status"),
        ("500 503", "says one thing twice"),
        ("hang cut", "says one thing twice"),
        ("206 500", "'206' has its own status, not 500"),
        ("500 times=x", "times=x: a whole number is wanted"),
        ("500 times=1 times=2", "'times' is said twice"),
        ("500 chance=2", "a chance from 0 to 1"),
        ("500 delay=nan", "seconds are wanted"),
        ("500 delay=-1", "seconds are wanted"),
        ("500 keep=3", "'keep' does not go with the rest"),
        ("hang retry-after=3", "'retry-after' does not go with the rest"),
        ("500 after=lunch", "one of store is wanted"),
        ("item every=0", "a number from 1 on"),
        ("item status=200", "a status from 206 to 599"),
        ("redirect", "a redirect needs to=URL"),
        ("malformed-206 how=odd", "one of counts"),
        ("429 retry-after=date+soon", "seconds are wanted"),
        ("429 retry-after=date+1e300", "seconds are wanted"),
        ("500 'unended", "No closing quotation"),
    ],
)
def test_mistakes_are_reported(script: str, reason: str) -> None:
    with pytest.raises(FaultSyntaxError, match="fault") as refused:
        parse(script)
    assert reason in str(refused.value)


@given(st.text())
def test_any_text_is_a_script_or_a_mistake(script: str) -> None:
    try:
        faults = parse(script)
    except FaultSyntaxError:
        return
    assert faults
    for fault in faults:  # what is shown can be given again
        assert one(fault.text) == fault


def met(plan: Plan, requests: int) -> list[str]:
    return [fault.text if fault else "" for fault in (plan.next() for _ in range(requests))]


def test_a_plan_plays_in_order() -> None:
    plan = Plan(parse("ok times=1; 500 times=2; hang times=1"))
    assert met(plan, 6) == ["ok times=1", "500 times=2", "500 times=2", "hang times=1", "", ""]
    assert plan.as_json()[1] == {"fault": "500 times=2", "left": 0}


def test_chance_falls_through_to_the_next_and_repeats_with_the_seed() -> None:
    faults = parse("500 chance=0.3; hang chance=0.5")
    runs = [met(Plan(faults, seed), 1000) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    assert 250 < runs[0].count("500 chance=0.3") < 350
    assert 300 < runs[0].count("hang chance=0.5") < 400


def batch_of(count: int) -> Batch:
    items = [
        Item(place, "customEvents", f'{{"event_id":"e{place}"}}'.encode()) for place in range(count)
    ]
    return Batch(received=count, items=items)


def answered(script: str, batch: Batch) -> Answer:
    return answer(batch, one(script), AzureReplies("app"), rng=Plan(seed=0).rng, now=1_000_000)


def content(given: Answer) -> Any:
    return json.loads(given.reply.body)


def refused(given: Answer) -> dict[int, int]:
    return {error["index"]: error["statusCode"] for error in content(given)["errors"]}


def test_a_whole_refusal_stores_nothing() -> None:
    given = answered("439 retry-after=7", batch_of(3))
    assert (given.reply.status, given.reply.headers) == (439, {"retry-after": "7"})
    assert refused(given) == {0: 439, 1: 439, 2: 439}
    assert content(given)["errors"][0]["message"] == "Daily quota exceeded"
    assert (given.stored, given.accepted) == ([], 0)


def test_after_store_stores_and_says_nothing_of_it() -> None:
    for script in ("500 after=store", "hang after=store", "cut after=store"):
        given = answered(script, batch_of(3))
        assert (len(given.stored), given.accepted) == (3, 0)


@pytest.mark.parametrize("travel", ["hang", "close", "refuse", "headers-then-silence", "cut"])
def test_what_does_not_arrive_whole_stores_nothing(travel: str) -> None:
    assert answered(travel, batch_of(3)).stored == []


@pytest.mark.parametrize("script", ["ok", "delay=1", "drip"])
def test_what_arrives_whole_is_stored(script: str) -> None:
    given = answered(script, batch_of(3))
    assert (given.reply.status, len(given.stored), given.accepted) == (200, 3, 3)


def test_items_refused_are_named_and_not_stored() -> None:
    given = answered("206 every=2 status=503,400", batch_of(5))
    assert given.reply.status == 206
    assert refused(given) == {1: 503, 3: 400}
    assert [item.position for item in given.stored] == [0, 2, 4]
    assert content(given)["itemsAccepted"] == given.accepted == 3


def test_every_way_to_choose_items() -> None:
    assert refused(answered("item at=0,2 status=500", batch_of(3))) == {0: 500, 2: 500}
    assert refused(answered("item match=e1 status=400", batch_of(3))) == {1: 400}
    share = answered("item share=0.3", batch_of(1000))
    assert 250 < len(refused(share)) < 350
    assert len(share.stored) == 1000 - len(refused(share))


def test_all_refused_has_the_first_items_status_or_206() -> None:
    assert answered("item status=500", batch_of(2)).reply.status == 500
    assert answered("206 every=1", batch_of(2)).reply.status == 206


def test_the_services_own_refusals_stay_among_a_faults() -> None:
    batch = batch_of(4)
    batch.items = batch.items[1:]
    batch.errors = [ItemError(0, 400, "too old")]
    given = answered("item at=2", batch)
    assert refused(given) == {0: 400, 2: 503}
    assert content(given)["itemsAccepted"] == 2


@pytest.mark.parametrize("how", MALFORMED)
def test_malformed_replies_are_json_and_store_nothing(how: str) -> None:
    given = answered(f"malformed-206 how={how}", batch_of(3))
    assert given.reply.status == 206
    content(given)
    assert given.stored == []


def test_headers_of_a_reply() -> None:
    date = answered("503 retry-after=date+60", batch_of(1)).reply.headers["retry-after"]
    assert parsedate_to_datetime(date).timestamp() == 1_000_060
    moved = answered("redirect 308 to=http://127.0.0.1:1/", batch_of(1)).reply
    assert (moved.status, moved.headers) == (308, {"location": "http://127.0.0.1:1/"})
    page = answered("not-json", batch_of(1)).reply
    assert (page.status, page.media_type) == (200, "text/html; charset=utf-8")
