"""Which folder is the project: from a subfolder, in a monorepo, on a machine of several people."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from atomic_support import ATOMIC, environment, tree
from support import needs
from terminals import Terminal

from atomic.install.root import candidates

Open = Callable[..., Terminal]


def test_above_and_no_further(tmp_path: Path) -> None:
    home, repository = tmp_path / "h", tmp_path / "h" / "r"
    inner = repository / "a" / "b"
    inner.mkdir(parents=True)

    def found(here: Path = inner) -> list[str]:
        return [os.path.relpath(path, home) for path in candidates(str(here), str(home))]

    assert found() == ["r/a/b"]  # nothing tells: the folder itself
    (home / ".git").mkdir()
    (home / ".atomic").mkdir()
    assert found() == ["r/a/b"]  # a home folder is no project of what is in it
    (repository / ".git").write_text("gitdir: elsewhere")  # a work tree, a submodule
    assert found() == ["r"]
    (repository / "a" / ".atomic").mkdir()
    assert found() == ["r/a"]
    (repository / ".atomic").mkdir()
    assert found() == ["r/a", "r"]
    (inner / ".git").mkdir()  # a repository of its own
    assert found() == ["r/a/b"]


def test_a_folder_of_somebody_elses_is_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "shared" / "mine"
    inner.mkdir(parents=True)
    (tmp_path / "shared" / ".atomic").mkdir()
    assert candidates(str(inner), "") == [str(tmp_path / "shared")]
    owner = {str(inner): 1000, str(tmp_path / "shared"): 1001}
    monkeypatch.setattr("atomic.install.root._owner", lambda folder: owner.get(folder, 0))
    assert candidates(str(inner), "") == [str(inner)]


@pytest.fixture
def repository(project: Path) -> Path:
    """A git repository with a folder in a folder; `atomic` is to be run in the inner one."""
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    (project / "packages" / "one").mkdir(parents=True)
    return project


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ATOMIC, *arguments], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def files(folder: Path) -> set[str]:
    return {path for path in tree(folder) if ".git/" not in path and path != ".git"}


@needs("git")
def test_init_update_and_uninstall_find_the_root(repository: Path) -> None:
    inner = repository / "packages" / "one"
    before = files(repository)
    done = run(inner, "init", "-a", "claude", "-y")
    assert done.returncode == 0
    assert re.search(rf"^Project: .*{repository.name}$", done.stderr, re.MULTILINE)
    assert (repository / ".claude/commands/commit.md").exists()
    assert files(inner) == set()
    updated = run(inner, "update")
    assert updated.returncode == 0
    assert "up to date" in updated.stderr
    assert run(inner, "uninstall", "--project").returncode == 0
    assert files(repository) == before


@needs("git")
def test_here_is_here(repository: Path) -> None:
    inner = repository / "packages" / "one"
    done = run(inner, "init", "-a", "claude", "-y", "--here")
    assert "Project:" not in done.stderr
    assert (inner / ".atomic/manifest.json").exists()
    assert not (repository / ".atomic").exists()
    deeper = inner / "src"
    deeper.mkdir()
    assert "Project:" in run(deeper, "uninstall", "--project").stderr
    assert files(inner) == {"src"}


@needs("git")
def test_where_both_are_set_up_the_person_chooses(repository: Path, terminal: Open) -> None:
    inner = repository / "packages" / "one"
    run(repository, "init", "-a", "claude", "-y")
    run(inner, "init", "-a", "claude", "-y", "--here")
    deeper = inner / "src"
    deeper.mkdir()
    assert "packages/one" in run(deeper, "update", "--project").stderr  # the nearest, and said
    screen = terminal("sh", "-c", f"cd {deeper}; exec {ATOMIC} uninstall --project", TERM="dumb")
    screen.wait_for("Several folders here are set up")
    screen.type("2\n")
    assert screen.end() == 0
    assert not (repository / ".atomic").exists()
    assert (inner / ".atomic/manifest.json").exists()


@needs("git")
def test_a_clone_without_atomics_folder_is_understood(repository: Path, tmp_path: Path) -> None:
    """`.atomic` in `.gitignore`: what is installed is known by its content."""
    (repository / ".gitignore").write_text(".atomic\n")
    (repository / ".claude").mkdir()
    (repository / ".claude/settings.json").write_text('{\n  "model": "x"\n}\n')
    done = run(repository, "init", "-a", "claude", "-a", "opencode", "-y")
    assert done.returncode == 0
    clone = tmp_path / "clone"
    shutil.copytree(repository, clone, ignore=shutil.ignore_patterns(".atomic"))
    (clone / ".claude/commands/deploy.md").write_text("Deploy.\n")
    edited = clone / ".claude/commands/commit.md"
    edited.write_text("Mine.\n")
    updated = run(clone, "update", "--project")
    assert re.search(r"keep +\.claude/commands/commit\.md +not atomic's", updated.stderr)
    assert edited.read_text() == "Mine.\n"
    assert "commit.md" in run(clone, "init", "-y").stderr  # left, and named
    known = json.loads((clone / ".atomic/manifest.json").read_text())
    assert known["agents"] == ["claude", "opencode"]
    assert run(clone, "uninstall", "--project").returncode == 0
    assert files(clone) == {
        ".claude", ".claude/commands", ".claude/commands/commit.md", ".claude/commands/deploy.md",
        ".claude/settings.json", ".gitignore", "packages", "packages/one",
    }  # fmt: skip
    assert json.loads((clone / ".claude/settings.json").read_text()) == {"model": "x"}


@needs("git")
@pytest.mark.parametrize("on", [False, True], ids=["replaced", "waited for"])
def test_run_starts_the_agent_in_the_root(
    repository: Path, program: Callable[[str, str], Path], on: bool
) -> None:
    program("claude", 'echo "$PWD $(/bin/pwd) $*"')
    inner = repository / "packages" / "one"
    run(inner, "config", "set", "telemetry", "true" if on else "false")
    as_called = run(inner, "run", "claude", "-p")
    assert (as_called.stdout, as_called.stderr) == (f"{inner} {inner} -p\n", "")  # not set up yet
    run(repository, "init", "-a", "claude", "-y")
    for words in (["run", "claude", "--", "-p"], ["-a", "claude", "--", "-p"]):
        ended = run(inner, *words)
        assert ended.stdout == f"{repository} {repository} -p\n"
        assert ended.stderr.startswith("Project: ")
    here = run(inner, "run", "--here", "claude", "-p")
    assert (here.stdout, here.stderr) == (f"{inner} {inner} -p\n", "")


def test_every_text_is_known_by_its_hash() -> None:
    """Else: python tools/ready.py."""
    from atomic.agents import AGENTS, installation
    from atomic.install.adoption import texts
    from atomic.install.manifest import digest

    known = texts()
    for path, text in installation(AGENTS).files.items():
        assert digest(text.encode()) in known[path], path
