"""What a person or the background asks of an application's telemetry: on, off, upload, tidy up.

The cold half of `telemetry`: nothing here runs in an ordinary command.
"""

import contextlib
import errno
import os
import shutil
from typing import TYPE_CHECKING, Any

from afterword import consent, identity, segments
from afterword.errors import AfterwordError, DestinationError
from afterword.exporters.base import Exporter
from afterword.folder import DataFolder, read_flat, why_untrusted
from afterword.lockfile import FileLock
from afterword.upload import status
from afterword.upload.run import GATHER, REQUEST_TIME, Job, run
from afterword.upload.status import Status

if TYPE_CHECKING:
    from afterword.telemetry import Telemetry

_PATIENCE = 1.0
_SHORT_PATIENCE = 0.1


def turn_on(telemetry: "Telemetry") -> None:
    """Write down the person's yes, with a new anonymous id. Raise OSError if impossible."""
    folder = _folder(telemetry)
    _make_private(folder.path)
    untrusted = why_untrusted(folder.path)
    if untrusted is not None:
        advice = "remove it, or make it a folder that only you can write to"
        raise PermissionError(errno.EACCES, f"{untrusted}; {advice}")
    _delete_waiting(telemetry)  # what an event on its way left there while it was off
    identity.agree(folder, telemetry.clock(), notice=telemetry.notice)


def turn_off(telemetry: "Telemetry") -> int:
    """Write down the person's no; delete what waits and the id. Return how many events waited.

    A running uploader asks before each batch and stops. On a full disk the no itself may find no
    room: then the yes is removed. Raise OSError if that cannot be either.
    """
    folder = _folder(telemetry)
    _make_private(folder.path)
    deleted = 0
    try:
        identity.decline(folder, telemetry.clock(), notice=telemetry.notice)
    except OSError:
        if not os.path.exists(folder.state):
            raise
        deleted = _delete_waiting(telemetry)  # makes room
        try:
            identity.decline(folder, telemetry.clock(), notice=telemetry.notice)
        except OSError:
            os.unlink(folder.state)  # no answer is a no as well
    return deleted + _delete_waiting(telemetry)


def reset(telemetry: "Telemetry") -> int:
    """Make a new anonymous id and delete what waits; return how many events waited.

    Whether it is on stays as it was; while it is off there is no id to make anew.
    """
    folder = _folder(telemetry)
    if consent.of_person(read_flat(folder.state), notice=telemetry.notice).on:
        identity.agree(folder, telemetry.clock(), notice=telemetry.notice)
    return _delete_waiting(telemetry)


def upload(telemetry: "Telemetry", *, spawned: bool) -> Status | None:
    """Upload what waits, in this process; see `Telemetry.upload`."""
    if telemetry.folder is None or not telemetry.decision().on:
        return None
    return run(make_job(telemetry, gather=GATHER if spawned else 0.0))


def make_job(telemetry: "Telemetry", **changed: Any) -> Job:
    """What an upload of this application works with; `changed`, for tests, replaces parts."""
    parts: dict[str, Any] = {
        "folder": _folder(telemetry),
        "events": telemetry.events,
        "version_key": telemetry.version_key,
        "make_exporter": lambda: make_exporter(telemetry),
        "allowed": lambda: telemetry.decision().on,
        "cap": telemetry.cap,
        "clock": telemetry.clock,
    }
    return Job(**(parts | changed))


def keep_under_cap(telemetry: "Telemetry") -> None:
    """Give up the oldest events where more than the cap waits and no uploader is there to do it.

    How many that were is added to the last upload's status. A command waits for this: so no longer
    for a lock than for an append.
    """
    folder = _folder(telemetry)
    segments.take(folder, patience=_SHORT_PATIENCE)
    lock = FileLock(folder.upload_lock)
    try:
        held = lock.acquire()
    except OSError:  # no locks on this file system, and so no uploader
        held = True
    if not held:
        return
    try:
        segments.sweep(folder)  # what one who was killed over this has left counts as well
        given_up = segments.trim(folder, telemetry.cap)
        if given_up:
            last = status.load(folder.upload_status)
            last.drop(status.OVER_THE_CAP, given_up)
            status.save(folder.upload_status, last)
    finally:
        lock.release()


def make_exporter(telemetry: "Telemetry") -> Exporter:
    """The exporter to the destination in force. Raise AfterwordError if it cannot be made."""
    connection_string = telemetry.destination()
    if not connection_string:
        raise DestinationError("no connection string is set")
    from afterword.exporters.azure import AzureExporter, Destination

    return AzureExporter(
        Destination.parse(connection_string),
        role=telemetry.name,
        role_version=telemetry.version,
        timeout=REQUEST_TIME,
    )


def _delete_waiting(telemetry: "Telemetry") -> int:
    folder = _folder(telemetry)
    segments.take(folder)
    count = 0
    for segment in segments.waiting(folder):
        with contextlib.suppress(OSError):
            lines = sum(1 for _ in segment.lines())
            os.unlink(segment.path)
            count += lines
    lock = FileLock(folder.upload_lock)
    with contextlib.suppress(OSError):
        if lock.acquire():  # an uploader at work looks after its own
            segments.sweep(folder)
            lock.release()
    with contextlib.suppress(OSError):
        os.unlink(folder.upload_status)
    for name in telemetry.keeps:
        shutil.rmtree(os.path.join(folder.path, name), ignore_errors=True)
    return count


def _folder(telemetry: "Telemetry") -> DataFolder:
    folder = telemetry.folder
    if folder is None:
        raise AfterwordError("there is no home folder to keep the answer in; set HOME")
    return folder


def _make_private(path: str) -> None:
    """Make the folder, readable for its owner only. Raise OSError if it cannot be."""
    parent = os.path.dirname(path)
    if parent:
        os.makedirs(parent, exist_ok=True)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if why_untrusted(path) is None and os.path.isdir(path):
            os.chmod(path, 0o700)  # an older or kinder umask made it readable for all
