"""`make binary`: atomic as a program of its own for this system, and what `install.sh` downloads.

dist/
  atomic/                              the program's folder
  atomic-VERSION-SYSTEM-MACHINE.tar.gz   the same, packed, with install.sh in it
  SHA256SUMS, install.sh               what stands beside it on a server
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile

from atomic import __version__

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.path.join(ROOT, ".cache", "binary")
DIST = os.path.join(ROOT, "dist")
PACKAGES = ("afterword", "atomic-cli")


def archive_name() -> str:
    """The archive's name for this system, as `install.sh` asks for it."""
    system = {"Darwin": "macos"}.get(platform.system(), platform.system().lower())
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    return f"atomic-{__version__}-{system}-{machine}.tar.gz"


def main() -> None:
    """Build it."""
    python = os.path.join(CACHE, "bin", "python")
    wheels = os.path.join(CACHE, "wheels")
    shutil.rmtree(wheels, ignore_errors=True)
    sources = [os.path.join(ROOT, "packages", name) for name in PACKAGES]
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    _run(sys.executable, *pip, "wheel", "--no-deps", "--no-build-isolation", "-w", wheels, *sources)
    built = [os.path.join(wheels, name) for name in sorted(os.listdir(wheels))]
    _run(python, *pip, "install", "--no-deps", "--no-index", "--force-reinstall", *built)
    work = ("--distpath", DIST, "--workpath", os.path.join(CACHE, "work"))
    spec = os.path.join(HERE, "atomic.spec")
    _run(python, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", *work, spec)
    script = os.path.join(ROOT, "install.sh")
    shutil.copy(script, os.path.join(DIST, "atomic", "install.sh"))
    shutil.copy(script, os.path.join(DIST, "install.sh"))
    name = archive_name()
    with tarfile.open(os.path.join(DIST, name), "w:gz") as archive:
        archive.add(os.path.join(DIST, "atomic"), "atomic")
    with open(os.path.join(DIST, name), "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    with open(os.path.join(DIST, "SHA256SUMS"), "w", encoding="ascii") as file:
        file.write(f"{sha256}  {name}\n")
    print(os.path.relpath(os.path.join(DIST, name), ROOT))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=HERE)


if __name__ == "__main__":
    main()
