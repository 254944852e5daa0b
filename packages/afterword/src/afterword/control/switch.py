"""Turn an application's telemetry on or off, or reset it; delete what waits."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Sequence
from typing import Protocol

from afterword import spawn
from afterword.errors import AfterwordError
from afterword.folder import HOME_VARIABLE, DataFolder, read_flat, shown, why_foreign, why_untrusted
from afterword.state import identity
from afterword.state.lockfile import FileLock
from afterword.upload import segments, sent

_PATIENCE = 2.0
"""Seconds to wait for an uploader at work to end; one that is stopped does not."""


class Switched(Protocol):
    """The part of a `Telemetry` that is needed to turn it on or off."""

    @property
    def folder(self) -> DataFolder | None: ...  # noqa: D102  # documented on Telemetry, as all here
    @property
    def declared(self) -> str: ...  # noqa: D102
    @property
    def clock(self) -> Callable[[], float]: ...  # noqa: D102
    @property
    def keeps(self) -> Sequence[str]: ...  # noqa: D102


def turn_on(telemetry: Switched) -> None:
    """Write down the person's yes, with a new anonymous id. Raise OSError if impossible."""
    folder = _own_folder(telemetry)
    _make_private(folder.path)
    untrusted = why_untrusted(folder.path)
    if untrusted is not None:
        advice = "remove it, or make it a folder that only you can write to"
        raise PermissionError(errno.EACCES, f"{untrusted}; {advice}")
    state = read_flat(folder.state)
    if state is None or state.get("enabled") is not True:
        _delete_waiting(telemetry)  # what an event on its way left there while it was off
    identity.agree(folder, telemetry.clock(), declared=telemetry.declared)


def turn_off(telemetry: Switched) -> int:
    """Write down the person's no; delete what waits and the id. Return how many events waited.

    A running uploader asks before each batch and stops. On a full disk the no itself may find no
    room: then the yes is removed. Raise OSError if that cannot be either.
    """
    folder = _own_folder(telemetry)
    _make_private(folder.path)
    deleted = 0
    try:
        identity.decline(folder, telemetry.clock())
    except OSError:
        if not os.path.exists(folder.state):
            raise
        deleted = _delete_waiting(telemetry)  # makes room
        try:
            identity.decline(folder, telemetry.clock())
        except OSError:
            os.unlink(folder.state)  # no answer is a no as well
    return deleted + _delete_waiting(telemetry)


def reset(telemetry: Switched) -> int:
    """Make a new anonymous id and delete what waits; return how many events waited.

    Whether it is on stays as it was; while it is off there is no id to make anew.
    """
    folder = _own_folder(telemetry)
    identity.reset(folder, telemetry.clock())
    return _delete_waiting(telemetry)


def _delete_waiting(telemetry: Switched) -> int:
    folder = _folder(telemetry)
    segments.take_all(folder)
    count = sum(map(segments.Segment.delete, segments.waiting(folder)))
    lock = FileLock(folder.upload_lock)
    with contextlib.suppress(OSError):
        # An uploader at work sees within moments that the file is gone, cuts its request and ends.
        if lock.acquire(_PATIENCE):
            segments.sweep(folder)
            lock.release()
    with contextlib.suppress(OSError):
        os.unlink(folder.upload_status)
    spawn.forget_starts(folder)
    sent.delete(folder)
    for name in telemetry.keeps:
        path = os.path.join(folder.path, name)
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(path)  # a file, or a link, which rmtree does not follow
    return count


def _folder(telemetry: Switched) -> DataFolder:
    folder = telemetry.folder
    if folder is None:
        raise AfterwordError(f"there is no home folder to keep the answer in; set {HOME_VARIABLE}")
    return folder


def _own_folder(telemetry: Switched) -> DataFolder:
    """The folder, if it is this user's, or nobody's yet. Raise OSError if it cannot be."""
    folder = _folder(telemetry)
    foreign = why_foreign(folder.path)
    if foreign is not None:
        raise PermissionError(errno.EACCES, f"{foreign}; do it as that user, without sudo")
    try:
        os.lstat(folder.path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, shown(folder.path)) from None
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
