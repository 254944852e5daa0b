"""Every way to install atomic, for real, in throwaway environments (`make test-install`).

pip, uv pip, pipx, uv tool, the sources, and the binary by `install.sh`: in each a project is set
up, the row arrives in the sink, `update` and `uninstall` do what is right there. Nothing is
fetched: pip, pipx and uv have an index on the loopback, `install.sh` a file server.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from tools.install.index import Files, publish

from afterword_sink import LocalSink

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / ".cache" / "install" / "bin"
PACKAGES = ROOT / ".cache" / "install" / "packages"
DIST = ROOT / "dist"
NOWHERE = "http://127.0.0.1:9"
PATIENCE = 60.0


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Our packages as wheels, by version: this one, and one that is newer."""
    built: dict[str, list[Path]] = {}
    base = tmp_path_factory.mktemp("wheels")
    sources = base / "newer"
    shutil.copytree(ROOT / "packages" / "atomic-cli", sources)
    for path in ("pyproject.toml", "src/atomic/__init__.py"):
        text = (sources / path).read_text()
        (sources / path).write_text(text.replace('version__ = "0.1.0"', 'version__ = "0.2.0"')
                                    .replace('version = "0.1.0"', 'version = "0.2.0"'))  # fmt: skip
    commit = sources / "src/atomic/workflows/commit.md"
    commit.write_text(commit.read_text() + "\nThe newer one.\n")
    packages = ROOT / "packages"
    for version, folders in {
        "0.1.0": [packages / "afterword", packages / "atomic-cli"],
        "0.2.0": [sources],
    }.items():
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
             "--disable-pip-version-check", "-w", str(base / version), *map(str, folders)],
            check=True, timeout=120,
        )  # fmt: skip
        built[version] = sorted((base / version).glob("*.whl"))
    return built


@pytest.fixture
def index(wheels: dict[str, list[Path]], tmp_path: Path) -> Iterator[Files]:
    """An index with what atomic needs, and atomic 0.1.0."""
    root = tmp_path / "index"
    for package in (*PACKAGES.glob("*.whl"), *wheels["0.1.0"]):
        publish(root, package)
    with Files(root) as served:
        yield served


class Place:
    """A home, a project, and an environment with nothing of this machine's own settings."""

    def __init__(self, base: Path, sink: LocalSink) -> None:
        self.sink = sink
        self.base = base
        self.home, self.project = base / "home", base / "project"
        self.bin = self.home / ".local/bin"
        for folder in (self.home, self.project):
            folder.mkdir(parents=True)
        self.variables = {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([str(self.bin), str(TOOLS), "/usr/local/bin:/usr/bin:/bin"]),
            "LANG": "C.UTF-8",
            "ATOMIC_TELEMETRY_CONNECTION_STRING": sink.connection_string,
            "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1",
            "UV_NO_CONFIG": "1", "UV_CACHE_DIR": str(base / "uv"), "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
            "PIPX_HOME": str(self.home / "pipx"), "PIPX_BIN_DIR": str(self.bin),
            "PIPX_DEFAULT_PYTHON": sys.executable,
        }  # fmt: skip
        subprocess.run(["git", "init", "--quiet", str(self.project)], check=True, timeout=30)

    def look_in(self, url: str) -> None:
        """Let pip and uv look for packages there."""
        self.variables |= {"PIP_INDEX_URL": f"{url}/simple", "UV_DEFAULT_INDEX": f"{url}/simple"}

    def run(self, *command: str, code: int = 0) -> str:
        """Run it; what it says."""
        done = subprocess.run(
            command, cwd=self.project, env=self.variables, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def rows(self, *commands: str) -> None:
        """Wait until these commands, and no others, have arrived."""
        until = time.monotonic() + PATIENCE
        while True:
            found = self.sink.query("customEvents | project customDimensions")
            seen = [json.loads(row["customDimensions"])["command"] if
                    isinstance(row["customDimensions"], str) else row["customDimensions"]["command"]
                    for row in found]  # fmt: skip
            if sorted(seen) == sorted(commands):
                return
            assert time.monotonic() < until, f"arrived: {seen}"
            time.sleep(0.1)

    @property
    def manifest(self) -> dict[str, object]:
        found = json.loads((self.project / ".atomic/manifest.json").read_text())
        assert isinstance(found, dict)
        return found

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.project))
            for path in self.project.rglob("*")
            if ".git" not in path.relative_to(self.project).parts
        }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with LocalSink() as sink:
        yield Place(tmp_path / "place", sink)


