"""A virtual environment for each contestant, with exact versions and hashes, made when missing.

Made without pip and setuptools in it: those would add a `.pth` file that every start pays for.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
# A peer whose service's address is a constant: the file, the constant, what we put there.
_ADDRESSES = {
    "azure-cli-telemetry": (
        "applicationinsights/channel/SenderBase.py",
        "'https://dc.services.visualstudio.com/v2/track'",
        "__import__('os').environ['BENCH_ENDPOINT'] + '/v2/track'",
    )
}
_OURS = ("afterword", "afterword-azure")
_ENGINE = os.path.join(ROOT, "packages", "afterword")


@functools.cache  # a source that changes during a run changes nothing in it
def python_of(name: str) -> str:
    """The interpreter of an environment, which is made or made anew if it has to be.

    `afterword` is the engine as a user gets it, a wheel built from the sources as they stand, and
    nothing else; `afterword-azure` has the official SDK beside it, as its extra; `tools` is for the
    pictures; any other name is a peer's.

    Raises:
        subprocess.CalledProcessError: pip could not install it.
    """
    folder = os.path.join(HERE, ".environments", name)
    python = os.path.join(folder, "bin", "python")
    stamp = os.path.join(folder, "stamp")
    wanted = _stamp(name)
    if _read(stamp) != wanted:
        print(f"making the environment of {name} ...", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=False)
        if name != "afterword":
            _pip(python, "install", "--require-hashes", "-r", _requirements(name))
        if name in _OURS:
            _install_engine(python)
        if name in _ADDRESSES:
            _point_here(folder, *_ADDRESSES[name])
        with open(stamp, "w") as file:
            file.write(wanted)
    return python


def size_of(name: str) -> tuple[int, int]:
    """How many packages an environment holds, and their bytes without compiled copies."""
    packages = _packages(os.path.join(HERE, ".environments", name))
    count = sum(entry.endswith(".dist-info") for entry in os.listdir(packages))
    size = sum(
        os.path.getsize(os.path.join(folder, file))
        for folder, _, files in os.walk(packages)
        for file in files
        if not file.endswith(".pyc")
    )
    return count, size


def _install_engine(python: str) -> None:
    with tempfile.TemporaryDirectory() as wheels:
        build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, _ENGINE]
        _pip(sys.executable, *build)
        (wheel,) = os.listdir(wheels)
        _pip(python, "install", "--no-deps", "--no-index", os.path.join(wheels, wheel))


def _point_here(folder: str, file: str, constant: str, variable: str) -> None:
    path = os.path.join(_packages(folder), file)
    text = _read(path)
    if constant not in text:
        raise ValueError(f"{file} has changed: the address of its service is not in it")
    with open(path, "w") as changed:
        changed.write(text.replace(constant, variable))


def _pip(python: str, *arguments: str) -> None:
    """Pip of the development environment, at work on another one."""
    quiet = ["-qq", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "--python", python, *quiet, *arguments]
    subprocess.run(command, check=True)


def _requirements(name: str) -> str:
    folder = "requirements" if name in (*_OURS, "tools") else "peers"
    return os.path.join(HERE, folder, f"{name}.txt")


def _stamp(name: str) -> str:
    """A digest of all that goes into the environment."""
    digest = hashlib.sha256(sys.version.encode())
    if name != "afterword":
        with open(_requirements(name), "rb") as file:
            digest.update(file.read())
    if name in _OURS:
        for path in _sources():
            with open(path, "rb") as file:
                digest.update(path.encode() + file.read())
    return digest.hexdigest()


def _sources() -> Iterator[str]:
    yield os.path.join(_ENGINE, "pyproject.toml")
    for folder, folders, files in os.walk(os.path.join(_ENGINE, "src")):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (os.path.join(folder, name) for name in sorted(files))


def _packages(folder: str) -> str:
    (library,) = os.listdir(os.path.join(folder, "lib"))
    return os.path.join(folder, "lib", library, "site-packages")


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
