"""Run a program as if our caller had called it: its terminal, its signals, its exit code.

Where nothing is left to do after it, it takes our place (`launch`); else it is our child, and
stays in our process group, so that the terminal's signals (Ctrl-C, Ctrl-Z, hang-up) reach it from
the kernel as they reach us. We keep them from ending us, and hand on only those that another
process sent to us alone.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn


class KilledError(SystemExit):
    """The program was ended by the signal `number`; so must we be, when our work is done."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


def run_and_wait(program: str, arguments: Sequence[str]) -> None:
    """Run the program at the path `program`; `arguments` begin with its name.

    Raises:
        SystemExit: it ended with this code, which is not 0.
        KilledError: a signal ended it.
        OSError: it could not be started.
    """
    status = _wait(program, arguments)
    if status < 0:
        raise KilledError(-status)
    if status > 0:
        raise SystemExit(status)


if sys.platform == "win32":

    def end_by(number: int) -> NoReturn:
        """Nothing on Windows is ended by a signal."""
        sys.exit(128 + number)

    def _wait(program: str, arguments: Sequence[str]) -> int:
        """The exit code. Written from the documentation; not run by our tests."""
        import subprocess

        # Ctrl-C goes to every process of the console; a handler, unlike SIG_IGN, is not inherited.
        signal.signal(signal.SIGINT, lambda _number, _frame: None)
        return subprocess.run([program, *arguments[1:]], check=False).returncode

else:
    # Python ignores these from its start on, and what is ignored is inherited.
    _IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
    _FROM_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGWINCH})
    _WATCHED = _FROM_TERMINAL | {
        signal.SIGCHLD,
        signal.SIGHUP,
        signal.SIGTERM,
        signal.SIGUSR1,
        signal.SIGUSR2,
    }

    def end_by(number: int) -> NoReturn:
        """End as the signal ends a process, without a second core dump."""
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
        os._exit(128 + number)  # it does not end a process, whatever it was

    def _wait(program: str, arguments: Sequence[str]) -> int:
        """The exit code, or the negative number of the signal that ended it."""
        # With a handler, unlike by default, no system drops it before we have asked for it.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        try:
            child = os.posix_spawn(
                program,
                list(arguments),
                os.environ,
                setsigmask=before,
                setsigdef=_IGNORED_BY_PYTHON,
            )
            while True:
                number, to_us_alone = _next_signal()
                if number == signal.SIGCHLD:
                    found, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
                    if found and os.WIFSTOPPED(status):
                        os.kill(os.getpid(), signal.SIGSTOP)
                        os.kill(child, signal.SIGCONT)  # we go on, and so does it
                    elif found:
                        return os.waitstatus_to_exitcode(status)
                elif to_us_alone:
                    os.kill(child, number)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _next_signal() -> tuple[int, bool]:
        """Wait for a signal; with it, whether another process sent it, and not the terminal."""
        if sys.platform == "darwin":  # no sigwaitinfo; written from the documentation, not run
            number = signal.sigwait(_WATCHED)
            return number, number not in _FROM_TERMINAL or not sys.stdin.isatty()
        found = signal.sigwaitinfo(_WATCHED)
        sent = found.si_code <= 0  # SI_USER, SI_QUEUE, SI_TKILL; what the kernel says is more
        # Of a terminal that closes, the kernel tells the leader of its session, and nobody else.
        hung_up = found.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid()
        return found.si_signo, sent or hung_up
