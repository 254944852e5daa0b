"""For an application's own tests: see what it records, without consent, disk or network.

with recorded(telemetry) as events:
    run_the_command()
assert events == [{"event": "greeting", "word": "hello", "success": True}]
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from afterword import schema
from afterword.consent import TESTING
from afterword.telemetry import Telemetry
from afterword.testing.lines import lines_of


@contextmanager
def recorded(telemetry: Telemetry) -> Iterator[list[dict[str, Any]]]:
    """Record into a temporary folder, as if agreed to; the list is filled when the block ends.

    Each event is a dictionary of `event`, its name, and the values it was recorded with; ids that
    the engine makes are left out. Nothing is uploaded, whatever is undeclared raises, and
    `telemetry` is as before afterwards, however the block ends.
    """
    events: list[dict[str, Any]] = []
    before = {
        name: getattr(telemetry, name)
        for name in ("environment", "_strict", "_recorded_in", "_due")
    }
    with tempfile.TemporaryDirectory() as base:
        telemetry.environment = {TESTING: base}
        telemetry._strict = True  # noqa: SLF001  # of the same package
        try:
            yield events
            events += _events(telemetry)
        finally:
            for name, value in before.items():
                setattr(telemetry, name, value)


def _events(telemetry: Telemetry) -> Iterator[dict[str, Any]]:
    folder = telemetry.folder
    for line in lines_of(folder.path) if folder is not None else ():
        name = line[schema.EVENT_TYPE]
        fields = telemetry.events[name].fields
        values = {key: line.get(schema.buffer_key(key)) for key in fields}
        yield {"event": name} | {
            key: value
            for key, value in values.items()
            if value is not None and fields[key].kind != "id"
        }
