"""A real terminal with a program in it, for tests that type and look."""

import contextlib
import os
import re
import select
import signal
import sys

from atomic_support import environment
from support import wait_until

if sys.platform != "win32":
    import pty

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>][A-Z0-9]?|\r")


class Terminal:
    """The program `command`, with `variables` in its environment."""

    def __init__(self, *command: str, **variables: str) -> None:
        self.pid, self.fd = pty.fork()
        if not self.pid:
            with contextlib.suppress(OSError):
                os.execvpe(  # noqa: S606  # in the terminal, nothing between
                    command[0], command, environment({"TERM": "xterm", "PS1": "$ ", **variables})
                )
            os._exit(99)
        self.output = ""

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def read(self) -> str:
        """All that was printed so far."""
        with contextlib.suppress(OSError):
            while select.select([self.fd], [], [], 0)[0]:
                part = os.read(self.fd, 65536)
                if not part:
                    break
                self.output += part.decode(errors="replace")
                if "\x1b[6n" in part.decode(errors="replace"):  # where is the cursor?
                    os.write(self.fd, b"\x1b[1;1R")
        return self.output

    def text(self) -> str:
        """The same without colours and movements."""
        return _CONTROL.sub("", self.read())

    def wait_for(self, pattern: str) -> None:
        wait_until(lambda: re.search(pattern, self.text()))

    def end(self) -> int:
        """Wait for its end; the exit code, or the negative number of the signal."""
        found: list[int] = []

        def ended() -> bool:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                found.append(os.waitstatus_to_exitcode(status))
            return bool(pid)

        wait_until(ended)
        self.read()
        return found[0]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fd)
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
