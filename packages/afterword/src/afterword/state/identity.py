"""The state file: whether the person agreed, and the anonymous id, new with each UTC month.

Nothing here is sent but the id itself. No earlier id is kept, so that two months cannot be linked.
"""

from afterword.folder import read_flat
from afterword.schema import id_of_month, timestamp, uuid4
from afterword.state import files
from afterword.state.lockfile import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from afterword.folder import DataFolder, Flat

_PATIENCE = 0.1


def agree(folder: "DataFolder", now: float, *, notice: int) -> None:
    """Write down the yes to version `notice` of the notice. Raise OSError if impossible."""
    state = _empty(now)
    state.update(enabled=True, consentGiven=True, anonymousId=uuid4(), rotatedAt=timestamp(now))
    _replace(folder, {**state, "decidedAt": timestamp(now), "noticeVersion": notice})


def decline(folder: "DataFolder", now: float, *, notice: int) -> None:
    """Write down the person's no, without any id. Raise OSError if impossible."""
    state = _empty(now)
    state.update(enabled=False, consentGiven=False)
    _replace(folder, {**state, "decidedAt": timestamp(now), "noticeVersion": notice})


def _empty(now: float) -> "Flat":
    return {
        "enabled": False,
        "consentGiven": None,
        "anonymousId": None,
        "createdAt": timestamp(now),
        "rotatedAt": None,
    }


def renew(folder: "DataFolder", now: float) -> str | None:
    """Make the month's id, under the lock, so that two commands that start together agree on one.

    None where it cannot be kept (a read-only folder): an id that changes with every command would
    count one person as many.
    """
    lock = FileLock(folder.state_lock)
    try:
        if not lock.acquire(_PATIENCE):
            return None
    except OSError:
        return None
    try:
        state = read_flat(folder.state)
        if state is None or state.get("enabled") is not True:
            return None  # turned off a moment ago
        known = id_of_month(state, now)
        if known is None:
            known = uuid4()
            files.write(folder.state, {**state, "anonymousId": known, "rotatedAt": timestamp(now)})
    except OSError:
        return None
    else:
        return known
    finally:
        lock.release()


def _replace(folder: "DataFolder", state: "Flat") -> None:
    lock = FileLock(folder.state_lock)
    held = lock.acquire(_PATIENCE)  # a stopped holder must not keep a person from saying no
    try:
        before = read_flat(folder.state)
        if before is not None and isinstance(before.get("createdAt"), str):
            state["createdAt"] = before["createdAt"]
        files.write(folder.state, state)
    finally:
        if held:
            lock.release()
