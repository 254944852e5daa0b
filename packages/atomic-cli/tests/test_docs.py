"""What people read is what is so: generated parts against the declarations."""

import re
import subprocess
import sys
from pathlib import Path

from atomic_support import ATOMIC

from afterword.control.describe import markdown
from atomic.events import EVENTS
from atomic.telemetry import NOTICE, telemetry

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "telemetry.md").read_text()


def test_the_page_lists_what_is_declared() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "docs.py"), "--check"], check=False, timeout=30
    )
    assert done.returncode == 0, "run `make docs`"
    assert markdown(EVENTS) in PAGE


def test_the_page_and_the_notice_name_the_switches() -> None:
    for switch in ("ATOMIC_TELEMETRY", "DO_NOT_TRACK", "atomic telemetry off", "90 days"):
        assert switch in PAGE
    assert "90 days" in NOTICE.where


def test_what_is_said_of_the_destination_is_so() -> None:
    """While the project has no resource, the page says so, and nothing can go to a stranger."""
    endpoint = re.search(r"IngestionEndpoint=(\S+)", telemetry().connection_string or "")
    assert endpoint is not None
    assert (".invalid" in endpoint[1]) is ("This pre-release has no resource yet" in PAGE)


def test_there_is_one_list_of_commands(tmp_path: Path) -> None:
    """The same names are installed, counted and documented."""
    from atomic.names import COMMANDS

    subprocess.run(
        [ATOMIC, "init", "-a", "claude", "-y"], cwd=tmp_path, check=True, capture_output=True,
        timeout=30, env={"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    installed = {path.stem for path in (tmp_path / ".claude" / "commands").glob("*.md")}
    assert installed == set(COMMANDS)
    assert ", ".join(COMMANDS) in PAGE
