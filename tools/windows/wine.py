"""A Windows folder tree of our own, and programs run in it by Wine."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence

_KEPT = ("PATH", "LANG", "CI", "FAULTS")


class NoWineError(Exception):
    """Wine is not on this machine; the message says how it is installed."""


class Wine:
    """One Wine prefix: drive C, its registry, and the processes that run in it.

    Args:
        prefix: The folder of the prefix; it need not exist yet.

    Raises:
        NoWineError: Wine is not installed.
    """

    def __init__(self, prefix: str) -> None:
        wine, server = shutil.which("wine"), shutil.which("wineserver")
        if wine is None or server is None:
            raise NoWineError("Wine is not installed: apt-get install wine wine64")
        self._wine, self._server = wine, server
        self.prefix = prefix
        self.drive_c = os.path.join(prefix, "drive_c")

    def create(self) -> None:
        """Make the folder tree. It says it is Windows 10: Python does not start on an older one."""
        os.makedirs(self.prefix, exist_ok=True)
        self._check("wineboot", "-i")
        self._check("reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f")

    def run(
        self, command: Sequence[str], *, seconds: float, quiet: bool = False
    ) -> tuple[int, str]:
        """Run a Windows program to its end.

        Args:
            command: The program, as Windows names it, and its arguments.
            seconds: After so long it is ended, with everything else that runs in the prefix.
            quiet: Show no output.

        Returns:
            Its exit code and its output. A pipe stands for the terminal, as Windows' Python takes
            no other descriptor of this system for a standard stream.
        """
        said = bytearray()
        with subprocess.Popen(
            [self._wine, *command],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout is not None  # noqa: S101  # a pipe
            alarm = signal.signal(signal.SIGALRM, lambda *_: self.end())
            signal.alarm(int(seconds))
            try:
                while piece := os.read(process.stdout.fileno(), 1 << 16):
                    said += piece
                    if not quiet:
                        sys.stdout.write(piece.decode(errors="replace").replace("\r", ""))
                        sys.stdout.flush()
            finally:
                signal.alarm(0)
                signal.signal(signal.SIGALRM, alarm)
        return process.returncode, said.decode(errors="replace")

    def end(self) -> None:
        """End every process of the prefix, also those that outlived who started them."""
        subprocess.run([self._server, "-k"], env=self._environment(), check=False, timeout=60)

    def _check(self, *command: str) -> None:
        code, said = self.run(command, seconds=120, quiet=True)
        if code:
            raise OSError(f"{command[0]} failed under Wine:\n{said}")

    def _environment(self) -> dict[str, str]:
        """Nothing of the person's: Wine hands every variable on, and links the home folder in."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return kept | {"HOME": self.prefix, "WINEPREFIX": self.prefix, "WINEDEBUG": "-all"}


def windows_path(path: str) -> str:
    r"""What Windows calls a path of this system: `Z:\home\…`."""
    return "Z:" + os.path.abspath(path).replace("/", "\\")
