"""What an upload works with, made from an application's telemetry."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from afterword import destination
from afterword.errors import AfterwordError, DestinationError
from afterword.exporters.base import Exporter
from afterword.folder import HOME_VARIABLE, DataFolder, read_flat
from afterword.upload.application import Application
from afterword.upload.job import GATHER, Job
from afterword.upload.process import end_at_once
from afterword.upload.retry import FIRST_SILENCE
from afterword.upload.run import run
from afterword.upload.status import Status


def upload(
    application: Application,
    *,
    spawned: bool,
    own_process: bool = False,
    seconds: float | None = None,
    progress: Callable[[Status], object] | None = None,
) -> Status | None:
    """Upload what waits, in this process; see `Telemetry.upload`.

    Args:
        application: whose events.
        spawned: a command started this process; more may follow.
        own_process: it is the uploader's own.
        seconds: all the time there is; None for as much as an uploader may take.
        progress: called after each batch, with what became of it so far.
    """
    if application.folder is None or not application.decision().on:
        return None
    changed: dict[str, Any] = {"gather": GATHER if spawned else 0.0}
    if seconds is not None:
        changed |= {"most_time": seconds, "last_time": 0.0, "patience": seconds}
    if progress is not None:
        changed["progress"] = progress
    return run(make_job(application, own_process=own_process, **changed))


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
        "version": application.version,
        "make_exporter": lambda silence: make_exporter(
            application, silence=silence, own_process=own_process
        ),
        "allowed": lambda: application.decision().on,
        "cap": application.cap,
        "host": destination.shown(application.destination()) or "",
        "clock": application.clock,
        "agreed_at": agreed_at(application),
        "end": end_at_once if own_process else None,
    }
    return Job(**(parts | changed))


def agreed_at(application: Application) -> float:
    """When the person agreed, in seconds since 1970; 0 if the state does not say."""
    state = read_flat(folder_of(application).state) or {}
    said = state.get("decidedAt")
    try:
        return datetime.fromisoformat(said).timestamp() if isinstance(said, str) else 0.0
    except (ValueError, OverflowError, OSError):
        return 0.0


def make_exporter(
    application: Application, *, silence: float = FIRST_SILENCE, own_process: bool = False
) -> Exporter:
    """The exporter to the destination in force. Raise AfterwordError if it cannot be made.

    `silence`: seconds without a byte after which it gives up. `own_process`: this is the uploader's
    own process, which the official SDK may change.
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
        silence=silence,
        own_process=own_process,
        clock=application.clock,
    )


def folder_of(application: Application) -> DataFolder:
    """The application's data folder. Raise AfterwordError if there is none."""
    folder = application.folder
    if folder is None:
        raise AfterwordError(f"there is no home folder to keep the answer in; set {HOME_VARIABLE}")
    return folder
