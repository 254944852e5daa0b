"""Keep the buffer under its cap, from within a command, while no uploader runs."""

from afterword.folder import DataFolder
from afterword.state.lockfile import FileLock
from afterword.upload import segments

_PATIENCE = 0.1  # seconds; a command waits for this, so no longer than for an append


def keep_under_cap(folder: DataFolder, cap: int) -> None:
    """Drop the oldest events if more than `cap` bytes wait and no uploader is at work.

    Their number is added to the last upload's status.
    """
    segments.take_all(folder, patience=_PATIENCE)
    lock = FileLock(folder.upload_lock)
    try:
        held = lock.acquire()
    except OSError:  # no locks on this file system, and so no uploader
        held = True
    if not held:
        return
    try:
        segments.sweep(folder)  # what one who was killed over this has left counts as well
        given_up = segments.trim(folder, cap)
        if given_up:
            from afterword.upload import status  # it loads json, seldom needed here

            last = status.load(folder.upload_status)
            last.drop(status.OVER_THE_CAP, given_up)
            status.save(folder.upload_status, last)
    finally:
        lock.release()
