"""What an upload works with, made from an application's telemetry."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from afterword.consent import Decision
from afterword.errors import AfterwordError, DestinationError
from afterword.exporters.base import Exporter
from afterword.folder import DataFolder
from afterword.schema import Event
from afterword.upload.run import GATHER, REQUEST_TIME, Job, run
from afterword.upload.status import Status


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


def upload(
    application: Application,
    *,
    spawned: bool,
    own_process: bool = False,
    progress: Callable[[Status], object] | None = None,
) -> Status | None:
    """Upload what waits, in this process; see `Telemetry.upload`.

    Args:
        application: whose events.
        spawned: a command started this process; more may follow.
        own_process: it is the uploader's own.
        progress: called after each batch, with what became of it so far.
    """
    if application.folder is None or not application.decision().on:
        return None
    gather = GATHER if spawned else 0.0
    job = make_job(application, own_process=own_process, gather=gather)
    return run(job if progress is None else replace(job, progress=progress))


def make_job(application: Application, *, own_process: bool = False, **changed: Any) -> Job:
    """What an upload of this application works with; `changed`, for tests, replaces parts.

    `own_process`: this is the uploader's own process.

    Raises:
        AfterwordError: there is no data folder.
    """
    parts: dict[str, Any] = {
        "folder": folder_of(application),
        "events": application.events,
        "version_key": application.version_key,
        "make_exporter": lambda: make_exporter(application, own_process=own_process),
        "allowed": lambda: application.decision().on,
        "cap": application.cap,
        "clock": application.clock,
    }
    return Job(**(parts | changed))


def make_exporter(application: Application, *, own_process: bool = False) -> Exporter:
    """The exporter to the destination in force. Raise AfterwordError if it cannot be made.

    `own_process`: this is the uploader's own process, which the official SDK may change.
    """
    connection_string = application.destination()
    if not connection_string:
        raise DestinationError("no connection string is set")
    from afterword.exporters import choose

    return choose.make(
        connection_string,
        exporter=application.exporter,
        role=application.name,
        role_version=application.version,
        silence=REQUEST_TIME,
        own_process=own_process,
        clock=application.clock,
    )


def folder_of(application: Application) -> DataFolder:
    """The application's data folder. Raise AfterwordError if there is none."""
    folder = application.folder
    if folder is None:
        raise AfterwordError("there is no home folder to keep the answer in; set HOME")
    return folder
