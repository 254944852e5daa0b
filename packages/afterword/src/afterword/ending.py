"""The end of a process without taking the interpreter apart, where nobody would miss that.

To free object by object what the system frees at once is a sixth of a small command. So the end
is a SystemExit like any other: `finally` and `with` are gone through, and whoever catches it (a
test, a profiler, a shell around the program) has caught it. Only when it has come all the way out,
and the interpreter itself asks for its code, what has to be done before is done: exit handlers, and
the flushing of what was printed. Then the process is over. Where destructors could have something
left to finish, the rest of a file, a thread's work, it is taken apart as usual.
"""

import os
import stat
import sys

_ALONE = 3  # references: the stream's own, the variable's, the argument's


class Exit(SystemExit):
    """What `sys.exit` raises, with an end of its own if nobody catches it."""

    @property
    def code(self) -> str | int | None:  # type: ignore[override]  # there it can be set
        """The exit code; the interpreter, the last one to ask, gets no answer if that may be."""
        code: str | int | None = self.args[0]
        if _asked_by_interpreter():
            _end(code)
        return code


def _asked_by_interpreter() -> bool:
    """Is there no more Python code that could have asked? In CPython `_Py_HandleSystemExit` did."""
    try:
        sys._getframe(2)  # noqa: SLF001  # documented; beyond this function and the property
    except ValueError:
        return True
    return False


def _end(code: str | int | None) -> None:
    """End this process as the interpreter would; return where that is better left to it."""
    if code is None:
        code = 0
    if not isinstance(code, int) or code not in range(256) or _has_threads():
        return
    import atexit

    atexit._run_exitfuncs()  # noqa: SLF001  # as the interpreter does, and then no more
    try:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.flush()
                if _is_shared(stream):
                    return
        if not _has_files_open():
            os._exit(code)
    except BaseException:  # noqa: BLE001, S110  # the interpreter meets it again and says it its way
        pass


def _has_threads() -> bool:
    """Do other threads live? The interpreter would wait for them."""
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def _has_files_open() -> bool:
    """Has this process opened files, sockets, pipes that are still open? True if it cannot tell.

    What Python opens is not inheritable (PEP 446), what was handed down to us is: shells and build
    tools do. A plain file may have been opened by a library written in C.
    """
    try:
        numbers = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:  # Windows has no such list
        return True
    for number in numbers:
        if number <= 2:  # noqa: PLR2004  # the standard streams
            continue
        try:
            if not os.get_inheritable(number) or stat.S_ISREG(os.fstat(number).st_mode):
                return True
        except OSError:  # the list itself, closed by now
            continue
    return False


def _is_shared(stream: object) -> bool:
    """Does anything but the stream hold its buffer? It may have put a stream of its own over it."""
    buffer = getattr(stream, "buffer", None)
    return sys.getrefcount(buffer) > _ALONE and buffer is not None
