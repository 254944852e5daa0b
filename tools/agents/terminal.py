"""A screen that is typed on and read: tmux, with a server of its own."""

import os
import subprocess
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from .place import Place

_SIZE = ("-x", "120", "-y", "40")
# Not tmux' own word for it: a client of many threads it sometimes leaves unreaped.
_KEEPING_EXIT_CODE = ("sh", "-c", '"$@"; echo $? >"$0"')


class ScreenError(Exception):
    """The screen did not become what was waited for; the message has what it shows."""


class Screen:
    """A program on a terminal of its own, from entry to exit.

    Args:
        place: Where it runs.
        command: The program and its arguments.
    """

    def __init__(self, place: Place, command: tuple[str, ...]) -> None:
        self._place = place
        self._command = command
        settings = os.path.join(place.base, "tmux.conf")
        with open(settings, "w", encoding="utf-8") as file:
            file.write("set -g remain-on-exit on\n")  # so that one can see what it said last
        self._ended = os.path.join(place.base, "exit-code")
        self._tmux = ("tmux", "-S", os.path.join(place.base, "tmux"), "-f", settings)

    def __enter__(self) -> Self:
        said = self._run(
            "new-session", "-d", *_SIZE, *_KEEPING_EXIT_CODE, self._ended, *self._command
        )
        if said.returncode:
            raise ScreenError(f"tmux: {said.stderr.strip()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run("kill-server")

    def text(self) -> str:
        """What stands on the screen."""
        return self._run("capture-pane", "-p").stdout

    def type(self, text: str) -> None:
        """Type the text as it stands."""
        self._run("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys, by tmux' names for them."""
        self._run("send-keys", *keys)

    def wait(self, what: str, condition: Callable[[], bool], limit: float) -> None:
        """Wait until it is so.

        Raises:
            ScreenError: It was not so for `limit` seconds, or the program ended first.
        """
        until = time.monotonic() + limit
        while not condition():
            code = self._exit_code()
            if code is not None:
                raise self._error(f"exit {code} before {what}")
            if time.monotonic() > until:
                raise self._error(f"waited in vain for {what}")
            time.sleep(0.1)

    def wait_for_exit(self, limit: float) -> int:
        """Wait until the program has ended; its exit code.

        Raises:
            ScreenError: It had not after `limit` seconds.
        """
        until = time.monotonic() + limit
        while (code := self._exit_code()) is None:
            if time.monotonic() > until:
                raise self._error("waited in vain for its end")
            time.sleep(0.1)
        return code

    def _exit_code(self) -> int | None:
        """The program's exit code; None while it runs."""
        try:
            with open(self._ended, encoding="ascii") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):  # or it is being written just now
            return None

    def _error(self, what: str) -> ScreenError:
        lines = [line.rstrip() for line in self.text().splitlines() if line.strip()]
        return ScreenError("\n".join([f"{what}; the screen:", *lines]))

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self._place.run(*self._tmux, *command)
