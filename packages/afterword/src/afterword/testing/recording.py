"""For an application's own tests: see what a piece of it records, without consent, disk or network.

with recorded(telemetry) as events:
    run_the_command()
assert events == [{"event": "greeting", "word": "hello", "success": True}]
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from afterword import schema
from afterword.folder import DataFolder
from afterword.telemetry import Telemetry


@contextmanager
def recorded(telemetry: Telemetry) -> Iterator[list[dict[str, Any]]]:
    """Record into a temporary folder, as if agreed to; the list is filled when the block ends.

    Each event is a dictionary of `event`, its name, and the values it was recorded with; ids that
    the engine makes are left out. Nothing is uploaded, whatever is undeclared raises, and
    `telemetry` is as before afterwards, however the block ends.
    """
    events: list[dict[str, Any]] = []
    names = ("folder", "_strict", "_ci", "environment", "policy", "uploader", "_recorded_in")
    before = {name: getattr(telemetry, name) for name in names}
    with tempfile.TemporaryDirectory() as base:
        folder = telemetry.folder = DataFolder(os.path.join(base, telemetry.name))
        telemetry._strict = True  # noqa: SLF001  # of one house
        telemetry._ci = ""  # noqa: SLF001
        telemetry.environment = {}
        telemetry.policy = os.path.join(base, "none")
        telemetry.uploader = ()
        try:
            telemetry.turn_on()
            yield events
            events += _events(telemetry, folder)
        finally:
            for name, value in before.items():
                setattr(telemetry, name, value)


def _events(telemetry: Telemetry, folder: DataFolder) -> Iterator[dict[str, Any]]:
    try:
        with open(folder.events) as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return
    for text in lines:
        line = json.loads(text)
        name = line[schema.EVENT_TYPE]
        fields = telemetry.events[name].fields
        values = {key: line.get(schema.buffer_key(key)) for key in fields}
        yield {"event": name} | {
            key: value
            for key, value in values.items()
            if value is not None and fields[key].kind != "id"
        }
