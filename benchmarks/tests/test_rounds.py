import math
import os

import pytest
from processes import Background, Run
from rounds import Trial, added, alternate, cpu, ratio, summary, wall

NO_BACKGROUND = Background(processes=0, cpu=0.0, seconds=0.0, peak=0, ended=False)


def run_of(seconds: float, cpu: float = 0.0) -> Run:
    return Run(seconds, cpu, peak=0, capped=False, failed=False, background=NO_BACKGROUND)


def test_contestants_take_turns_and_the_warm_up_does_not_count() -> None:
    order: list[str] = []

    def trial(name: str) -> Trial:
        def run() -> Run:
            order.append(name)
            return run_of(seconds=len(order))

        return run

    runs = alternate({name: trial(name) for name in "abc"}, 20, warm_up=1)

    rounds = ["".join(order[at : at + 3]) for at in range(0, len(order), 3)]
    assert len(rounds) == 21
    assert {"".join(sorted(one)) for one in rounds} == {"abc"}
    assert len(set(rounds)) > 3  # each in an order of its own
    for name, of in runs.items():
        assert [run.seconds for run in of] == [n + 1 for n, one in enumerate(order) if one == name][
            1:
        ]


def test_progress_is_told_to_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alternate({"a": lambda: run_of(1)}, 1, warm_up=0)
    assert capsys.readouterr() == ("", "")

    reader, writer = os.openpty()
    with os.fdopen(writer, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        alternate({"a": lambda: run_of(1)}, 1, warm_up=0)
        assert b"round 1 of 1: a" in os.read(reader, 1000)
    os.close(reader)


def test_added_is_the_median_of_differences_within_a_round() -> None:
    base = [10.0, 100.0, 20.0]  # the machine was busy in the second round
    ours = [13.0, 104.0, 22.0]

    found = added(ours, base)

    assert (found["median"], found["low"], found["high"], found["n"]) == (3.0, 2.0, 4.0, 3)
    assert found["median"] != summary(ours)["median"] - summary(base)["median"]


def test_added_wants_a_baseline_of_every_round() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        added([1.0, 2.0], [1.0])


def test_summary_of_many_and_of_one() -> None:
    assert summary([4.0, 1.0, 3.0, 2.0]) == {
        "median": 2.5,
        "low": 1.0,
        "high": 4.0,
        "quartiles": (1.25, 3.75),
        "n": 4,
    }
    assert summary([7.0]) == {
        "median": 7.0,
        "low": 7.0,
        "high": 7.0,
        "quartiles": (7.0, 7.0),
        "n": 1,
    }


def test_times_are_milliseconds() -> None:
    runs = [run_of(0.5, cpu=0.25)]
    assert (wall(runs), cpu(runs)) == ([500.0], [250.0])


@pytest.mark.parametrize("noise", [0.0, -0.3])
def test_a_ratio_to_noise_is_no_number(noise: float) -> None:
    assert ratio(6.0, 3.0) == 2.0
    assert math.isnan(ratio(6.0, noise))
