"""The part of a `Telemetry` that the commands for a person need."""

from typing import Protocol

from afterword.control.report import Reported
from afterword.upload import application


class Application(Reported, application.Application, Protocol):
    """What `telemetry status`, `show`, `on`, … need of an application's telemetry."""

    spelled: str
    """The words that reach these commands: `atomic telemetry`."""

    @property
    def prefix(self) -> str: ...  # noqa: D102  # documented on Telemetry, as all here
    def turn_on(self) -> None: ...  # noqa: D102
    def turn_off(self) -> int: ...  # noqa: D102
    def reset(self) -> int: ...  # noqa: D102
