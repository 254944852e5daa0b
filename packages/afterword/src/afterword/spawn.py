"""Start a detached process on Linux, macOS and the BSDs: one `posix_spawn`, no import.

`subprocess` costs 20 ms to import; `os.posix_spawn` is in the interpreter. What it cannot do (let
go of the working directory, and of descriptors that were handed down to us) the new process does
first of all: see `afterword.upload.process`.
"""

import os
import sys

assert sys.platform != "win32"  # noqa: S101  # tells mypy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_started: list[int] = []


def spawn_detached(command: "tuple[str, ...]", environment: "Mapping[str, str]") -> bool:
    """Start `command` in a session of its own, standard streams on /dev/null. True if it started.

    `command[0]` is a full path. The child is never waited for; one that an earlier call of this
    process started and that has ended since is reaped, so that a long-lived program keeps at most
    one zombie.
    """
    for pid in _started[:]:
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                _started.remove(pid)
        except OSError:  # somebody else's SIGCHLD handling took it
            _started.remove(pid)
    null = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    try:
        pid = os.posix_spawn(command[0], command, environment, file_actions=null, setsid=True)
    except NotImplementedError:  # a C library without POSIX_SPAWN_SETSID; the child calls setsid
        pid = os.posix_spawn(command[0], command, environment, file_actions=null, setpgroup=0)
    _started.append(pid)
    return True
