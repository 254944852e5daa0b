"""The state file: whether the person agreed, and the anonymous id, new with each UTC month.

Nothing here is sent but the id itself. No earlier id is kept, so that two months cannot be linked.
"""

import contextlib
import errno

from afterword.folder import Flat, read_flat, stamp
from afterword.schema import id_of_month, timestamp, uuid4
from afterword.state import files
from afterword.state.lockfile import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from afterword.folder import DataFolder

_PATIENCE = 0.1  # seconds
_TRIES = 10


def agree(folder: "DataFolder", now: float, *, declared: str) -> None:
    """Write down the yes to what is declared, with a new id. Raise OSError if impossible.

    Args:
        folder: where.
        now: seconds since 1970.
        declared: what was agreed to, as `schema.fingerprint`; added to what was agreed to before,
            so that two versions of the application do not make each other ask in turns.
    """
    state = _empty(now)
    state.update(enabled=True, consentGiven=True, anonymousId=uuid4(), rotatedAt=timestamp(now))
    state["decidedAt"] = timestamp(now)
    first = stamp(folder.state)
    with _waited_for(folder):
        for _ in range(_TRIES):
            seen = stamp(folder.state)
            before = read_flat(folder.state) or {}
            if seen != first and before.get("enabled") is False:
                break  # a no that was said meanwhile
            agreed = _together(before, declared)
            if files.update(folder.state, {**_since(before, state), "agreed": agreed}, seen):
                return
    raise BlockingIOError(errno.EAGAIN, "another answer was given in this moment", folder.state)


def decline(folder: "DataFolder", now: float) -> None:
    """Write down the person's no, without any id, so that nobody overwrites it with a yes.

    The lock's holder may be stopped, and is not waited for. It may have read the old answer, and be
    about to put it back: then it has its file beside ours already, or sees, before it renames it,
    that ours has changed. So its file is removed after ours is written; and if ours is not what is
    there then, it came in between, and we write once more.

    Raises:
        OSError: it could not be written.
    """
    state = _empty(now)
    state.update(enabled=False, consentGiven=False, decidedAt=timestamp(now))
    with _waited_for(folder):
        state = _since(read_flat(folder.state) or {}, state)
        for left in reversed(range(_TRIES)):
            try:
                files.write(folder.state, state)
            except FileNotFoundError:  # somebody else says no in this moment
                if left:
                    continue
                raise
            written = stamp(folder.state)
            files.abandon_others(folder.state)
            if stamp(folder.state) == written:
                return


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
        held = lock.acquire(_PATIENCE)
    except OSError:
        return None
    try:
        seen = stamp(folder.state)
        state = read_flat(folder.state)
        if state is None or state.get("enabled") is not True:
            return None  # turned off a moment ago
        made = id_of_month(state, now)  # by whoever had the lock, perhaps
        return _new_id(folder, state, now, seen) if made is None and held else made
    except OSError:
        return None
    finally:
        lock.release()


def reset(folder: "DataFolder", now: float) -> None:
    """Make a new id where the person has agreed; a no said meanwhile stays.

    Raises:
        OSError: it could not be written.
    """
    with _waited_for(folder):
        for _ in range(_TRIES):
            seen = stamp(folder.state)
            state = read_flat(folder.state)
            if state is None or state.get("enabled") is not True:
                return
            if _new_id(folder, state, now, seen) is not None:
                return
    raise BlockingIOError(errno.EAGAIN, "others change it again and again", folder.state)


def _new_id(
    folder: "DataFolder", state: "Flat", now: float, seen: tuple[int, ...] | None
) -> str | None:
    """Put a new id into the state that was `seen`; None if it has changed since."""
    made = uuid4()
    changed: Flat = {**state, "anonymousId": made, "rotatedAt": timestamp(now)}
    return made if files.update(folder.state, changed, seen) else None


def _since(before: "Flat", state: "Flat") -> "Flat":
    """The state with the moment of the first answer, of the one before it if there was one."""
    created = before.get("createdAt")
    return {**state, "createdAt": created} if isinstance(created, str) else state


@contextlib.contextmanager
def _waited_for(folder: "DataFolder") -> "Iterator[None]":
    """Hold the state's lock if it can be had soon: a person is not kept from answering."""
    lock = FileLock(folder.state_lock)
    with contextlib.suppress(OSError):  # no locks here, or no room for the file
        lock.acquire(_PATIENCE)
    try:
        yield
    finally:
        lock.release()


def _together(before: "Flat", declared: str) -> str:
    """What is agreed to now: what is declared, and what else a yes that still holds agreed to."""
    known = before.get("agreed")
    if before.get("enabled") is not True or not isinstance(known, str):
        return declared
    new = declared.split()
    return " ".join([*new, *[part for part in known.split() if part not in new]])
