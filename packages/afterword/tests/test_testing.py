"""The helper for an application's own tests."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from afterword import Telemetry
from afterword.errors import UndeclaredError
from afterword.testing import recorded


def test_it_shows_what_was_recorded_and_leaves_nothing_changed(
    make: Callable[..., Telemetry], home: Path
) -> None:
    telemetry = make(environment={"CI": "true"}, uploader=["/bin/false"])
    assert telemetry.events  # made on first use, and kept
    before = dict(vars(telemetry))
    with recorded(telemetry) as events:
        telemetry.record("done", what="build", words=["a", "b"])
        with telemetry.command("done", what="test"):
            pass
        telemetry.record("session", words=["c"])
    assert events == [
        {"event": "done", "what": "build", "words": ["a", "b"]},
        {"event": "done", "what": "test", "success": True},
        {"event": "session", "words": ["c"]},
    ]
    after = dict(vars(telemetry))
    assert {k: v for k, v in after.items() if k != "_recorded_in"} == {
        k: v for k, v in before.items() if k != "_recorded_in"
    }
    assert list(home.iterdir()) == []


def test_it_is_strict_and_restores_even_then(make: Callable[..., Telemetry]) -> None:
    telemetry = make(strict=False)
    with pytest.raises(UndeclaredError), recorded(telemetry):
        telemetry.record("done", what="something else")
    telemetry.record("done", what="something else")  # silent again


def test_nothing_recorded_is_an_empty_list(make: Callable[..., Telemetry]) -> None:
    with recorded(make()) as events:
        pass
    assert events == []


@pytest.mark.parametrize(
    ("leaves", "success"),
    [
        (None, True),
        (SystemExit(0), True),
        (SystemExit(None), True),
        (SystemExit(3), False),
        (SystemExit("message"), False),
        (click.exceptions.Exit(0), True),  # typer.Exit is the same class
        (click.exceptions.Exit(2), False),
        (KeyboardInterrupt(), False),
        (ValueError("x"), False),
    ],
)
def test_a_command_records_how_it_ended_and_ends_so(
    make: Callable[..., Telemetry], leaves: BaseException | None, success: bool
) -> None:
    telemetry = make()

    def run() -> None:
        with telemetry.command("done", what="build"):
            if leaves is not None:
                raise leaves

    with recorded(telemetry) as events:
        if leaves is None:
            run()
        else:
            with pytest.raises(type(leaves)) as left:
                run()
            assert left.value is leaves
    assert events == [{"event": "done", "what": "build", "success": success}]
