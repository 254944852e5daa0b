"""Several `atomic` at one project: older and newer ones, and several at once."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from atomic_support import ATOMIC, Run, environment, tree

from atomic.install.versions import is_newer

MANIFEST = ".atomic/manifest.json"


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("0.2.0", "0.1.0"), ("0.10", "0.9"), ("1.0", "1.0rc1"), ("1.0rc1", "1.0b9"),
        ("1.0a2", "1.0a1"), ("1.0a1", "1.0.dev3"), ("1.0.post1", "1.0"), ("v2", "1.9.9"),
    ],
)  # fmt: skip
def test_the_order_of_versions(newer: str, older: str) -> None:
    assert is_newer(newer, older)
    assert not is_newer(older, newer)


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.0.0"), ("", "1"), ("dev", "1"), ("1", "x")])
def test_versions_that_are_equal_or_none(one: str, other: str) -> None:
    assert not is_newer(one, other)


def test_what_a_newer_one_wrote_is_left(atomic: Run, project: Path) -> None:
    atomic("init", "-a", "claude", "-y")
    manifest = json.loads((project / MANIFEST).read_text())
    assert manifest["atomic"] == "0.1.0"
    (project / MANIFEST).write_text(json.dumps(manifest | {"atomic": "7.1"}))
    before = tree(project)
    for command in (
        ["init", "-a", "opencode", "-y"],
        ["init", "-a", "claude", "--dry-run"],
        ["update"],
        ["uninstall", "-y"],
        ["uninstall", "--project"],
    ):
        said = atomic(*command)
        assert said.returncode == 1
        assert "A newer atomic (7.1) has set this project up; this is 0.1.0." in said.stderr
        assert "--force" in said.stderr
        assert tree(project) == before
    assert atomic("init", "-a", "claude", "-y", "--force").returncode == 0
    assert json.loads((project / MANIFEST).read_text())["atomic"] == "0.1.0"
    assert atomic("uninstall", "--project").returncode == 0
    assert tree(project) == {}


@pytest.mark.parametrize("times", range(3))
def test_six_at_once_forget_nothing(project: Path, times: int) -> None:
    """Each for one agent or for all: afterwards one `uninstall` leaves the project as it was."""
    (project / ".claude").mkdir()
    (project / ".claude/settings.json").write_text('{\n  "a": [1, 2]\n}\n')
    before = tree(project)
    chosen = (
        ["claude"], ["copilot"], ["opencode"], ["claude", "opencode"], ["copilot"], ["claude"],
    )  # fmt: skip
    started = [
        subprocess.Popen(
            [ATOMIC, "init", "-y", *(f"--agent={key}" for key in keys)],
            cwd=project, env=environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for keys in chosen
    ]  # fmt: skip
    for process in started:
        _, said = process.communicate(timeout=50)
        assert process.returncode == 0, said
    manifest = json.loads((project / MANIFEST).read_text())
    assert sorted(manifest["agents"]) == ["claude", "copilot", "opencode"]
    done = subprocess.run(
        [ATOMIC, "uninstall", "--project"], cwd=project, env=environment(),
        capture_output=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0
    assert tree(project) == before


HOLDER = """
import sys
from atomic.install.lock import hold
from atomic.install.project import Project
with hold(Project("."), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_one_is_waited_for_and_a_killed_one_is_not(atomic: Run, project: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=project, env=environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waiting = subprocess.Popen(
        [ATOMIC, "init", "-a", "claude", "-y"], cwd=project, env=environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert waiting.stderr is not None
    assert waiting.stderr.readline().startswith("Waiting for another atomic")
    assert set(tree(project)) == {".atomic", ".atomic/lock"}
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate(timeout=20)
    assert "is set up" in waiting.communicate(timeout=20)[1]
    assert waiting.returncode == 0
    assert not (project / ".atomic/lock").exists()
    assert atomic("uninstall", "--project").returncode == 0
    # Who was killed has made the folder, and nobody knows that any more.
    assert tree(project) in ({}, {".atomic": None})
