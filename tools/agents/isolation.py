"""A network and processes of our own: nothing gets out, and what was started ends with us.

Linux namespaces, as root or where a user may make them (`unshare`, `ip`).
"""

import os
import shutil
import socket
import subprocess

_NAMESPACES = ("--net", "--pid", "--fork", "--mount-proc", "--kill-child")
_AS_ROOT_THERE = ("--user", "--map-root-user")
_LOOPBACK_ONLY = "ip link set lo up && exec "


class NotIsolatedError(Exception):
    """This system does not allow it; the message says what it said."""


def isolated(command: list[str]) -> list[str]:
    """The command as it is run with a loopback and nothing else, all its processes its own.

    Raises:
        NotIsolatedError: This system does not allow it.
    """
    missing = [name for name in ("unshare", "ip", "sh") if shutil.which(name) is None]
    if missing:
        raise NotIsolatedError(f"no network of its own: {' and '.join(missing)} not found")
    said = ""
    for user in ((), _AS_ROOT_THERE):
        prefix = ["unshare", *user, *_NAMESPACES, "sh", "-c", _LOOPBACK_ONLY + '"$@"', "sh"]
        tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            return [*prefix, *command]
        said = tried.stderr.strip() or f"exit {tried.returncode}"
    raise NotIsolatedError(f"no network of its own: {said}")


def must_be_isolated() -> None:
    """Make sure that there is no way out and that the processes are ours. Nothing is sent.

    Raises:
        NotIsolatedError: It is not so.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way_out:
        try:
            way_out.connect(("192.0.2.1", 9))  # an address of nobody's (RFC 5737)
        except OSError:
            if os.getpid() == 1:
                return
    raise NotIsolatedError("there is a network beside the loopback, or processes of others")
