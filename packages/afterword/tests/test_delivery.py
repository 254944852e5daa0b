"""One batch: attempts, waits, halving. The exporter is a script; the real one is in test_wire."""

from collections.abc import Callable

import pytest

from afterword.exporters.base import Receipt, Record
from afterword.upload.batches import MOST_BYTES, MOST_EVENTS, Pending, in_batches, wire_size
from afterword.upload.delivery import MOST_ALONE, Delivery, Halve, deliver
from afterword.upload.retry import (
    FIRST_COOL_DOWN,
    LONGEST_COOL_DOWN,
    cool_down,
    wait_before,
)
from afterword.upload.segments import Line
from afterword.upload.suspects import MOST_DROPPED, Suspects


def record(number: int, size: int = 10) -> Record:
    return Record("e", 0.0, "id", {"number": number, "text": "x" * size})


Answer = Callable[[list[int]], Receipt]


def everything(part: list[int]) -> Receipt:
    return Receipt(frozenset(range(len(part))))


class Service:
    """Answers by a script of receipts, then takes everything; notes what it got and the waits."""

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.got: list[list[int]] = []
        self.waits: list[float] = []
        self.taken: set[int] = set()
        self.refused: set[int] = set()

    def deliver(
        self, size: int, halve: Halve = lambda receipt, _count: receipt.unacceptable
    ) -> Delivery:
        return deliver(size, self.export, self.wait, halve)

    def export(self, part: list[int]) -> Receipt:
        self.got.append(part)
        receipt = (self.script.pop(0) if self.script else everything)(part)
        if receipt.unacceptable and len(part) == 1:  # as `run` understands it
            receipt = Receipt(refused={0: "400"})
        self.taken |= {part[at] for at in receipt.taken}
        self.refused |= {part[at] for at in receipt.refused}
        return receipt

    def wait(self, attempt: int, asked: float | None) -> bool:
        seconds = wait_before(attempt, asked)
        self.waits += [] if seconds is None else [seconds]
        return seconds is not None


def down(_part: list[int]) -> Receipt:
    return Receipt(problem="503", failed=True)


def test_taken_at_once() -> None:
    service = Service()
    done = service.deliver(3)
    assert (service.taken, done.problem, service.waits) == ({0, 1, 2}, None, [])


def test_three_attempts_a_second_then_two_apart() -> None:
    service = Service(down, down, down, down)
    done = service.deliver(1)
    assert (len(service.got), service.waits) == (3, [1.0, 2.0])
    assert (service.taken, done.problem, done.fatal) == (set(), "503", True)


def test_only_what_was_not_taken_is_sent_again() -> None:
    service = Service(lambda _: Receipt(frozenset([0, 2]), {1: "400"}, "503 for 1 of 4"))
    service.deliver(4)
    assert service.got == [[0, 1, 2, 3], [3]]
    assert (service.taken, service.refused) == ({0, 2, 3}, {1})


def test_a_wish_to_wait_is_obeyed_within_reason() -> None:
    service = Service(lambda _: Receipt(problem="429", retry_after=7))
    service.deliver(1)
    assert service.waits == [7]
    service = Service(lambda _: Receipt(problem="429", retry_after=86_400))
    done = service.deliver(1)
    assert (service.waits, done.retry_after, done.fatal) == ([], 86_400, True)


def test_no_second_attempt_where_none_helps() -> None:
    service = Service(lambda _: Receipt(problem="402: quota spent", retry=False))
    done = service.deliver(1)
    assert (len(service.got), done.fatal) == (1, True)


def refuses(*bad: int) -> Answer:
    def answer(part: list[int]) -> Receipt:
        if any(one in bad for one in part):
            return Receipt(problem="400", unacceptable=True, retry=False)
        return everything(part)

    return answer


@pytest.mark.parametrize("bad", [[0], [99], [50], [0, 99], [0, 25, 50, 75], [3, 4]])
def test_what_the_service_refuses_is_found_by_halving(bad: list[int]) -> None:
    service = Service(*[refuses(*bad)] * 100)
    done = service.deliver(100)
    assert service.refused == set(bad)
    assert service.taken == set(range(100)) - set(bad)
    assert (done.problem, done.halved, done.fatal) == (None, True, False)


@pytest.mark.parametrize("bad", [range(100), range(3, 100), range(0, 100, 2)])
def test_halving_ends_where_it_is_the_service_that_is_broken(bad: range) -> None:
    service = Service(*[refuses(*bad)] * 1000)
    service.deliver(100)
    assert len(service.refused) <= MOST_ALONE
    assert service.refused <= set(bad)
    assert len(service.got) < 40


def test_an_event_over_which_the_service_fails_is_found_and_stays() -> None:
    def answer(part: list[int]) -> Receipt:
        return down(part) if 70 in part else everything(part)

    service = Service(*[answer] * 100)
    done = service.deliver(100, halve=lambda receipt, _count: receipt.failed)
    assert (service.taken, service.refused) == (set(range(100)) - {70}, set())
    assert (done.problem, done.fatal, done.most_taken) == ("503", False, 50)
    assert service.waits == [1.0, 2.0]  # for the whole; a half has one attempt


def test_a_failure_while_halving_keeps_the_rest() -> None:
    service = Service(refuses(1), down)
    done = service.deliver(2)
    assert (service.taken, service.refused, done.problem) == (set(), set(), "503")


def answers(suspects: Suspects[int], *script: tuple[int, list[int]]) -> list[list[int]]:
    """What may be dropped after each answer: (how many it took, whom it refused)."""
    return [
        suspects.answered(taken=taken > 0, refused=[(one, "400") for one in refused])
        for taken, refused in script
    ]


def test_a_service_that_takes_nothing_is_not_believed() -> None:
    suspects = Suspects[int]()
    assert answers(suspects, (0, [1, 2]), (0, [3]), (0, [4])) == [[], [], []]
    assert (suspects.refused, suspects.dropped, suspects.why) == (4, 0, "400")


def test_the_answer_that_takes_others_is_believed() -> None:
    assert answers(Suspects(), (3, [1, 2])) == [[1, 2]]


def test_one_answer_before_and_one_after_confirm_what_was_refused_between() -> None:
    assert answers(Suspects(), (1, []), (0, [1]), (0, [2]), (1, [])) == [[], [], [], [1, 2]]


@pytest.mark.parametrize(
    "script", [[(0, [1]), (1, [])], [(1, []), (0, [1]), (0, [2])], [(0, [1]), (1, []), (0, [2])]]
)
def test_one_alone_confirms_nothing(script: list[tuple[int, list[int]]]) -> None:
    assert not any(answers(Suspects(), *script))


def test_a_run_drops_a_few_at_most() -> None:
    suspects = Suspects[int]()
    first, second = answers(suspects, (1, [1, 2, 3]), (1, list(range(4, 100))))
    assert first + second == list(range(1, MOST_DROPPED + 1))
    assert answers(suspects, (1, [100])) == [[]]
    assert suspects.refused == 100


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
