"""The Windows that the tests run on: made once, renewed when its requirements change."""

import glob
import hashlib
import os
import shutil
import zipfile
from collections.abc import Sequence

from . import download
from .wine import Wine, windows_path

_PYTHON_FOLDER = r"C:\Python313"
_VERSION = "1"
"""Raise it when a machine is made otherwise than before."""


class Machine:
    """Windows' Python with the tests' requirements.

    Args:
        cache: The folder to make it in.
        root: The checkout, with `requirements/` and `packages/` in it.

    Raises:
        NoWineError: Wine is not installed.
    """

    def __init__(self, cache: str, root: str) -> None:
        self.cache, self.root = cache, root
        self.wine = Wine(os.path.join(cache, "prefix"))
        self._ready = os.path.join(cache, "ready")

    def prepare(self) -> None:
        """Make the machine unless it is there, and install this tree's packages into it."""
        if not self._is_ready():
            print("setting up Windows' Python under Wine: about a minute", flush=True)
            self._make()
        own = os.path.join(self.cache, "own")
        shutil.rmtree(own, ignore_errors=True)
        packages = sorted(glob.glob(os.path.join(self.root, "packages", "*", "")))
        download.own_wheels(packages, own)
        built = [windows_path(path) for path in glob.glob(os.path.join(own, "*.whl"))]
        self._pip("--no-deps", "--force-reinstall", *built)

    def python(
        self, arguments: Sequence[str], *, seconds: float, quiet: bool = False
    ) -> tuple[int, str]:
        """Run Windows' Python; its exit code and output."""
        program = _PYTHON_FOLDER + r"\python.exe"
        return self.wine.run([program, *arguments], seconds=seconds, quiet=quiet)

    def _make(self) -> None:
        python, wheels = self._requirements()
        shutil.rmtree(self.cache, ignore_errors=True)
        os.makedirs(self.cache)
        with open(os.path.join(self.cache, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("*\n")
        self.wine.create()
        folder = os.path.join(self.wine.drive_c, _PYTHON_FOLDER[3:])
        archive = download.python_archive(python, os.path.join(self.cache, "python"))
        download.unpack_python(archive, folder)
        downloaded = os.path.join(self.cache, "wheels")
        download.wheels(wheels, downloaded)
        site = os.path.join(folder, "Lib", "site-packages")
        (pip,) = glob.glob(os.path.join(downloaded, "pip-*.whl"))
        with zipfile.ZipFile(pip) as archive:  # the embeddable Python has none
            archive.extractall(site)
        links = windows_path(downloaded)
        requirements = windows_path(wheels)
        self._pip("--find-links", links, "--require-hashes", "--no-deps", "-r", requirements)
        with open(self._ready, "w", encoding="utf-8") as file:
            file.write(self._fingerprint())

    def _pip(self, *arguments: str) -> None:
        command = ["-m", "pip", "install", "--no-index", "--no-compile", "--quiet", *arguments]
        code, said = self.python(command, seconds=300, quiet=True)
        if code:
            raise OSError(f"pip failed under Wine:\n{said}")

    def _requirements(self) -> tuple[str, str]:
        folder = os.path.join(self.root, "requirements")
        return os.path.join(folder, "windows-python.txt"), os.path.join(folder, "windows.txt")

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(_VERSION.encode())
        for path in self._requirements():
            with open(path, "rb") as file:
                digest.update(file.read())
        return digest.hexdigest()

    def _is_ready(self) -> bool:
        try:
            with open(self._ready, encoding="utf-8") as file:
                return file.read() == self._fingerprint()
        except OSError:
            return False
