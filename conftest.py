"""Every test run: nobody's own home, no durations asserted, CI repeats its choices."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support import Server

from afterword.consent import TESTING

settings.register_profile("ours", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("ours")

# `make test &` in a shell: it would be ignored, by us and by all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

collect_ignore_glob = [] if sys.platform == "win32" else ["*/test_windows*.py"]

_KEPT = ("PATH", "PYTEST_CURRENT_TEST") + (  # Windows finds no program and no socket without these
    ("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "TEMP", "TMP")
    if sys.platform == "win32"
    else ()
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `make faults` has the time for, and on Windows what it does not have."""
    for item in items:
        for marker in item.iter_markers("posix"):
            if not marker.args:
                raise pytest.UsageError(f"{item.nodeid}: posix without its reason")
            if sys.platform == "win32":
                item.add_marker(pytest.mark.skip(reason=f"POSIX only: {marker.args[0]}"))
    if os.environ.get("FAULTS") == "all":
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an environment with nothing in it but the way to programs."""
    path = tmp_path / "home"
    path.mkdir()
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in (kept | _home(path) | {TESTING: "1"}).items():
        monkeypatch.setenv(name, value)
    return path


def _home(path: Path) -> dict[str, str]:
    """What names the home folder. On Windows data is redirected to where it lies on Linux."""
    if sys.platform != "win32":
        return {"HOME": str(path)}
    return {
        "USERPROFILE": str(path),
        "LOCALAPPDATA": str(path / ".local" / "share"),
        "APPDATA": str(path / "AppData" / "Roaming"),
        "PROGRAMDATA": str(path.parent / "ProgramData"),
    }


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is not ours, which takes everything until it is told otherwise."""
    running = Server()
    yield running
    running.stop()
