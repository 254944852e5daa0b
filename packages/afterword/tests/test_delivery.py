"""One batch: attempts, waits, halving. The exporter is a script; the real one is in test_wire."""

from collections.abc import Callable, Sequence

import pytest

from afterword.exporters.base import Receipt, Record
from afterword.upload.batches import MOST_BYTES, MOST_EVENTS, Pending, in_batches, wire_size
from afterword.upload.delivery import MOST_SUSPECTS, deliver
from afterword.upload.retry import (
    FIRST_COOL_DOWN,
    LONGEST_COOL_DOWN,
    cool_down,
    wait_before,
)
from afterword.upload.segments import Line


def record(number: int, size: int = 10) -> Record:
    return Record("e", 0.0, "id", {"number": number, "text": "x" * size})


def everything(batch: Sequence[Record]) -> Receipt:
    return Receipt(frozenset(range(len(batch))))


class Service:
    """Answers by a script of receipts, then takes everything; notes what it got and the waits."""

    def __init__(self, *script: Callable[[Sequence[Record]], Receipt]) -> None:
        self.script = list(script)
        self.got: list[list[object]] = []
        self.waits: list[float] = []

    def export(self, batch: Sequence[Record]) -> Receipt:
        self.got.append([one.attributes["number"] for one in batch])
        return (self.script.pop(0) if self.script else everything)(batch)

    def wait(self, attempt: int, asked: float | None) -> bool:
        seconds = wait_before(attempt, asked)
        self.waits += [] if seconds is None else [seconds]
        return seconds is not None


def down(_batch: Sequence[Record]) -> Receipt:
    return Receipt(problem="503")


def test_taken_at_once() -> None:
    service = Service()
    done = deliver([record(n) for n in range(3)], service.export, service.wait)
    assert (done.taken, done.problem, service.waits) == ({0, 1, 2}, None, [])


def test_three_attempts_a_second_then_two_apart() -> None:
    service = Service(down, down, down, down)
    done = deliver([record(0)], service.export, service.wait)
    assert (len(service.got), service.waits) == (3, [1.0, 2.0])
    assert (done.taken, done.problem, done.fatal) == (set(), "503", True)


def test_only_what_was_not_taken_is_sent_again() -> None:
    def some(_batch: Sequence[Record]) -> Receipt:
        return Receipt(frozenset([0, 2]), {1: "400"}, "503 for 1 of 4")

    service = Service(some)
    done = deliver([record(n) for n in range(4)], service.export, service.wait)
    assert service.got == [[0, 1, 2, 3], [3]]
    assert (done.taken, done.refused) == ({0, 2, 3}, {1: "400"})


def test_a_wish_to_wait_is_obeyed_within_reason() -> None:
    service = Service(lambda _: Receipt(problem="429", retry_after=7))
    deliver([record(0)], service.export, service.wait)
    assert service.waits == [7]
    service = Service(lambda _: Receipt(problem="429", retry_after=86_400))
    done = deliver([record(0)], service.export, service.wait)
    assert (service.waits, done.retry_after, done.fatal) == ([], 86_400, True)


def test_no_second_attempt_where_none_helps() -> None:
    service = Service(lambda _: Receipt(problem="402: quota spent", retry=False))
    done = deliver([record(0)], service.export, service.wait)
    assert (len(service.got), done.fatal) == (1, True)


def refuses(*bad: int) -> Callable[[Sequence[Record]], Receipt]:
    def export(batch: Sequence[Record]) -> Receipt:
        if any(one.attributes["number"] in bad for one in batch):
            return Receipt(problem="400", unacceptable=True, retry=False)
        return everything(batch)

    return export


@pytest.mark.parametrize("bad", [[0], [99], [50], [0, 99], [3, 4, 5, 6], list(range(0, 100, 9))])
def test_what_the_service_refuses_is_found_by_halving(bad: list[int]) -> None:
    done = deliver([record(n) for n in range(100)], refuses(*bad), lambda *_: True)
    assert done.refused.keys() == set(bad)
    assert done.taken == set(range(100)) - set(bad)


def test_a_service_that_refuses_everything_is_what_is_broken() -> None:
    service = Service(*[refuses(*range(100))] * 100)
    done = deliver([record(n) for n in range(100)], service.export, service.wait)
    assert (done.taken, done.refused) == (set(), {})
    assert len(done.suspects) == MOST_SUSPECTS
    assert len(service.got) < 20


def test_a_failure_while_halving_keeps_the_rest() -> None:
    service = Service(refuses(1), down, down, down)
    done = deliver([record(0), record(1)], service.export, service.wait)
    assert (done.taken, done.refused, done.problem) == (set(), {}, "503")


@pytest.mark.parametrize("count", [0, 1, MOST_EVENTS, MOST_EVENTS + 1, 2 * MOST_EVENTS])
def test_batches_by_number(count: int) -> None:
    records = [Pending(Line(n, 1, b"x"), record(n)) for n in range(count)]
    batches = list(in_batches(records))
    assert [len(batch) for batch in batches] == [
        min(MOST_EVENTS, count - start) for start in range(0, count, MOST_EVENTS)
    ]
    assert [item for batch in batches for item in batch] == records


def test_batches_by_size() -> None:
    records = [Pending(Line(n, 1, b"x"), record(n, 60_000)) for n in range(20)]
    batches = list(in_batches(records))
    assert [len(batch) for batch in batches] == [8, 8, 4]
    for batch in batches:
        assert sum(wire_size(item.record) for item in batch) < MOST_BYTES


def test_waits_within_a_run() -> None:
    assert [wait_before(n, None) for n in (2, 3, 4)] == [1.0, 2.0, None]
    assert [wait_before(2, asked) for asked in (0.5, 30.0, 30.1)] == [1.0, 30.0, None]


def test_a_run_after_a_failed_one_makes_one_attempt() -> None:
    assert wait_before(2, None, failures=1) is None
    assert wait_before(2, 10.0, failures=7) is None


def test_the_cool_down_grows_from_a_minute_to_four_hours() -> None:
    full = [cool_down(failures, None, 1.0) for failures in range(1, 30)]
    assert full[0] == FIRST_COOL_DOWN == 60
    assert full[1] == 2 * FIRST_COOL_DOWN
    assert full == sorted(full)
    assert full[-1] == LONGEST_COOL_DOWN == 4 * 3600
    assert cool_down(1, None, 0.0) == FIRST_COOL_DOWN / 2


def test_what_the_service_asks_for_is_obeyed_up_to_a_day() -> None:
    assert cool_down(1, 3600, 0.0) == 3600
    assert cool_down(9, 20 * 3600, 0.0) == 20 * 3600
    assert cool_down(1, 24 * 3600, 1.0) == 24 * 3600
    assert cool_down(1, 1e12, 0.5) == 24 * 3600  # `spawn` believes no longer one


def test_who_was_told_the_same_second_does_not_come_back_in_it() -> None:
    chances = [n / 10 for n in range(11)]
    between = [cool_down(1, 3600, chance) for chance in chances]
    within = [wait_before(2, 20.0, chance=chance) or 0.0 for chance in chances]
    assert (min(between), max(between)) == (3600, 3600 * 1.25)
    assert (min(within), max(within)) == (20.0, 25.0)
    assert len(set(between)) == len(set(within)) == len(chances)
