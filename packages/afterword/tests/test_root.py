"""Promise 8, yours: root, by `sudo` or at home, touches nothing of another user's."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from afterword import Telemetry
from afterword.folder import why_untrusted

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="needs root: it looks at what root does")
USER = 65534

DO = """
import sys
from afterword import Telemetry
t = Telemetry("app", version="1", events=[], keeps=["sessions"], connection_string=None)
getattr(t, sys.argv[1])()
"""
VERBS = ("turn_on", "turn_off", "reset")


def as_sudo(verb: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Root does it, with the user's HOME kept."""
    return subprocess.run(
        [sys.executable, "-c", DO, verb],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path below, with its owner and its time of change."""
    found = [folder, *folder.rglob("*")]
    return {str(path): (path.lstat().st_uid, path.lstat().st_ctime_ns) for path in found}


@pytest.fixture
def users_home(tmp_path: Path) -> Path:
    home = tmp_path / "user"
    home.mkdir(mode=0o700)
    os.chown(home, USER, USER)
    return home


def make_all(path: Path, owner: int) -> None:
    """Make the folder and those above it that are missing, for their owner."""
    missing = [path, *path.parents]
    for folder in reversed(missing[: [one.exists() for one in missing].index(True)]):
        folder.mkdir(mode=0o700)
        os.chown(folder, owner, owner)


@as_root
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("linked", [".local/share/app", ".local/share", ".local"])
def test_a_users_link_does_not_lead_root_astray(
    tmp_path: Path, users_home: Path, verb: str, linked: str
) -> None:
    precious = tmp_path / "precious"
    data = precious / Path(".local/share/app").relative_to(linked)
    (data / "sessions").mkdir(parents=True)
    data.chmod(0o700)
    (data / "sessions" / "one").write_text("root's")
    (data / "telemetry-upload.json").write_text("{}")
    link = users_home / linked
    make_all(link.parent, USER)
    link.symlink_to(precious)
    os.lchown(link, USER, USER)
    before = everything(precious)
    done = as_sudo(verb, users_home)
    assert done.returncode == 1
    assert "PermissionError" in done.stderr
    assert "another user" in done.stderr
    assert everything(precious) == before


@as_root
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("there", [".", ".local", ".local/share/app"])
def test_sudo_with_the_home_kept_leaves_nothing_of_roots_in_it(
    users_home: Path, verb: str, there: str
) -> None:
    make_all(users_home / there / "x", USER)
    before = everything(users_home)
    done = as_sudo(verb, users_home)
    assert done.returncode == 1
    assert "another user" in done.stderr
    assert "without sudo" in done.stderr
    assert everything(users_home) == before


@as_root
def test_a_link_of_ones_own_is_followed(make: Callable[..., Telemetry], home: Path) -> None:
    elsewhere = home.parent / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (home / ".local/share").mkdir(parents=True)
    (home / ".local/share/app").symlink_to(elsewhere)
    telemetry = make()
    telemetry.turn_on()
    assert telemetry.decision().on
    os.lchown(home / ".local/share/app", USER, USER)
    assert not telemetry.decision().on
    assert "link of another user" in telemetry.decision().reason


@pytest.mark.posix("PATH_MAX")
@pytest.mark.parametrize("length", [300, 5000, 100_000])
@pytest.mark.parametrize("verb", [*VERBS, "decision", "upload"])
def test_a_home_longer_than_a_path_may_be_is_no_traceback_of_ours(
    make: Callable[..., Telemetry], home: Path, verb: str, length: int
) -> None:
    for long in (f"{home}/" + "a/" * (length // 2), f"{home}/" + "a" * length):
        telemetry = make(environment={"HOME": long})
        telemetry.record("done", what="build")
        assert len(telemetry.decision().reason) < 400
        said = ""
        try:
            getattr(telemetry, verb)()
        except OSError as error:
            said = str(error)
        assert verb in VERBS or not said
        assert len(said) < 1000  # a line of a command


@pytest.mark.posix("who owns a file")
def test_a_folder_with_an_impossible_name_is_not_trusted() -> None:
    assert "null" in (why_untrusted("a\0b") or "")
