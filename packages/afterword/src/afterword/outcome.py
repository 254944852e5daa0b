"""How a command ended: its outcome and exit code, as far as an event declares them.

Loaded where a `with` block or a run is recorded.
"""

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Protocol

    from afterword.schema import Event

    class Recorder(Protocol):
        """The part of a `Telemetry` that records a block."""

        def record_fields(  # noqa: D102  # documented on Telemetry
            self,
            event: str,
            fields: Mapping[str, object],
            *,
            ended: Callable[[Event], Mapping[str, object]] | None = None,
            raises: bool = True,
        ) -> None: ...


EPIPE = 32
MOST_CODE = 255
_BY_SIGNAL = 130  # as shells tell an end by Ctrl-C


class Command:
    """The run of one command, as a `with` block; see `Telemetry.command`.

    `fields`: the event's values, to which the block may add.
    """

    __slots__ = ("_began", "_event", "_recorder", "fields")

    def __init__(self, recorder: "Recorder", event: str, fields: "dict[str, object]") -> None:
        self._recorder = recorder
        self._event = event
        self._began = time.monotonic()
        self.fields = fields

    def __enter__(self) -> "Command":  # noqa: PYI034  # Self is in typing, which we do not load
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: "TracebackType | None",
    ) -> None:
        took = time.monotonic() - self._began

        def ended(declared: "Event") -> "Mapping[str, object]":
            return values_of(declared, error, took)

        self._recorder.record_fields(self._event, self.fields, ended=ended, raises=kind is None)


def ending_of(error: BaseException | None) -> tuple[str, int]:
    """Outcome and exit code of a program that ends by this exception. None: it returned."""
    if error is None:
        return "ok", 0
    if isinstance(error, SystemExit):
        code = exit_code_of(error.code)
        return ("failed" if code else "ok"), code
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", _BY_SIGNAL
    if isinstance(error, OSError) and error.errno == EPIPE:
        return "broken_pipe", 1
    return "failed", 1


def values_of(
    declared: "Event", error: BaseException | None, took: float
) -> "Mapping[str, object]":
    """How a block ended, in the fields that its event declares.

    Args:
        declared: the event.
        error: the exception that ended the block; None: it came to its end.
        took: seconds.
    """
    outcome, code = ending_of(error)
    if outcome == "failed":  # click's and Typer's `Exit` and `UsageError`, without importing them
        try:
            code = exit_code_of(getattr(error, "exit_code", code))
        except Exception:  # noqa: BLE001  # its attributes are its own affair
            code = 1
        outcome = "failed" if code else "ok"
    found: dict[str, object] = {
        "success": outcome == "ok",
        "outcome": outcome,
        "exit_code": code,
        "duration": took,
    }
    kinds = {"success": "flag", "outcome": "word", "exit_code": "count", "duration": "range"}
    return {
        name: value
        for name, value in found.items()
        if name in declared.fields and declared.fields[name].kind == kinds[name]
    }


def exit_code_of(code: object) -> int:
    """The exit code that Python makes of what was given to `sys.exit`."""
    if code is None:
        return 0
    if not isinstance(code, int):
        return 1
    if sys.platform == "win32":
        return code if 0 <= code <= MOST_CODE else MOST_CODE
    return code & MOST_CODE
