"""`atomic` upgrades and removes itself by what installed it: decided, then done for real."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from atomic_support import Run, environment, tree
from support import Server, wait_until

from atomic.installer import Facts, decide, facts

PLAIN = Facts(
    prefix="/env",
    python="/env/bin/python",
    marks=frozenset(),
    installer="pip",
    direct_url=None,
    managed=False,
    has_pip=True,
)
PIP = ("/env/bin/python", "-m", "pip", "--disable-pip-version-check")
EDITABLE = {"url": "file:///src", "dir_info": {"editable": True}}
UV = ("--python", "/env/bin/python")


@pytest.mark.parametrize(
    ("seen", "upgrade", "uninstall"),
    [
        (
            PLAIN,
            (*PIP, "install", "--upgrade", "atomic-cli"),
            (*PIP, "uninstall", "--yes", "atomic-cli"),
        ),
        (
            replace(PLAIN, marks=frozenset({"uv-receipt.toml"}), installer="uv", has_pip=False),
            ("uv", "tool", "upgrade", "atomic-cli"),
            ("uv", "tool", "uninstall", "atomic-cli"),
        ),
        (
            replace(PLAIN, marks=frozenset({"pipx_metadata.json"})),
            ("pipx", "upgrade", "atomic-cli"),
            ("pipx", "uninstall", "atomic-cli"),
        ),
        (
            replace(PLAIN, installer="uv", has_pip=False),
            ("uv", "pip", "install", *UV, "--upgrade", "atomic-cli"),
            ("uv", "pip", "uninstall", *UV, "atomic-cli"),
        ),
        (
            replace(PLAIN, direct_url={"url": "https://host/atomic.git", "vcs_info": {}}),
            None,
            (*PIP, "uninstall", "--yes", "atomic-cli"),
        ),
        (replace(PLAIN, direct_url=EDITABLE), None, None),
        (replace(PLAIN, managed=True), None, None),
        (replace(PLAIN, installer="debian"), None, None),
        (replace(PLAIN, installer="conda", marks=frozenset({"conda-meta"})), None, None),
        (replace(PLAIN, has_pip=False), None, None),
    ],
)
def test_who_installed_it(
    seen: Facts, upgrade: tuple[str, ...] | None, uninstall: tuple[str, ...] | None
) -> None:
    found = decide(seen)
    assert (found.upgrade, found.uninstall) == (upgrade, uninstall)
    assert upgrade or found.to_upgrade  # else there is advice
    assert uninstall or found.to_uninstall


def test_this_one_is_editable(atomic: Run) -> None:
    """The one in which the tests run: it must never be touched."""
    direct_url = facts().direct_url
    assert direct_url is not None
    assert direct_url["dir_info"]["editable"] is True
    for command in (["update"], ["uninstall", "-y"]):
        said = atomic(*command)
        assert said.returncode == 0
    assert "runs from the sources in" in atomic("update").stderr
    assert "-m pip uninstall atomic-cli" in said.stderr
    assert atomic("--version").returncode == 0


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Make environments in which `atomic` is installed from a wheel, with pip's marks."""
    built = tmp_path_factory.mktemp("wheel")
    package = Path(__file__).parents[1]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--wheel-dir", str(built), str(package)],
        check=True, timeout=50,
    )  # fmt: skip
    (wheel,) = built.glob("*.whl")

    def make(place: Path) -> Path:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
        site = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
        # What it needs comes from the environment of these tests.
        (site / "others.pth").write_text(
            f"{sysconfig.get_path('purelib')}\nimport site; site.addsitedir({str(AFTERWORD)!r})\n"
        )
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", str(place / "bin/python"), "install",
             "--quiet", "--no-deps", "--no-index", "--force-reinstall",
             "--disable-pip-version-check", str(wheel)],
            check=True, timeout=50,
        )  # fmt: skip
        (marks,) = site.glob("atomic_cli-*.dist-info")
        (marks / "direct_url.json").unlink(missing_ok=True)  # as if it came from an index
        return place

    return make


AFTERWORD = Path(__file__).parents[2] / "afterword" / "src"