def set_up(place: Place, atomic: str) -> None:
    """A person agrees and sets a project up; the row arrives."""
    assert place.run(atomic, "--version") == "atomic 0.1.0\n"
    place.run(atomic, "config", "set", "telemetry", "true")
    place.run(atomic, "init", "-a", "claude", "-y")
    assert place.manifest["atomic"] == "0.1.0"
    place.rows("init")


def uninstalled(place: Place, atomic: str) -> None:
    """All three are gone, and the last event has arrived."""
    said = place.run(atomic, "uninstall", "-y")
    assert "atomic is uninstalled." in said
    assert not os.path.lexists(atomic)
    assert place.files() == set()
    assert not (place.home / ".local/share/atomic").exists()


def pip(place: Place) -> str:
    place.run(sys.executable, "-m", "venv", str(place.base / "env"))
    place.run(str(place.base / "env/bin/pip"), "install", "--quiet", "atomic-cli")
    return str(place.base / "env/bin/atomic")


def uv_pip(place: Place) -> str:
    place.run("uv", "venv", "--quiet", str(place.base / "env"))
    python = str(place.base / "env/bin/python")
    place.run("uv", "pip", "install", "--quiet", "--python", python, "atomic-cli")
    return str(place.base / "env/bin/atomic")


def pipx(place: Place) -> str:
    place.run("pipx", "install", "atomic-cli")
    return str(place.bin / "atomic")


def uv_tool(place: Place) -> str:
    place.run("uv", "tool", "install", "--quiet", "atomic-cli")
    return str(place.bin / "atomic")


@pytest.mark.parametrize("install", [pip, uv_pip, pipx, uv_tool])
def test_from_an_index(
    install: Callable[[Place], str], place: Place, index: Files, wheels: dict[str, list[Path]]
) -> None:
    place.look_in(index.url)
    atomic = install(place)
    set_up(place, atomic)
    assert "atomic 0.1.0 is the newest." in place.run(atomic, "update")
    place.rows("init", "update")

    place.look_in(NOWHERE)
    offline = place.run(atomic, "update", code=1)
    assert "is the newest" not in offline
    assert "This project's files are up to date." in offline  # they are done all the same
    assert re.search(r"could not be looked up|failed \(exit code", offline), offline
    place.rows("init", "update", "update")

    place.look_in(index.url)
    for package in wheels["0.2.0"]:
        publish(index.root, package)
    said = place.run(atomic, "update")
    assert "atomic is 0.2.0 now (was 0.1.0)." in said
    assert re.search(r"replace +\.claude/commands/commit\.md", said)
    assert place.run(atomic, "--version") == "atomic 0.2.0\n"
    assert place.manifest["atomic"] == "0.2.0"
    assert "The newer one." in (place.project / ".claude/commands/commit.md").read_text()
    place.rows("init", "update", "update", "update")

    uninstalled(place, atomic)
    place.rows("init", "update", "update", "update", "uninstall")


def test_from_the_sources(place: Place, index: Files) -> None:
    place.look_in(index.url)
    sources = place.base / "checkout"
    for name in ("afterword", "atomic-cli"):
        shutil.copytree(ROOT / "packages" / name, sources / name)
    place.run(sys.executable, "-m", "venv", str(place.base / "env"))
    pip = str(place.base / "env/bin/pip")
    place.run(pip, "install", "--quiet", *(f"-e{sources / n}" for n in ("afterword", "atomic-cli")))
    atomic = str(place.base / "env/bin/atomic")
    set_up(place, atomic)
    said = place.run(atomic, "update")
    assert f"runs from the sources in {sources / 'atomic-cli'}: update them there" in said
    said = place.run(atomic, "uninstall", "-y")
    assert "atomic itself stays. Remove it with: " in said
    assert place.run(atomic, "--version") == "atomic 0.1.0\n"
    assert place.files() == set()
    place.rows("init", "update", "uninstall")


NEWER = """#!/bin/sh
# Stands in for the next version's program.
case "$*" in
--version) echo "atomic 0.2.0" ;;
"update --project --here") echo "the newer one does the files" >&2 ;;
*) exit 9 ;;
esac
"""


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Files]:
    """A server with the binary that `make binary` has built."""
    root = tmp_path / "releases"
    root.mkdir()
    for path in (*DIST.glob("*.tar.gz"), DIST / "SHA256SUMS", DIST / "install.sh"):
        shutil.copy(path, root)
    with Files(root) as served:
        yield served


