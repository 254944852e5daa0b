"""Every test run: nobody's own home, no durations asserted, CI repeats its choices."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support import Server

settings.register_profile("ours", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("ours")

# `make test &` in a shell: it would be ignored, by us and by all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `make faults` has the time for."""
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
    kept = {"PATH": os.environ["PATH"], "PYTEST_CURRENT_TEST": os.environ["PYTEST_CURRENT_TEST"]}
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in (kept | {"HOME": str(path)}).items():
        monkeypatch.setenv(name, value)
    return path


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is not ours, which takes everything until it is told otherwise."""
    running = Server()
    yield running
    running.stop()
