"""`make packages`: build what would be published, and look whether it is fit for a package index.

Builds wheel and source distribution of each package into dist/packages, lets twine check them,
looks for the licence and `py.typed`, and runs tests out of each unpacked source distribution in an
environment in which only the built packages are. With `--all`, all its tests; else the quick ones.
With `--release`, an address under `.invalid` is an error.
"""

import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist" / "packages"
TWINE = ROOT / ".cache" / "frozen" / "bin" / "twine"
QUICK = {
    "afterword": ("test_schema.py", "test_consent.py", "test_testing.py", "integrations"),
    "afterword-sink": ("test_envelopes.py", "test_ingestion.py"),
    "atomic-cli": ("test_hook.py",),
}


def main() -> int:
    """Do it; 1 if something is not as it must be."""
    DIST.mkdir(parents=True, exist_ok=True)
    for old in DIST.iterdir():
        old.unlink()
    for name in QUICK:
        _run(
            sys.executable, "-m", "hatchling", "build", "-d", str(DIST), at=ROOT / "packages" / name
        )
    built = sorted(DIST.iterdir())
    _run(str(TWINE), "check", "--strict", *map(str, built))
    wrong = [problem for wheel in DIST.glob("*.whl") for problem in _problems(wheel)]
    with tempfile.TemporaryDirectory() as base:
        python = _environment(Path(base) / "environment")
        for archive in sorted(DIST.glob("*.tar.gz")):
            wrong += _failing(archive, Path(base), python)
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong else 0


def _problems(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
    found = []
    if not any(name.endswith("licenses/LICENSE") for name in names):
        found.append(f"{wheel.name}: no licence")
    if not any(name.endswith("/py.typed") for name in names):
        found.append(f"{wheel.name}: no py.typed")
    if "](../" in text or "](docs/" in text:
        found.append(f"{wheel.name}: a link of its README leads nowhere")
    if ".invalid" in text:
        said = f"{wheel.name}: its addresses are under .invalid: the project has no home yet"
        print(said)
        if "--release" in sys.argv:
            found.append(said)
    return found


def _environment(folder: Path) -> str:
    """A fresh environment with the built packages; what they depend on is that of the tests."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--quiet")
    wheels = map(str, DIST.glob("*.whl"))
    _run(*pip, "install", "--disable-pip-version-check", "--no-index", "--no-deps", *wheels)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return str(python)


def _failing(archive: Path, base: Path, python: str) -> list[str]:
    name = archive.name.rpartition("-")[0].replace("_", "-")
    with tarfile.open(archive) as packed:
        packed.extractall(base, filter="data")
    folder = base / archive.name.removesuffix(".tar.gz")
    tests = [] if "--all" in sys.argv else [f"tests/{test}" for test in QUICK[name]]
    command = (python, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *tests)
    done = subprocess.run(command, cwd=folder, check=False)
    return [f"{archive.name}: its tests fail"] if done.returncode else []


def _run(*command: str, at: Path = ROOT) -> None:
    print("$", *[part.replace(f"{ROOT}/", "") for part in command])
    subprocess.run(command, cwd=at, check=True)


if __name__ == "__main__":
    sys.exit(main())