def release_newer(releases: Files, work: Path) -> None:
    """Put the next version at the server, and nothing else."""
    (old,) = releases.root.glob("*.tar.gz")
    folder = work / "atomic"
    folder.mkdir(parents=True)
    (folder / "atomic").write_text(NEWER)
    (folder / "atomic").chmod(0o755)
    shutil.copy(ROOT / "install.sh", folder)
    new = releases.root / old.name.replace("0.1.0", "0.2.0")
    with tarfile.open(new, "w:gz") as archive:
        archive.add(folder, "atomic")
    sums = f"{sha256(new.read_bytes()).hexdigest()}  {new.name}\n"
    (releases.root / "SHA256SUMS").write_text(sums)
    old.unlink()


def test_the_binary(place: Place, releases: Files) -> None:
    place.variables["ATOMIC_INSTALL_FROM"] = releases.url
    script = (releases.root / "install.sh").read_text()
    piped = subprocess.run(
        ["sh"], input=script, cwd=place.project, env=place.variables, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert piped.returncode == 0, piped.stderr
    assert "atomic 0.1.0 is installed" in piped.stderr
    del place.variables["ATOMIC_INSTALL_FROM"]  # it remembers
    atomic = str(place.bin / "atomic")
    set_up(place, atomic)

    # An agent, and what it runs, get the person's own environment.
    agent = place.bin / "claude"
    agent.write_text('#!/bin/sh\nenv; atomic hook claude </dev/null; echo "hook: $?"\n')
    agent.chmod(0o755)
    place.variables["LD_LIBRARY_PATH"] = "/their/own"
    seen = place.run(atomic, "run", "claude")
    assert "LD_LIBRARY_PATH=/their/own\n" in seen
    assert "_PYI_" not in seen
    assert "hook: 0\n" in seen
    del place.variables["LD_LIBRARY_PATH"]
    assert "LD_LIBRARY_PATH" not in place.run(atomic, "run", "claude")
    agent.unlink()
    place.rows("init", "run", "run")

    assert "atomic 0.1.0 is the newest." in place.run(atomic, "update")
    place.rows("init", "run", "run", "update")
    place.variables["ATOMIC_INSTALL_FROM"] = NOWHERE
    offline = place.run(atomic, "update", code=1)
    assert f"The newest version could not be looked up at {NOWHERE}." in offline
    assert "This project's files are up to date." in offline
    del place.variables["ATOMIC_INSTALL_FROM"]
    place.rows("init", "run", "run", "update", "update")

    kept = place.base / "kept"  # the next version stands in; to go on, this one comes back
    shutil.copytree(place.home / ".local/lib/atomic", kept, symlinks=True)
    release_newer(releases, place.base / "next")
    said = place.run(atomic, "update")
    assert "atomic is 0.2.0 now (was 0.1.0)." in said
    assert "the newer one does the files" in said
    shutil.rmtree(place.home / ".local/lib/atomic")
    shutil.copytree(kept, place.home / ".local/lib/atomic", symlinks=True)

    uninstalled(place, atomic)
    assert not (place.home / ".local/lib").exists()
    place.rows("init", "run", "run", "update", "update", "uninstall")


def test_a_damaged_download_changes_nothing(place: Place, releases: Files) -> None:
    place.variables["ATOMIC_INSTALL_FROM"] = releases.url
    install = ("sh", str(ROOT / "install.sh"))
    place.run(*install)
    before = place.run(str(place.bin / "atomic"), "--version")
    (archive,) = releases.root.glob("*.tar.gz")
    with archive.open("ab") as file:
        file.write(b"x")
    assert "is damaged: its SHA-256 is not" in place.run(*install, code=1)
    (releases.root / "SHA256SUMS").write_text("<html>not found</html>\n")
    assert "There is no atomic for this system" in place.run(*install, code=1)
    assert place.run(str(place.bin / "atomic"), "--version") == before
    assert sorted(path.name for path in (place.home / ".local/lib").iterdir()) == ["atomic"]


def test_what_is_not_its_own_is_left(place: Place, releases: Files) -> None:
    place.variables["ATOMIC_INSTALL_FROM"] = releases.url
    place.bin.mkdir(parents=True)
    other = place.bin / "atomic"
    other.write_text("another installation")
    install = ("sh", str(ROOT / "install.sh"))
    assert "another installation of atomic?" in place.run(*install, code=1)
    assert other.read_text() == "another installation"
    assert not (place.home / ".local/lib").exists()
    assert "was not installed by this script" in place.run(*install, "--uninstall", code=1)
    place.variables["ATOMIC_INSTALL_FROM"] = "http://203.0.113.1"
    assert "only https is allowed" in place.run(*install, code=1)


@pytest.mark.skipif(platform.system() != "Linux", reason="the other systems' names of it")
def test_the_archive_is_named_for_this_system() -> None:
    (archive,) = DIST.glob("*.tar.gz")
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    assert archive.name == f"atomic-0.1.0-linux-{machine}.tar.gz"
