"""The data folder of one application: what lies where in it, and whether it can be trusted.

The value object creates nothing; `make_private` does.
"""

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class DataFolder:
    """The paths of an application's telemetry files; making one touches no disk."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"DataFolder({self.path!r})"

    @property
    def events(self) -> str:
        """The buffer: one event a line, appended by every command."""
        return os.path.join(self.path, "telemetry-events.jsonl")

    @property
    def state(self) -> str:
        """Consent and the anonymous id."""
        return os.path.join(self.path, "telemetry.json")

    @property
    def upload_status(self) -> str:
        """What became of the last upload, and when the next may be."""
        return os.path.join(self.path, "telemetry-upload.json")

    @property
    def upload_lock(self) -> str:
        """Held by the one uploader at work; gone when it is."""
        return os.path.join(self.path, "telemetry-upload.lock")

    @property
    def state_lock(self) -> str:
        """Held for the moment in which the state file changes."""
        return os.path.join(self.path, "telemetry.lock")


def default_path(
    name: str, environment: "Mapping[str, str]", platform: str = sys.platform
) -> str | None:
    r"""Where the data of the application `name` belongs; None where there is no home.

    `$XDG_DATA_HOME/name` or `~/.local/share/name`; on Windows `%LOCALAPPDATA%\name`. A relative
    XDG_DATA_HOME is ignored, as the XDG Base Directory Specification asks.
    """
    if platform == "win32":
        base = environment.get("LOCALAPPDATA", "")
        return os.path.join(base, name) if base else None
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
    """Why files in this folder would not be the user's alone; None if they are.

    A missing folder is not distrusted. Windows keeps this by the access list that
    `%LOCALAPPDATA%` hands down, so there is nothing to see in the mode.
    """
    if sys.platform == "win32":
        return None
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    if not stat.S_ISDIR(found.st_mode):
        return f"{path} is not a folder"
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user"
    if found.st_mode & _OTHERS_MAY_WRITE:
        return f"{path} can be written to by others (mode {stat.S_IMODE(found.st_mode):04o})"
    return None


def make_private(path: str) -> None:
    """Make the folder, readable for its owner only. Raise OSError if it cannot be."""
    parent = os.path.dirname(path)
    if parent:
        os.makedirs(parent, exist_ok=True)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if why_untrusted(path) is None and os.path.isdir(path):
            os.chmod(path, 0o700)  # an older or kinder umask made it readable for all
