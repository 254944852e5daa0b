"""The data folder of one application: its paths, whether it can be trusted, its small files.

This module writes nothing. On the startup path.
"""

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

Value = str | int | bool | None
Flat = dict[str, Value]
"""A small file's content: one JSON object without anything nested."""

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_READ: int = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
_NAPS = (0.001, 0.002, 0.005, 0.01, 0.02)  # seconds, on Windows, while a file is being replaced
_MOST = 65536
HOME_VARIABLE = "LOCALAPPDATA" if sys.platform == "win32" else "HOME"
"""Names the place in which every application's folder lies."""

_MOST_NAME = 64
_MOST_SHOWN = 200
_DEVICES = {  # no folder on Windows can have these names
    "aux", "con", "nul", "prn",
    "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}  # fmt: skip
_DIGITS = 18  # of a number of ours; Python reads none of more than 4,300
_WORDS = {"true": True, "false": False, "null": None}


class DataFolder:
    """The paths of an application's telemetry files; making one touches no disk.

    `events`: the buffer, one event a line, appended by every command. `state`: consent and the
    anonymous id. `upload_status`: what became of the last upload, and when the next may be.
    `upload_lock`: held by the one uploader at work; gone when it is. `state_lock`: held for the
    moment in which the state file changes.
    """

    __slots__ = ("events", "path", "state", "state_lock", "upload_lock", "upload_status")

    def __init__(self, path: str) -> None:
        self.path = path
        self.events = os.path.join(path, "telemetry-events.jsonl")
        self.state = os.path.join(path, "telemetry.json")
        self.upload_status = os.path.join(path, "telemetry-upload.json")
        self.upload_lock = os.path.join(path, "telemetry-upload.lock")
        self.state_lock = os.path.join(path, "telemetry.lock")

    def __repr__(self) -> str:
        return f"DataFolder({self.path!r})"


def is_name(name: object) -> bool:
    """Can it name an application: its folder, and with `-` as `_` a variable of any shell?"""
    return (
        isinstance(name, str)
        and len(name) <= _MOST_NAME
        and name.isascii()
        and name[:1].isalpha()
        and name.replace("-", "_").isidentifier()
        and name.lower() not in _DEVICES
    )


def default_path(
    name: str, environment: "Mapping[str, str]", platform: str = sys.platform
) -> str | None:
    r"""Where the data of the application `name` belongs; None where there is no home.

    `$XDG_DATA_HOME/name` or `~/.local/share/name`; on Windows `%LOCALAPPDATA%\name`. A relative
    XDG_DATA_HOME is ignored, as the XDG Base Directory Specification asks; a relative LOCALAPPDATA
    too.
    """
    if platform == "win32":
        base = environment.get("LOCALAPPDATA", "")
        return os.path.join(base, name) if os.path.isabs(base) else None
    base = environment.get("XDG_DATA_HOME", "")
    if not base.startswith("/"):
        home = environment.get("HOME", "")
        if not home.startswith("/"):
            return None
        base = os.path.join(home, ".local", "share")
    return os.path.join(base, name)


def policy_path(name: str, environment: "Mapping[str, str]", platform: str = sys.platform) -> str:
    r"""Where an organisation may put its policy for the application `name`.

    `/etc/xdg/name/telemetry.json`; on macOS `/Library/Application Support/name/telemetry.json`; on
    Windows `%PROGRAMDATA%\name\telemetry.json`. Only an administrator can write there.
    """
    if platform == "win32":
        base = environment.get("PROGRAMDATA") or r"C:\ProgramData"
    elif platform == "darwin":
        base = "/Library/Application Support"
    else:
        base = "/etc/xdg"
    return os.path.join(base, name, "telemetry.json")


def why_untrusted(path: str) -> str | None:
    """Why files in this folder would not be private to the user; None if they are.

    A missing folder is not distrusted. Windows keeps this by the access list that
    `%LOCALAPPDATA%` hands down, so there is nothing to see in the mode.
    """
    if sys.platform == "win32":
        return None
    foreign = why_foreign(path)
    if foreign is not None:
        return foreign
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{shown(path)} cannot be read ({error.strerror})"
    if not stat.S_ISDIR(found.st_mode):
        return f"{path} is not a folder"
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user"
    if found.st_mode & _OTHERS_MAY_WRITE:
        return f"{path} can be written to by others (mode {stat.S_IMODE(found.st_mode):04o})"
    return None


def why_foreign(path: str) -> str | None:
    """What makes the folder, or a link to it, another user's; None if nothing does.

    For root all that leads there counts: where `sudo` has kept the user's HOME, or the user has put
    a link there, root would else write, and delete, in the name of the user.
    """
    if sys.platform == "win32":
        return None
    user = os.geteuid()
    while True:
        try:
            found = os.lstat(path)
        except OSError:
            pass  # missing, or told by who uses it
        except ValueError as error:
            return f"{shown(path)!r}: {error}"
        else:
            if found.st_uid not in (user, 0):
                what = "is a link of" if stat.S_ISLNK(found.st_mode) else "belongs to"
                return f"{path} {what} another user"
        parent = os.path.dirname(path)
        if user or parent == path:
            return None
        path = parent


def shown(path: str) -> str:
    """The path for a message: one that is too long for any folder is cut."""
    return path if len(path) <= _MOST_SHOWN else f"{path[: _MOST_SHOWN // 2]}…"


def stamp(path: str) -> tuple[int, ...] | None:
    """A value that differs after every change of the file; None if there is no file.

    Empty where that cannot be seen: an administrator's file in a folder closed to us is there.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_flat(path: str) -> "Flat | None":
    """The flat JSON object in the file; None if there is none, or it is not one. Never raises.

    `json` costs 12 ms to import, more than everything else a command does here. A file that is
    just as `state.files.write` leaves it, one plain key on a line, is read by hand. Anything else
    (edited, damaged, of another program) is parsed by `json`.
    """
    try:
        fd = _open(path)
    except OSError:
        return None
    try:
        text = os.read(fd, _MOST).decode()
    except (OSError, ValueError):
        return None
    finally:
        os.close(fd)
    found = _read_own_form(text)
    if found is None:
        found = parse(text)
    return found


def parse(text: str) -> "Flat | None":
    """The object in a JSON text of any form, with None for what is not flat; None if it is none.

    An object that says one thing twice is none.
    """
    import json

    def once(pairs: "list[tuple[str, object]]") -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        found = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {key: value if isinstance(value, str | int) else None for key, value in found.items()}


def _read_own_form(text: str) -> "Flat | None":
    """What a real parser would make of it, or None; never anything else."""
    lines = text.split("\n")
    if lines[0] != "{" or lines[-2:] != ["}", ""] or "\\" in text:
        return None
    lines = lines[1:-2]
    if not "".join(lines).isprintable():
        return None
    found: Flat = {}
    for at, line in enumerate(lines, 1):
        key, colon, rest = line.partition('": ')
        if at < len(lines):
            if rest[-1:] != ",":
                return None
            rest = rest[:-1]
        if not colon or not key.startswith('  "') or '"' in key[3:]:
            return None
        if rest in _WORDS:
            found[key[3:]] = _WORDS[rest]
        elif rest.isdecimal() and len(rest) <= _DIGITS and rest == str(int(rest)):
            found[key[3:]] = int(rest)
        elif len(rest) > 1 and rest[0] == rest[-1] == '"' and '"' not in rest[1:-1]:
            found[key[3:]] = rest[1:-1]
        else:
            return None
    return found if len(found) == len(lines) else None


if sys.platform == "win32":

    def _open(path: str) -> int:
        """Open the file to read it. Who replaces it just now has it to themselves for a moment."""
        import time

        for nap in _NAPS:
            try:
                return os.open(path, _READ)
            except PermissionError:
                time.sleep(nap)
        return os.open(path, _READ)

else:

    def _open(path: str) -> int:
        return os.open(path, _READ)
