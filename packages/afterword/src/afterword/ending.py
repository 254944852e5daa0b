"""The end of a process without taking the interpreter apart, where nobody would miss that.

To free object by object what the system frees at once is a sixth of a small command. What has to
be done before is done: exit handlers, and the flushing of what was printed. Where only destructors
could finish something, the rest of a file, a thread's work, it is the usual end.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_CODES = range(256)


def end(code: str | int | None) -> "NoReturn":
    """End this process as `sys.exit(code)` does; see `Telemetry.exit`.

    Raises:
        SystemExit: it is the usual end.
    """
    if (code is None or (isinstance(code, int) and code in _CODES)) and not _has_threads():
        import atexit

        atexit._run_exitfuncs()  # noqa: SLF001  # as the interpreter does, and then no more
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        except (OSError, ValueError):
            sys.exit(code)  # the interpreter says so in its own way
        if not _has_files_open():
            os._exit(int(code or 0))
    sys.exit(code)


def _has_threads() -> bool:
    """Do other threads live? The interpreter would wait for them."""
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def _has_files_open() -> bool:
    """Has this process opened files, sockets, pipes that are still open? True if it cannot tell.

    What a program opens is not inheritable (PEP 446); what was handed down to it at its start is.
    """
    try:
        numbers = os.listdir("/dev/fd")
    except OSError:  # Windows has no such list
        return True
    for number in numbers:
        try:
            if not os.get_inheritable(int(number)):
                return True
        except OSError:  # the list itself, closed by now
            continue
    return False