@pytest.mark.xdist_group("wheel")
def test_pip_removes_it_and_nothing_is_left(
    installed: Callable[[Path], Path],
    uploading: Server,
    tmp_path: Path,
    home: Path,
    project: Path,
) -> None:
    env = installed(tmp_path / "env")
    program = str(env / "bin" / "atomic")

    def atomic(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], cwd=project, env=environment(),
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    before = {path for path in tree(env) if "atomic" in path}
    assert before
    assert atomic("config", "set", "telemetry", "true").returncode == 0
    assert atomic("init", "-a", "claude", "-y").returncode == 0
    shown = atomic("uninstall", "--dry-run")
    assert "-m pip --disable-pip-version-check uninstall --yes atomic-cli" in shown.stdout
    done = atomic("uninstall", "-y")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Sending the last events" in done.stderr
    assert "atomic is uninstalled." in done.stderr
    assert [path for path in tree(env) if "atomic" in path] == []
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert tree(project) == {}
    # The last words have arrived all the same.
    wait_until(lambda: len(uploading.events()) == 2)
    assert [event["command"] for event in uploading.events()] == ["init", "uninstall"]


@pytest.fixture
def marked(
    installed: Callable[[Path], Path], tmp_path: Path, project: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run an `atomic` in whose environment a tool has left its mark."""
    env = installed(tmp_path / "env")

    def run(mark: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (env / mark).write_text(json.dumps({}))
        return subprocess.run(
            [str(env / "bin" / "atomic"), *arguments], cwd=project, env=environment(variables),
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    return run


@pytest.mark.xdist_group("wheel")
def test_tools_are_asked_to_do_it(
    marked: Callable[..., subprocess.CompletedProcess[str]],
    program: Callable[[str, str], Path],
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    for name in ("uv", "pipx"):
        program(name, f'echo {name} "$@" >> {log}; echo working')
    newer(tmp_path / "there", "99.0")
    there = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "there")}
    uv, pipx = "uv-receipt.toml", "pipx_metadata.json"
    assert "run  uv tool upgrade atomic-cli" in marked(uv, "update", "--dry-run").stdout
    assert not log.exists()
    done = marked(uv, "update")
    assert (done.returncode, done.stdout) == (0, "")
    assert "$ uv tool upgrade atomic-cli" in done.stderr
    assert "working" in done.stderr  # the tool's own words, where ours are
    assert marked(uv, "uninstall", "-y").returncode == 0
    os.unlink(tmp_path / "env" / uv)
    not_done = marked(pipx, "update", **there)
    assert not_done.returncode == 1
    assert "atomic is still 0.1.0, though 99.0 is there." in not_done.stderr
    assert marked(pipx, "uninstall", "-y").returncode == 0
    assert log.read_text().splitlines() == [
        "uv tool upgrade atomic-cli",
        "uv tool uninstall atomic-cli",
        "pipx upgrade atomic-cli",
        "pipx uninstall atomic-cli",
    ]
    nothing = marked(pipx, "update", PIP_NO_INDEX="1")
    assert nothing.returncode == 1
    assert "could not be looked up: No matching distribution found" in nothing.stderr
    assert "is the newest" not in nothing.stderr
    program("pipx", "exit 4")
    failed = marked(pipx, "update", **there)
    assert failed.returncode == 1
    assert "pipx upgrade atomic-cli failed (exit code 4)" in failed.stderr
    os.unlink(tmp_path / "bin" / "pipx")
    missing = marked(pipx, "update", **there)
    assert missing.returncode == 1
    assert "pipx is not on the PATH" in missing.stderr
    assert "Run this yourself: pipx upgrade atomic-cli" in missing.stderr


def newer(folder: Path, version: str) -> None:
    """Put a wheel of this version into the folder, with nothing in it."""
    folder.mkdir()
    marks = f"atomic_cli-{version}.dist-info"
    with zipfile.ZipFile(folder / f"atomic_cli-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{marks}/METADATA", f"Metadata-Version: 2.1\nName: atomic-cli\nVersion: {version}\n"
        )
        wheel.writestr(f"{marks}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{marks}/RECORD", "")


def test_a_server_that_is_silent_does_not_hold_the_uninstall_for_long(
    uploading: Server, atomic: Run, agreed: None, folder: Path
) -> None:
    from support import Answer

    uploading.script = lambda _number, _request: Answer(hang=True)
    done = atomic("uninstall", "-y")
    assert done.returncode == 0
    assert not folder.exists()
