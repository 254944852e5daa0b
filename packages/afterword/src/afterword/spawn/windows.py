"""Start a detached process on Windows. Written from the documentation; not run by our tests.

CREATE_NO_WINDOW, not DETACHED_PROCESS: a console program that is detached makes a console of its
own when it, or a child of it, asks for one, and a window flashes (cli/cli#13353).
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def spawn_detached(command: "tuple[str, ...]", environment: "Mapping[str, str]") -> bool:
    """Start `command` without a window, standard streams on NUL. True if it started.

    CREATE_BREAKAWAY_FROM_JOB lets it outlive a terminal that ends its job; where the job forbids
    that, it is started inside.
    """
    import subprocess

    if sys.platform != "win32":
        raise OSError("only for Windows")
    flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    for more in (subprocess.CREATE_BREAKAWAY_FROM_JOB, 0):
        try:
            subprocess.Popen(
                command,
                env=dict(environment),
                cwd=os.environ.get("SYSTEMROOT", "C:\\"),  # hold no folder of the user's
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                close_fds=True,
                creationflags=flags | more,
            )
        except PermissionError:
            continue
        return True
    return False
