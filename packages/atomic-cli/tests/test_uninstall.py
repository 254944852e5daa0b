"""`uninstall` by what is meant: this project, the data folder, the program, each asked for."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from atomic_support import ATOMIC, Run, tree
from terminals import Terminal

from atomic.names import AGENTS

Open = Callable[..., Terminal]
ALL = tuple(f"--agent={key}" for key in AGENTS)


def test_one_project_is_done_with_and_nothing_else_goes(
    atomic: Run, agreed: None, project: Path, folder: Path
) -> None:
    atomic("init", "-a", "claude", "-y")
    shown = atomic("uninstall", "--project", "--dry-run")
    assert "~/.local/share/atomic" not in shown.stdout
    assert tree(project)
    done = atomic("uninstall", "--project")  # it is said: nobody need be asked
    assert done.returncode == 0
    assert "atomic itself" not in done.stderr
    assert tree(project) == {}
    assert (folder / "telemetry.json").exists()
    again = atomic("uninstall", "--project")
    assert (again.returncode, again.stderr) == (
        0,
        "There is nothing of atomic's in this project.\n",
    )


@pytest.mark.parametrize("answers", ["nn", "yn", "ny", "yy"])
def test_each_is_asked_for(
    answers: str, *, terminal: Open, atomic: Run, agreed: None, project: Path, folder: Path
) -> None:
    atomic("init", *ALL, "-y")
    before = tree(project)
    screen = terminal(ATOMIC, "uninstall")
    screen.wait_for(r"Remove this from the project\? \[y/N\]")
    assert re.search(r"remove  \.claude/commands/\*\.md +7 commands", screen.text())
    assert re.search(r"remove  \.atomic/manifest\.json", screen.text())
    screen.type(f"{answers[0]}\n")
    screen.wait_for(r"Remove the data folder \(settings, telemetry\)\? \[y/N\]")
    assert "remove  ~/.local/share/atomic" in screen.text()
    assert tree(project) == before  # nothing happens before all is answered
    screen.type(f"{answers[1]}\n")
    assert screen.end() == 0
    assert "atomic itself stays." in screen.text()  # the one under test is editable
    assert (tree(project) == {}) == (answers[0] == "y")
    assert folder.exists() == (answers[1] == "n")


def test_ctrl_c_at_the_last_question_changes_nothing(
    terminal: Open, atomic: Run, agreed: None, project: Path, folder: Path
) -> None:
    atomic("init", "-a", "claude", "-y")
    before = tree(project)
    screen = terminal(ATOMIC, "uninstall")
    screen.wait_for("project")
    screen.type("y\n")
    screen.wait_for("data folder")
    screen.type("\x03")
    assert screen.end() == 130
    assert screen.text().count("Stopped.") == 1
    assert tree(project) == before
    assert folder.exists()


def test_a_read_only_file_is_named_and_nothing_of_the_machine_goes(
    atomic: Run, agreed: None, project: Path, folder: Path
) -> None:
    atomic("init", "-a", "claude", "-y")
    fixed = project / ".claude/commands/commit.md"
    fixed.chmod(0o444)
    done = atomic("uninstall", "-y")
    assert done.returncode == 1
    assert re.search(r"blocked +\.claude/commands/commit\.md +it is read-only", done.stderr)
    assert fixed.exists()
    assert folder.exists()
    fixed.chmod(0o644)
    assert atomic("uninstall", "-y").returncode == 0
    assert tree(project) == {}
