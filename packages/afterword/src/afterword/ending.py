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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, TextIO


def leave(code: str | int | None) -> "NoReturn":
    """Raise SystemExit; see `Telemetry.exit`."""
    if _has_threads():  # and `threading` says nothing about a SystemExit, but of its very class
        sys.exit(code)
    raise Exit(code)


class Exit(SystemExit):
    """What `sys.exit` raises, with an end of its own if nobody catches it."""

    @property
    def code(self) -> str | int | None:
        """The exit code; the interpreter, the last one to ask, gets no answer if that may be."""
        code: str | int | None = self.args[0]
        try:
            return _end(code) if _asked_by_interpreter() else code
        except BaseException:  # noqa: BLE001  # Ctrl-C, or streams of an odd kind: as usual then
            return code

    @code.setter
    def code(self, code: str | int | None) -> None:
        self.args = (code,)


def _asked_by_interpreter() -> bool:
    """Is there no more Python code that could have asked? In CPython `_Py_HandleSystemExit` did."""
    try:
        sys._getframe(2)  # noqa: SLF001  # documented; beyond this function and the property
    except ValueError:
        return True
    return False


def _end(code: str | int | None) -> str | int | None:
    """End this process as the interpreter would; return the code where that is better left to it.

    120: the output could not be written (`sys.exit`'s documentation). It is told here where the
    stream has thrown away what it held, and would not fail when the interpreter flushes it again.
    """
    number = 0 if code is None else code
    if not isinstance(number, int) or number not in range(256) or _has_threads():
        return code
    import atexit

    atexit._run_exitfuncs()  # noqa: SLF001  # as the interpreter does, and then no more
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        error = _flush(stream)
        if error is not None:
            if _flush(stream) is not None:
                return code
            _tell(f"Exception ignored on flushing sys.{name}:\n{type(error).__name__}: {error}\n")
            return 120
    now = (sys.stdout, sys.stderr)
    replaced = [one for one in (sys.__stdout__, sys.__stderr__) if one not in now]
    if any(map(_flush, replaced)) or any(map(_is_shared, (*now, *replaced))) or _has_files_open():
        return code
    os._exit(number)


def _flush(stream: "TextIO | None") -> BaseException | None:
    """Write what the stream holds; the error if it cannot."""
    try:
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
    except BaseException as error:  # noqa: BLE001  # Ctrl-C too: nobody is above us
        return error
    return None


def _tell(text: str) -> None:
    try:  # noqa: SIM105  # contextlib is not loaded, and stays so
        sys.stderr.write(text)
    except (AttributeError, OSError, ValueError):  # there is none, or it is what failed
        pass


def _has_threads() -> bool:
    """Do other threads live? The interpreter would wait for them."""
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def _has_files_open() -> bool:
    """Has this process opened files, sockets, pipes that are still open? True if it cannot tell.

    What Python opens is not inheritable (PEP 446), what was handed down to us is. Terminals, null
    devices and pipes among that are the leftovers of shells, of build tools and their job servers;
    a plain file or a socket a library written in C may have opened.
    """
    try:
        numbers = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:  # Windows has no such list
        return True
    if max(numbers) <= 2:  # noqa: PLR2004  # a list without its own descriptor shows not all
        return True
    for number in numbers:
        try:
            if not os.get_inheritable(number):
                return True
            mode = os.fstat(number).st_mode
            if number > 2 and not (stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)):  # noqa: PLR2004
                return True
        except OSError:  # the list itself, closed by now
            continue
    return False


def _is_shared(stream: object) -> bool:
    """Does anything else hold what the stream writes to? It may have one of its own over it.

    Its own references are the stream's to its buffer; to the raw file the buffer's, and a short cut
    of the stream's. What looking adds differs between versions of Python.
    """
    probe = object()
    looking = sys.getrefcount(probe)
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", None)
    return (buffer is not None and sys.getrefcount(buffer) > looking + 1) or (
        raw is not None and sys.getrefcount(raw) > looking + 2
    )
