"""Hostile projects, through init, init again, update and uninstall: each comes back as it was.

Compared are every file's bytes, every mode, every link's target, every empty folder.
"""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from atomic_support import environment

from atomic.names import AGENTS

SETTINGS = ".claude/settings.json"
HOOK = {"type": "command", "command": "say bye"}
COMMANDS = (
    ["init", *(f"--agent={key}" for key in AGENTS), "-y"],
    ["init", *(f"--agent={key}" for key in AGENTS), "-y"],
    ["update", "--project"],
    ["uninstall", "--project"],
)

# One process for all projects; each command in a fork of it, which has all imports behind it.
DRIVER = """
import json, os, sys
from atomic.__main__ import main
import atomic.cli, atomic.consent, atomic.commands.init, atomic.commands.update
import atomic.commands.uninstall, atomic.install.adoption
for line in sys.stdin:
    place, log, command = json.loads(line)
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        os.chdir(place)
        sys.argv = ["atomic", *command]
        main()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

Make = Callable[[Path], None]


def settings(text: str | bytes | object, mode: int = 0o644) -> Make:
    """A project whose `.claude/settings.json` is this text, or this value."""

    def make(root: Path) -> None:
        content = text if isinstance(text, (str, bytes)) else json.dumps(text, indent=2) + "\n"
        put(root, SETTINGS, content, mode)

    return make


def files(**content: str) -> Make:
    """A project with these files, by path."""

    def make(root: Path) -> None:
        for name, text in content.items():
            put(root, name, text)

    return make


def put(root: Path, path: str, content: str | bytes, mode: int = 0o644) -> Path:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    place.chmod(mode)
    return place


def link(path: str, target: str, *, made: bool = True, folder: bool = False) -> Make:
    """A project in which `path` is a link to `target`, which is there if `made`."""

    def make(root: Path) -> None:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
        there = place.parent / target
        if made and folder:
            there.mkdir(parents=True, exist_ok=True)
        elif made:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text('{\n  "a": 1\n}\n')

    return make


def folders(*paths: str, mode: int = 0o755) -> Make:
    def make(root: Path) -> None:
        for path in paths:
            (root / path).mkdir(parents=True)
            (root / path).chmod(mode)

    return make


def pipe(root: Path) -> None:
    (root / ".claude").mkdir()
    os.mkfifo(root / SETTINGS)


def repository(root: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(root)], check=True, timeout=20)
    put(root, ".gitignore", ".claude\n.atomic\n")


def work_tree(root: Path) -> None:
    put(root, ".git", "gitdir: /nowhere\n")


def hard_link(root: Path) -> None:
    os.link(put(root, "other.json", '{"a": 1}\n'), put(root, SETTINGS, "").parent / "l.json")
    (root / SETTINGS).unlink()
    os.link(root / "other.json", root / SETTINGS)


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def large() -> str:
    rules = [f"Bash(make target-{number})" for number in range(20_000)]
    return json.dumps({"permissions": {"allow": rules}}, indent=2)


TEXT = '{\n  "model": "x",\n  "permissions": {\n    "allow": ["Bash(ls)"]\n  }\n}\n'

PROJECTS: dict[str, Make] = {
    "nothing": lambda _root: None,
    "a repository that ignores it": repository,
    "a work tree": work_tree,
    "settings": settings(TEXT),
    "settings without a last line end": settings(TEXT.rstrip()),
    "settings with many": settings(TEXT + "\n\n\n"),
    "settings: an empty object": settings("{}"),
    "settings: an empty object in lines": settings("{\n}\n"),
    "settings: an empty file": settings(""),
    "settings: white space": settings(" \n\t\n"),
    "settings: a byte order mark": settings("\ufeff" + TEXT),
    "settings: a byte order mark alone": settings("\ufeff"),
    "settings: Windows' line ends": settings(TEXT.replace("\n", "\r\n")),
    "settings: mixed line ends": settings(TEXT.replace("\n", "\r\n", 2)),
    "settings: tabs": settings(TEXT.replace("  ", "\t")),
    "settings: four spaces": settings(TEXT.replace("  ", "    ")),
    "settings: one line": settings('{"a":1,"b":[1,2]}'),
    "settings: comments": settings('// a\n{ // b\n  "a": 1 // c\n  /* d */ }// e'),
    "settings: a comment in the middle": settings('{\n  "a": 1, // one\n  // two\n}\n'),
    "settings: trailing commas": settings('{\n  "hooks": {\n    "Stop": [],\n  },\n}'),
    "settings: hooks of the same events": settings(
        {"hooks": {"SessionEnd": [{"hooks": [HOOK]}], "UserPromptExpansion": [{"hooks": [HOOK]}]}}
    ),
    "settings: hooks of another event": settings({"hooks": {"Stop": [{"hooks": [HOOK]}]}}),
    "settings: hooks, none": settings({"hooks": {}}),
    "settings: hooks of the event, none": settings({"hooks": {"SessionEnd": []}}),
    "settings: the same key twice": settings('{"hooks": {"a": 1}, "hooks": {"SessionEnd": []}}'),
    "settings: deep": settings(deep(150)),
    "settings: too deep": settings("[" * 20_000),
    "settings: large": settings(large()),
    "settings: all of Unicode": settings('{"ä\U0001f600\u2028": "\\ud800 \\u0000 \U0010ffff"}\n'),
    "settings: numbers": settings('{"a": 1e400, "b": -0.0, "c": ' + "9" * 300 + "}"),
    "settings: a number without end": settings('{"c": ' + "9" * 5000 + "}"),
    "settings: broken": settings('{\n  "a": 1,\n  "b" 2\n}\n'),
    "settings: torn": settings(TEXT[:30]),
    "settings: a list": settings([1]),
    "settings: a word": settings('"no"'),
    "settings: hooks is a word": settings({"hooks": "none"}),
    "settings: hooks of the event is an object": settings({"hooks": {"SessionEnd": {}}}),
    "settings: UTF-16": settings(TEXT.encode("utf-16")),
    "settings: Latin-1": settings(b'{"a": "\xe4"}'),
    "settings: NUL": settings('{"a": "\0"}'),
    "settings: read-only": settings(TEXT, 0o444),
    "settings: for oneself": settings(TEXT, 0o600),
    "settings: to be run": settings(TEXT, 0o755),
    "settings: a folder": folders(SETTINGS),
    "settings: a pipe": pipe,
    "settings: of two names": hard_link,
    "settings: a link within": link(SETTINGS, "../shared/claude.json"),
    "settings: a link out": link(SETTINGS, "../../outside.json"),
    "settings: a link to nowhere": link(SETTINGS, "../gone.json", made=False),
    "settings: a link to nowhere's folder": link(SETTINGS, "../gone/gone.json", made=False),
    "settings: a link to itself": link(SETTINGS, "settings.json", made=False),
    "a folder that is a link within": link(".claude", "shared", folder=True),
    "a folder that is a link out": link(".claude", "../outside", folder=True),
    "a folder that is a link to nowhere": link(".opencode", "nowhere", made=False),
    "a file for a folder": files(**{".claude": "a file"}),
    "files for folders": files(**{".github": "x", ".opencode": "", ".claude/commands": "x"}),
    "a file for atomic's folder": files(**{".atomic": "x"}),
    "atomic's folder, empty": folders(".atomic"),
    "atomic's folder, with something": files(**{".atomic/mine": "x", ".atomic/backup/y": "y"}),
    "empty folders": folders(".claude/commands", ".github/skills", ".opencode/plugins"),
    "a folder for a command": folders(".claude/commands/commit.md"),
    "commands of one's own": files(
        **{".claude/commands/commit.md": "Mine.\n", ".opencode/commands/commit.md": ""}
    ),
    "commands beside": files(**{".claude/commands/a b.md": "x", ".github/skills/d/SKILL.md": "x"}),
    "an offer of one's own": files(**{".claude/commands/commit.md.new": "Mine.\n"}),
    "hooks of Copilot's": files(**{".github/hooks/other.json": '{"version": 1, "hooks": {}}'}),
    "a plugin of one's own": files(**{".opencode/plugins/atomic-telemetry.ts": "export {}\n"}),
    "Gemini's settings": files(**{".gemini/settings.json": TEXT.replace("\n", "\r\n")}),
    "folders for a group": folders(".claude", ".github", mode=0o2775),
    "another project inside": files(**{"inner/.atomic/x": "", "inner/.git": "", "n\new": "x"}),
}


def look(root: Path) -> dict[str, tuple[str, int, bytes]]:
    """Everything below the folder: kind, mode, and content or target."""
    seen = {}
    for path in sorted(root.rglob("*")):
        found = path.lstat()
        content = b""
        if stat.S_ISLNK(found.st_mode):
            content = os.readlink(path).encode()
        elif stat.S_ISREG(found.st_mode):
            content = path.read_bytes()
        mode = 0 if path.is_symlink() else stat.S_IMODE(found.st_mode)
        seen[str(path.relative_to(root))] = (chr(stat.S_IFMT(found.st_mode) >> 12), mode, content)
    return seen


@pytest.fixture(scope="module")
def driver() -> Iterator[Callable[[Path, Path, list[str]], int]]:
    """Run `atomic` in a folder, its stderr into a file; the exit code."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env=environment({"HOME": "/nowhere", "ATOMIC_TELEMETRY": "0"}),
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        asked, said = process.stdin, process.stdout

        def run(place: Path, log: Path, command: list[str]) -> int:
            asked.write(json.dumps([str(place), str(log), command]) + "\n")
            asked.flush()
            return int(said.readline())

        yield run
        asked.close()


@pytest.mark.parametrize("name", PROJECTS)
def test_it_comes_back_as_it_was(
    name: str, driver: Callable[[Path, Path, list[str]], int], tmp_path: Path
) -> None:
    place, log = tmp_path / "place", tmp_path / "log"
    root = place / "a project's \u00e4 folder"
    root.mkdir(parents=True)
    PROJECTS[name](root)
    before = look(place)
    seen = []
    for command in COMMANDS:
        assert driver(root, log, command) in (0, 1), log.read_text()
        seen.append(look(place))
    assert "Traceback" not in log.read_text()
    first, again, updated, after = seen
    assert again == first
    assert updated == first
    assert after == before
    assert _outside(first, root) == _outside(before, root)


def _outside(seen: dict[str, tuple[str, int, bytes]], root: Path) -> dict[str, object]:
    return {path: what for path, what in seen.items() if not path.startswith(root.name)}
