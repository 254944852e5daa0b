"""What a person or the background asks of an application's telemetry: on, off, upload, tidy up.

The cold half of `telemetry`: nothing here runs in an ordinary command.
"""

import contextlib
import os
import shutil
from typing import Any

from afterword import consent, identity, segments, statefile
from afterword.application import Application
from afterword.errors import AfterwordError, DestinationError
from afterword.exporters.base import Exporter
from afterword.folder import DataFolder, make_private, why_untrusted
from afterword.lock import FileLock
from afterword.upload import status
from afterword.upload.run import GATHER, REQUEST_TIME, Job, run
from afterword.upload.status import Status

_PATIENCE = 1.0
_SHORT_PATIENCE = 0.1


def turn_on(application: Application) -> None:
    """Write down the person's yes, with a new anonymous id. Raise OSError if impossible."""
    folder = _folder(application)
    make_private(folder.path)
    untrusted = why_untrusted(folder.path)
    if untrusted is not None:
        raise PermissionError(13, untrusted, folder.path)
    _delete_waiting(application)  # what an event on its way left there while it was off
    identity.agree(folder, application.clock(), notice=application.notice)


def turn_off(application: Application) -> int:
    """Write down the person's no; delete what waits and the id. Return how many events waited.

    A running uploader asks before each batch and stops.
    """
    folder = _folder(application)
    make_private(folder.path)
    identity.decline(folder, application.clock(), notice=application.notice)
    return _delete_waiting(application)


def reset(application: Application) -> int:
    """Make a new anonymous id and delete what waits; return how many events waited.

    Whether it is on stays as it was; while it is off there is no id to make anew.
    """
    folder = _folder(application)
    if consent.of_person(statefile.read(folder.state), notice=application.notice).on:
        identity.agree(folder, application.clock(), notice=application.notice)
    return _delete_waiting(application)


def upload(application: Application, *, spawned: bool) -> Status | None:
    """Upload what waits, in this process; see `Telemetry.upload`."""
    if application.folder is None or not application.decision().on:
        return None
    return run(make_job(application, gather=GATHER if spawned else 0.0))


def make_job(application: Application, **changed: Any) -> Job:
    """What an upload of this application works with; `changed`, for tests, replaces parts."""
    parts: dict[str, Any] = {
        "folder": _folder(application),
        "events": application.events,
        "version_key": application.version_key,
        "make_exporter": lambda: make_exporter(application),
        "allowed": lambda: application.decision().on,
        "cap": application.cap,
        "clock": application.clock,
    }
    return Job(**(parts | changed))


def keep_under_cap(application: Application) -> None:
    """Give up the oldest events where more than the cap waits and no uploader is there to do it.

    How many that were is added to the last upload's status. A command waits for this: so no longer
    for a lock than for an append.
    """
    folder = _folder(application)
    segments.take(folder, patience=_SHORT_PATIENCE)
    lock = FileLock(folder.upload_lock)
    try:
        held = lock.acquire()
    except OSError:  # no locks on this file system, and so no uploader
        held = True
    if not held:
        return
    try:
        given_up = segments.trim(folder, application.cap)
        if given_up:
            last = status.load(folder.upload_status)
            last.drop(status.OVER_THE_CAP, given_up)
            status.save(folder.upload_status, last)
    finally:
        lock.release()


def make_exporter(application: Application) -> Exporter:
    """The exporter to the destination in force. Raise AfterwordError if it cannot be made."""
    connection_string = application.destination()
    if not connection_string:
        raise DestinationError("no connection string is set")
    from afterword.exporters.azure import AzureExporter, Destination

    return AzureExporter(
        Destination.parse(connection_string),
        role=application.name,
        role_version=application.version,
        timeout=REQUEST_TIME,
    )


def _delete_waiting(application: Application) -> int:
    folder = _folder(application)
    segments.take(folder)
    count = 0
    for segment in segments.waiting(folder):
        with contextlib.suppress(OSError):
            count += sum(1 for _ in segment.lines())
            os.unlink(segment.path)
    with contextlib.suppress(OSError):
        os.unlink(folder.upload_status)
    for name in application.keeps:
        shutil.rmtree(os.path.join(folder.path, name), ignore_errors=True)
    return count


def _folder(application: Application) -> DataFolder:
    folder = application.folder
    if folder is None:
        raise AfterwordError("there is no home folder to keep the answer in; set HOME")
    return folder
