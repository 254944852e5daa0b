"""The commands `TOOL telemetry VERB`, for any framework: they print, and return an exit code."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

from afterword import destination
from afterword.control import report, words
from afterword.control.application import Application
from afterword.errors import AfterwordError
from afterword.upload import sent
from afterword.upload.status import Status

Answer = TypeVar("Answer")

_MANY = 500
"""With more events than this an upload shows its progress."""

_NARROWEST, _USUAL = 40, 80


class _FailedError(Exception):
    """The command failed; the message says why."""


def run(telemetry: Application, verb: str, *, as_json: bool = False, sent: bool = False) -> int:
    """Do what `TOOL telemetry VERB` asks for; return the exit code.

    Args:
        telemetry: whose telemetry.
        verb: out of `integrations.verbs.VERBS`.
        as_json: for scripts; `status`, `show` and `schema` have such a form.
        sent: with `show`: what was sent, not what waits.
    """
    try:
        if sent:
            if verb != "show":
                return _fail(f"--sent goes with show: {telemetry.spelled} show --sent", 2)
            verb = "show --sent"
        if verb in _SHOWS:
            text, data = _SHOWS[verb](telemetry, as_json)
            _say(json.dumps(data, indent=2) if as_json else text)
            return 0
        return _DOES[verb](telemetry)
    except (AfterwordError, _FailedError) as error:
        return _fail(str(error))


def _status(telemetry: Application, as_json: bool) -> tuple[str, object]:
    told = report.report(telemetry)
    if as_json:
        return "", report.as_json(told)
    return words.status(told, telemetry.clock(), telemetry.spelled), None


def _show(telemetry: Application, as_json: bool) -> tuple[str, object]:
    found = report.waiting(telemetry)
    if not as_json:
        return words.table(found, _width()), None
    if not found.records:
        return "", []
    from afterword.upload import jobs

    return "", list(jobs.make_exporter(telemetry).render(found.records))


def _show_sent(telemetry: Application, as_json: bool) -> tuple[str, object]:
    folder = telemetry.folder
    copies = list(sent.read(folder, telemetry.clock())) if folder is not None else []
    if as_json:
        return "", [{"at": one.at, "host": one.host, "sent": one.sent} for one in copies]
    return words.sent(copies, _width()), None


def _schema(telemetry: Application, as_json: bool) -> tuple[str, object]:
    from afterword.control import describe

    events = telemetry.events.values()
    if as_json:
        return "", describe.as_json(events)
    width = _width()
    if width is not None:
        return describe.table(events, width), None
    return describe.markdown(events).rstrip(), None  # for a page


def _on(telemetry: Application) -> int:
    _change(telemetry.turn_on)
    decision = telemetry.decision()
    _say("Telemetry is on.")
    if not decision.on:
        sys.stderr.write(f"But nothing is recorded here: {decision.reason}.\n")
    return 0


def _off(telemetry: Application) -> int:
    deleted = _change(telemetry.turn_off)
    _say(
        f"Telemetry is off. Deleted: {words.events(deleted)} that waited, the id, "
        "and the copy of what was sent."
    )
    return 0


def _reset(telemetry: Application) -> int:
    deleted = _change(telemetry.reset)
    renewed = report.report(telemetry).anonymous_id is not None
    said = "There is a new id." if renewed else "Telemetry is off, so there is no id."
    _say(
        f"Deleted: {words.events(deleted)} that waited, the id, and the copy of what was sent. "
        f"{said}"
    )
    return 0


def _upload(telemetry: Application) -> int:
    """Upload in the foreground, and say what happens."""
    from afterword.upload import jobs

    decision = telemetry.decision()
    if not decision.on:
        return _fail(f"Nothing is sent: telemetry is off, {decision.reason}.")
    found = report.waiting(telemetry)
    count = len(found.records)
    if not count and not found.unfit:
        _say("Nothing waits.")
        return 0
    _say(f"Sending {words.events(count)} to {destination.shown(telemetry.destination())} ...")
    shows = count > _MANY and sys.stderr.isatty()

    def progress(so_far: Status) -> None:
        if shows:
            sys.stderr.write(f"\r{so_far.sent:,} of {count:,}")
            sys.stderr.flush()

    try:
        outcome = jobs.upload(telemetry, spawned=False, progress=progress)
    except OSError as error:
        raise _FailedError(_reason(error)) from error
    finally:
        if shows:
            sys.stderr.write("\n")
    if outcome is None:
        return _fail("Another uploader is at work; it takes what waits.")
    _say(words.outcome(outcome))
    return 1 if outcome.error is not None else 0


_SHOWS: Mapping[str, Callable[[Application, bool], tuple[str, object]]] = {
    "status": _status,
    "show": _show,
    "show --sent": _show_sent,
    "schema": _schema,
}
_DOES: Mapping[str, Callable[[Application], int]] = {
    "on": _on,
    "off": _off,
    "reset": _reset,
    "upload": _upload,
}


def _change(change: Callable[[], Answer]) -> Answer:
    try:
        return change()
    except OSError as error:
        raise _FailedError(f"{_reason(error)}. Nothing was changed.") from error


def _reason(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # what was asked for


def _fail(text: str, code: int = 1) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"Error: {text}\n")
    return code


def _width() -> int | None:
    """How wide the terminal is; None where the output goes elsewhere."""
    if sys.stdout is None or sys.stdout.closed or not sys.stdout.isatty():
        return None
    try:  # as shutil does it, which takes long to load
        return max(_NARROWEST, int(os.environ.get("COLUMNS") or os.get_terminal_size(1).columns))
    except (ValueError, OSError):
        return _USUAL
