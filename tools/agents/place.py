"""Where one session happens: a home, a project, programs and an environment, all its own."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping

TIME_LIMIT = 60.0

# Stands before `atomic` when one wants to see what the clients hand to their hooks.
_RECORDER = """#!/bin/sh
[ "$1" = hook ] || exec "{atomic}" "$@"
payload=$(cat)
printf '%s %s\\n' "$*" "$payload" >>"{log}"
printf '%s' "$payload" | "{atomic}" "$@"
"""


class Place:
    """A folder `base`, which is empty, with all that a session needs.

    Args:
        base: The folder; its path is short, because sockets lie in it.
        programs: What is on the PATH before the machine's own programs: path by name.
        connection_string: Of the sink that events go to.
        recording: Whether what the hooks are handed is kept, see `payloads`.
    """

    def __init__(
        self, base: str, programs: Mapping[str, str], connection_string: str, *, recording: bool
    ) -> None:
        self.base = base
        self.home, self.project = os.path.join(base, "home"), os.path.join(base, "project")
        self._log = os.path.join(base, "payloads")
        tools, temporary = os.path.join(base, "bin"), os.path.join(base, "tmp")
        for folder in (self.home, self.project, tools, temporary):
            os.mkdir(folder)
        for name, path in programs.items():
            os.symlink(path, os.path.join(tools, name))
        self._put_atomic(os.path.join(tools, "atomic"), recording=recording)
        # Not ours but made here: keys, `CI` and `DO_NOT_TRACK` around the test stay outside.
        self.environment = {
            "HOME": self.home,
            "PATH": os.pathsep.join([tools, os.environ.get("PATH", os.defpath)]),
            "TMPDIR": temporary,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "ATOMIC_TELEMETRY_CONNECTION_STRING": connection_string,
        }

    @property
    def payloads(self) -> list[str]:
        """The hooks in their order: arguments, and the payload, if they were recorded."""
        if not os.path.exists(self._log):
            return []
        with open(self._log, encoding="utf-8") as file:
            return file.read().splitlines()

    def run(self, *command: str, limit: float = TIME_LIMIT) -> subprocess.CompletedProcess[str]:
        """Run a program in the project, without a terminal.

        Raises:
            subprocess.TimeoutExpired: It ran longer than `limit` seconds, and was killed.
        """
        program = shutil.which(command[0], path=self.environment["PATH"]) or command[0]
        return subprocess.run(
            [program, *command[1:]],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
        )

    def _put_atomic(self, path: str, *, recording: bool) -> None:
        atomic = os.path.join(os.path.dirname(sys.executable), "atomic")
        if not recording:
            os.symlink(atomic, path)
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write(_RECORDER.format(atomic=atomic, log=self._log))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
