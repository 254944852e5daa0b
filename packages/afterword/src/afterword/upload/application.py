"""The part of a `Telemetry` that an upload needs; with nothing that an upload loads."""

from collections.abc import Callable, Mapping
from typing import Protocol

from afterword.consent import Decision
from afterword.folder import DataFolder
from afterword.schema import Event


class Application(Protocol):
    """The part of a `Telemetry` that an upload needs."""

    @property
    def name(self) -> str: ...  # noqa: D102  # documented on Telemetry, as all here
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def version_key(self) -> str: ...  # noqa: D102
    @property
    def events(self) -> Mapping[str, Event]: ...  # noqa: D102
    @property
    def folder(self) -> DataFolder | None: ...  # noqa: D102
    @property
    def exporter(self) -> str | None: ...  # noqa: D102
    @property
    def cap(self) -> int: ...  # noqa: D102
    @property
    def clock(self) -> Callable[[], float]: ...  # noqa: D102
    def decision(self) -> Decision: ...  # noqa: D102
    def destination(self) -> str | None: ...  # noqa: D102
