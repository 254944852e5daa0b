"""Be a background process: keep nothing of the parent, stay silent, end in time, end on SIGTERM.

The process can end safely at any instruction, because the segment tells what is left. So it ends at
once, without waiting for threads, which a library may have left in the middle of a call.
"""

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

LIFETIME = 300.0
"""Seconds from start to end, whatever the network does."""

_GRACE = 10
_GARBAGE = 50_000
"""Objects before the interpreter looks for cycles, of which a batch leaves next to none. At its 700
a tenth of the imports is looking, and some of each batch. For this process of our own only."""


class _Terminated(BaseException):
    """SIGTERM came: unwind, let the lock go, end."""


def run_as_uploader(upload: Callable[[], object], *, spawned: bool) -> NoReturn:
    """Run `upload` as the background process it belongs in, and end with exit code 0.

    Args:
        upload: the work; whatever it raises is ignored.
        spawned: a command started us (else a person did, by hand, and keeps terminal and Ctrl-C).
    """
    try:
        gc.set_threshold(_GARBAGE)
        _be_silent()
        if spawned:
            _detach()
        signal.signal(signal.SIGTERM, _terminate)
        _start_watchdog()
        upload()
    except (Exception, KeyboardInterrupt, _Terminated):  # noqa: BLE001, S110  # silent, always
        pass
    finally:
        os._exit(0)


def uptime() -> float:
    """Seconds since the machine was started, its sleep included where the system counts it."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":  # there `time.monotonic` stands while it sleeps
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


def end_at_once() -> NoReturn:
    """End this process, and every thread in it."""
    os._exit(0)


def start_deaf(thread: threading.Thread) -> None:
    """Start a thread to which no SIGTERM and no Ctrl-C is delivered.

    Python acts on them in the main thread, and it is not woken where another one got the signal.
    The kernel chooses another one where the main one is just being continued after a stop.
    """
    if sys.platform == "win32":
        thread.start()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _be_silent() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:  # noqa: PLR2004  # a standard stream was closed and we got its number
        os.close(null)


def _detach() -> None:
    """Leave the session, the parent and the working directory, and close inherited descriptors.

    The second fork takes the process out of the tree that an agent kills when it cancels a hook.
    Not on macOS: there its networking libraries do not work after a fork without an exec.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        os.setsid()  # where posix_spawn could not
    # Nor in a program that PyInstaller made: its folder is removed when the first process ends.
    if sys.platform != "darwin" and not hasattr(sys, "_MEIPASS") and os.fork():
        os._exit(0)
    sys.path[:] = [os.path.abspath(entry) for entry in sys.path if entry]
    os.chdir("/")
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for name in _open_descriptors():
        # What this process opened is not inheritable; what is inheritable was inherited.
        with contextlib.suppress(OSError):
            if name > 2 and os.get_inheritable(name):  # noqa: PLR2004  # not a standard stream
                os.close(name)


def _open_descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return list(range(256))


def _start_watchdog() -> None:
    """End the process at the end of its life: by a thread, and by the kernel if that is stuck."""
    watchdog = threading.Timer(LIFETIME, _end_of_life)
    watchdog.daemon = True
    start_deaf(watchdog)
    if sys.platform != "win32":
        signal.alarm(int(LIFETIME) + _GRACE)


def _end_of_life() -> None:
    """As SIGTERM does, so that what was answered is settled; a second later in any case."""
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGINT)  # the one that wakes a main thread that sleeps
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    time.sleep(1)
    os._exit(0)


def _terminate(_signal: int, _frame: object) -> None:
    if sys.platform != "win32":
        signal.alarm(1)  # should anybody swallow what follows, the kernel ends it
    raise _Terminated
