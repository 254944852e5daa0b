"""Sessions of agents that are under way: which of our commands each has used so far.

One file for each session, in `sessions/` in the data folder, its name a salted hash: no id of an
agent's is kept anywhere. A line for each command, appended like an event. Whoever ends a session
renames its file before reading it, so that of two only one finds it; a session that goes on
afterwards (resumed) begins a new file and adds only what is new.
"""

import os

from afterword.buffer import append
from afterword.lock import rename_and_close, same_file, wait_lock
from atomic.names import AGENTS, COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

IDLE = 24 * 3600
"""Seconds without a command, after which a session counts as ended: it was killed, most likely."""

_MOST_AGE = 30 * 24 * 3600  # seconds; as any event, it is not kept longer
_ENDING = ".ending"
_ENDING_TIME = 600  # seconds; who has not ended a session by then has died over it
_PATIENCE = 0.1
_MOST = 64 * 1024
_SALT = "salt"


class Sessions:
    """The sessions in the data folder `folder` (a path). Only made where telemetry is on."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.join(folder, "sessions")

    def count(self, agent: str, session: str, command: str) -> None:
        """One more use of a command in a session. Raise OSError if it cannot be written."""
        self._make_folder()
        append(self._path(agent, session), command.encode())

    def end(self, agent: str, session: str) -> "Ended | None":
        """The session, taken away; None if no command was used in it, or another has taken it."""
        if not os.path.isdir(self.folder):
            return None
        return self._take(self._path(agent, session))

    def sweep(self, now: float) -> "Iterator[Ended]":
        """Sessions that nobody has ended, taken away. `now`: seconds since 1970."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return
        for name in names:
            if name == _SALT:
                continue
            path = os.path.join(self.folder, name)
            limit = _ENDING_TIME if name.endswith(_ENDING) else IDLE
            try:
                age = now - os.stat(path).st_mtime
                if age > _MOST_AGE:
                    os.unlink(path)
            except OSError:
                continue  # another has swept it
            if not limit <= age <= _MOST_AGE:
                continue
            ended = self._take(path)
            if ended is not None:
                yield ended

    def _make_folder(self) -> None:
        try:
            os.mkdir(self.folder, 0o700)
        except FileExistsError:
            return

    def _path(self, agent: str, session: str) -> str:
        return os.path.join(self.folder, f"{agent}-{_hash(self._salt(), agent, session)}")

    def _salt(self) -> bytes:
        """Random, made once; without it a hash could be checked against a known session's id."""
        path = os.path.join(self.folder, _SALT)
        while True:
            try:
                with open(path, "rb") as file:
                    return file.read()
            except FileNotFoundError:
                self._make_salt(path)

    def _make_salt(self, path: str) -> None:
        beside = f"{path}.{os.getpid()}"
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(fd, os.urandom(16))
        finally:
            os.close(fd)
        try:
            os.link(beside, path)  # unlike a rename it does not replace one that came first
        except FileExistsError:
            pass
        finally:
            os.unlink(beside)

    def _take(self, path: str) -> "Ended | None":
        folder, name = os.path.split(path)
        ending = os.path.join(folder, f"{name.partition('.')[0]}.{os.getpid()}{_ENDING}")
        try:
            fd = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        except OSError:
            return None
        try:
            wait_lock(fd, _PATIENCE)  # for a command that is being counted just now
            if not same_file(fd, path):
                return None  # another was first
            os.utime(path)  # whoever sweeps meanwhile sees that we are at it
            locked, fd = fd, -1
            rename_and_close(locked, path, ending)
        except OSError:
            return None
        finally:
            if fd >= 0:
                os.close(fd)
        return Ended.read(ending)


class Ended:
    """A session that has ended: `agent`, and its `commands` in order, repeats included."""

    def __init__(self, path: str, agent: str, commands: list[str]) -> None:
        self._path = path
        self.agent = agent
        self.commands = commands

    @classmethod
    def read(cls, path: str) -> "Ended | None":
        """The session in the file; None, and the file removed, if nothing of ours is in it."""
        with open(path, "rb") as file:
            lines = file.read(_MOST).decode("ascii", "replace").split("\n")
        agent = os.path.basename(path).partition("-")[0]
        commands = [line for line in lines if line in COMMANDS]
        if agent not in AGENTS or not commands:
            os.unlink(path)
            return None
        return cls(path, agent, commands)

    def forget(self) -> None:
        """Remove the file: the session has been recorded."""
        os.unlink(self._path)


def _hash(salt: bytes, agent: str, session: str) -> str:
    try:
        from _blake2 import blake2b  # what hashlib would give us, without its import
    except ImportError:
        from hashlib import blake2b
    key = f"{agent}\0{session}".encode("utf-8", "surrogatepass")
    return blake2b(key, digest_size=16, key=salt).hexdigest()
