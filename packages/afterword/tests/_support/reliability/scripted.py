"""An exporter that answers by script, and an upload to it, in this process and without waiting."""

from collections.abc import Callable, Sequence
from typing import Any

from reliability.application import Application

from afterword.exporters.base import Receipt, Record
from afterword.upload.jobs import make_job
from afterword.upload.run import run
from afterword.upload.status import Status


class Scripted:
    """An exporter that answers by script, then takes everything; notes what it was given."""

    def __init__(self, *script: Callable[[Sequence[Record]], Receipt]) -> None:
        self.script = list(script)
        self.got: list[list[str]] = []
        self.when_closed: Callable[[], object] = lambda: None

    def export(self, batch: Sequence[Record]) -> Receipt:
        self.got.append([str(record.attributes["event_id"]) for record in batch])
        return (self.script.pop(0) if self.script else everything)(batch)

    def render(self, batch: Sequence[Record]) -> list[object]:
        return list(batch)

    def close(self) -> None:
        self.when_closed()


def everything(batch: Sequence[Record]) -> Receipt:
    return Receipt(frozenset(range(len(batch))))


def all_but_the_first(batch: Sequence[Record]) -> Receipt:
    return Receipt(frozenset(range(1, len(batch))), {}, "503 for 1", retry=False)


def all_but_two(batch: Sequence[Record]) -> Receipt:
    return Receipt(frozenset(range(2, len(batch))), {}, "503 for 2", retry=False)


def upload_to(exporter: Scripted, app: Application, **changed: Any) -> Status:
    changed = {"make_exporter": lambda _silence: exporter, "sleep": lambda _seconds: None} | changed
    status = run(make_job(app.telemetry, **changed))
    assert status is not None
    return status
