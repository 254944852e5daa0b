"""`init`, `update` and `uninstall` in a project: the real program on real files."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from atomic_support import ATOMIC, Event, Run, environment, tree
from support import needs

from atomic.agents import AGENTS, installation
from atomic.install.apply import apply, remembered
from atomic.install.plan import Action, to_init, to_uninstall, to_update
from atomic.install.project import Project
from atomic.names import COMMANDS
from atomic.slash import of_gemini_prompt
from atomic.workflows import HELPERS

Events = Callable[[], list[Event]]
ALL = tuple(f"--agent={key}" for key in AGENTS)
SETTINGS = """{
  // what this team lets Claude do
  "permissions": { "allow": ["Bash(make test)"] },
  "hooks": {
    "SessionEnd": [
      { "hooks": [{ "type": "command", "command": "say bye" }] }, // ours
    ]
  },
  "unknown": [1, 2,3]
}"""
OTHER = '{"version":1,"hooks":{"sessionEnd":[{"type":"command","bash":"true"}]}}'
THEIRS = "export const Theirs = async () => ({})\n"


@pytest.fixture
def lived_in(project: Path) -> Path:
    """A project with settings, hooks, a plugin and a command of its own."""
    for path, text in {
        ".claude/settings.json": SETTINGS,
        ".claude/commands/deploy.md": "Deploy.\n",
        ".github/hooks/other.json": OTHER,
        ".github/skills/deploy/SKILL.md": "Deploy.\r\n",
        ".opencode/plugins/theirs.ts": THEIRS,
        "README.md": "# Theirs\n",
    }.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_bytes(text.encode())
    return project


@pytest.mark.parametrize(
    ("agent", "pattern", "helper", "more"),
    [
        (
            "claude", ".claude/commands/{}.md", ".claude/agents/{}.md", ".claude/settings.json",
        ),
        (
            "copilot", ".github/skills/{}/SKILL.md", ".github/agents/{}.agent.md",
            ".github/hooks/atomic-telemetry.json",
        ),
        (
            "opencode", ".opencode/commands/{}.md", ".opencode/agents/{}.md",
            ".opencode/plugins/atomic-telemetry.ts",
        ),
        (
            "gemini", ".gemini/commands/{}.toml", ".gemini/agents/{}.md", ".gemini/settings.json",
        ),
        (
            "codex", ".codex/skills/{}/SKILL.md", ".codex/agents/{}.toml", ".codex/hooks.json",
        ),
    ],
)  # fmt: skip
def test_what_each_agent_is_given(
    agent: str, pattern: str, helper: str, more: str, *, atomic: Run, project: Path
) -> None:
    assert atomic("init", "-a", agent, "-y").returncode == 0
    files = {path for path, content in tree(project).items() if content is not None}
    prompts = {pattern.format(name) for name in COMMANDS}
    prompts |= {helper.format(name) for name in HELPERS}
    assert files == prompts | {more, ".atomic/manifest.json"}
    prompt = (project / pattern.format("commit")).read_text()
    assert "git diff --staged" in prompt
    assert "{{arguments}}" not in prompt
    beside = "beside the name of this skill"
    arguments = {"copilot": beside, "gemini": "{{args}}", "codex": beside}.get(agent, "$ARGUMENTS")
    assert prompt.count(arguments) == 1


@pytest.mark.parametrize("agent", AGENTS)
def test_prompts_are_in_each_agents_form(agent: str) -> None:
    for path, text in installation([agent]).files.items():
        if path.endswith(".md"):
            header, _, body = text.removeprefix("---\n").partition("\n---\n\n")
            fields = dict(line.split(": ", 1) for line in header.splitlines())
            assert all(json.loads(value) for value in fields.values())  # quoted, so valid YAML
            assert 30 < len(json.loads(fields["description"])) <= 120
            # What Claude Code and OpenCode would run, insert or count as arguments of their own.
            assert not re.search(r"!`|(^|\s)@\w|\$\d", body)
            if "/agents/" in path:
                assert "change anything" in body
                continue
            if path.endswith("/SKILL.md"):
                assert json.loads(fields["name"]) == path.split("/")[2]
            assert body.startswith("# ")
            assert "\n## Do not\n" in body
            assert body.count("$ARGUMENTS") == (0 if path.endswith("/SKILL.md") else 1)


def test_gemini_reads_the_prompts_that_were_meant() -> None:
    """TOML, nothing in it that Gemini CLI would run or read in, and the command's name first."""
    for name in COMMANDS:
        found = tomllib.loads(installation(["gemini"]).files[f".gemini/commands/{name}.toml"])
        assert set(found) == {"description", "prompt"}
        assert of_gemini_prompt(found["prompt"]) == name
        assert found["prompt"].count("{{args}}") == 1
        assert not re.search(r"[!@]\{", found["prompt"])
        assert "\n## Do not\n" in found["prompt"]


def test_codex_reads_the_sub_agents_that_were_meant() -> None:
    for name in HELPERS:
        found = tomllib.loads(installation(["codex"]).files[f".codex/agents/{name}.toml"])
        assert set(found) == {"name", "description", "sandbox_mode", "developer_instructions"}
        assert (found["name"], found["sandbox_mode"]) == (name, "read-only")
        assert "change anything" in found["developer_instructions"]


def test_init_twice_changes_nothing(atomic: Run, project: Path) -> None:
    atomic("init", *ALL, "-y")
    before = tree(project)
    again = atomic("init", *ALL, "-y")
    assert again.returncode == 0
    assert "Everything is in place." in again.stderr
    assert tree(project) == before


def test_agents_may_be_added_later(atomic: Run, project: Path) -> None:
    atomic("init", "-a", "claude", "-y")
    atomic("init", "-a", "opencode", "-y")
    assert json.loads((project / ".atomic/manifest.json").read_text())["agents"] == [
        "claude",
        "opencode",
    ]
    assert not (project / ".github").exists()


def test_a_dry_run_says_all_and_writes_nothing(atomic: Run, lived_in: Path, home: Path) -> None:
    before = tree(lived_in)
    shown = atomic("init", *ALL, "--dry-run")
    assert shown.returncode == 0
    assert tree(lived_in) == before
    assert tree(home) == {}
    atomic("init", *ALL, "-y")
    written = {
        path
        for path, content in tree(lived_in).items()
        if content is not None and before.get(path) != content
    }
    assert {line.split()[1] for line in shown.stdout.splitlines()} == written


def test_init_then_uninstall_leaves_every_byte_as_it_was(atomic: Run, lived_in: Path) -> None:
    before = tree(lived_in)
    assert atomic("init", *ALL, "-y").returncode == 0
    assert len(tree(lived_in)) > len(before) + 20
    merged = (lived_in / ".claude/settings.json").read_text()
    assert all(line in merged.splitlines() for line in SETTINGS.splitlines() if line != "  }")
    assert atomic("uninstall", "-y").returncode == 0
    assert tree(lived_in) == before


def test_an_empty_project_is_empty_again(atomic: Run, project: Path) -> None:
    atomic("init", *ALL, "-y")
    atomic("uninstall", "-y")
    assert tree(project) == {}


def test_settings_that_changed_since_lose_only_our_hooks(atomic: Run, lived_in: Path) -> None:
    path = lived_in / ".claude/settings.json"
    atomic("init", "-a", "claude", "-y")
    path.write_text(path.read_text().replace("say bye", "say farewell"))
    atomic("uninstall", "-y")
    assert path.read_text() == SETTINGS.replace("say bye", "say farewell")


def test_settings_of_ours_that_gained_something_stay(atomic: Run, project: Path) -> None:
    path = project / ".claude/settings.json"
    atomic("init", "-a", "claude", "-y")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": "x"}))
    atomic("uninstall", "-y")
    assert json.loads(path.read_text()) == {"model": "x"}


def test_a_mode_is_kept(atomic: Run, lived_in: Path) -> None:
    path = lived_in / ".claude/settings.json"
    path.chmod(0o600)
    atomic("init", "-a", "claude", "-y")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": }', "line 1"),
        ('{"hooks": "none"}', "hooks is no object"),
        ("\xff", "no UTF-8"),
    ],
)
def test_settings_that_cannot_be_merged_are_left_and_named(
    text: str, why: str, atomic: Run, project: Path
) -> None:
    path = project / ".claude/settings.json"
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    said = atomic("init", "-a", "claude", "-y")
    assert said.returncode == 1
    assert re.search(rf"blocked +\.claude/settings\.json  .*{why}", said.stderr)
    assert "is set up" not in said.stderr
    assert path.read_bytes() == text.encode("latin-1")
    assert (project / ".claude/commands/commit.md").exists()
    atomic("uninstall", "-y")
    assert path.read_bytes() == text.encode("latin-1")


def test_a_file_of_the_users_is_left_and_named(atomic: Run, project: Path) -> None:
    mine = project / ".claude/commands/commit.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("My own way to commit.\n")
    said = atomic("init", "-a", "claude", "-y")
    assert re.search(r"keep +\.claude/commands/commit\.md .*--force", said.stderr)
    assert mine.read_text() == "My own way to commit.\n"
    atomic("uninstall", "-y")
    assert tree(project) == {
        ".claude": None,
        ".claude/commands": None,
        ".claude/commands/commit.md": b"My own way to commit.\n",
    }


def test_force_keeps_a_backup_which_uninstall_gives_back(atomic: Run, project: Path) -> None:
    mine = project / ".claude/commands/commit.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("My own way to commit.\n")
    before = tree(project)
    said = atomic("init", "-a", "claude", "-y", "--force")
    backup = project / ".atomic/backup/.claude/commands/commit.md"
    assert ".atomic/backup/.claude/commands/commit.md" in said.stderr
    assert backup.read_text() == "My own way to commit.\n"
    assert "git diff" in mine.read_text()
    assert "Everything is in place." in atomic("init", "-a", "claude", "-y", "-f").stderr
    atomic("uninstall", "-y")
    assert tree(project) == before


def test_an_edited_file_stays_and_is_named_when_uninstalled(atomic: Run, project: Path) -> None:
    atomic("init", "-a", "claude", "-y")
    edited = project / ".claude/commands/commit.md"
    edited.write_text(edited.read_text() + "\nIn French, please.\n")
    said = atomic("uninstall", "-y")
    assert re.search(r"keep +\.claude/commands/commit\.md +edited by you", said.stderr)
    assert [path for path, content in tree(project).items() if content is not None] == [
        ".claude/commands/commit.md"
    ]


def test_line_ends_that_git_has_changed_do_not_matter(atomic: Run, project: Path) -> None:
    atomic("init", *ALL, "-y")
    for path in project.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = tree(project)
    assert "Everything is in place." in atomic("init", *ALL, "-y").stderr
    assert tree(project) == before
    atomic("uninstall", "-y")
    assert tree(project) == {}


@pytest.mark.parametrize("link", [".claude", ".claude/commands", ".claude/settings.json"])
def test_nothing_is_written_through_a_link_that_leads_out(
    link: str, atomic: Run, project: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "settings.json").write_text("{}")
    place = project / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(outside / "settings.json" if link.endswith("json") else outside)
    said = atomic("init", "-a", "claude", "-y")
    assert "leads out of this project" in said.stderr
    assert tree(outside) == {"settings.json": b"{}"}


def test_a_link_within_the_project_is_followed(atomic: Run, project: Path) -> None:
    (project / "shared").mkdir()
    (project / "shared/settings.json").write_text("{}")
    (project / ".claude").mkdir()
    (project / ".claude/settings.json").symlink_to("../shared/settings.json")
    atomic("init", "-a", "claude", "-y")
    assert (project / ".claude/settings.json").is_symlink()
    assert "atomic hook" in (project / "shared/settings.json").read_text()
    atomic("uninstall", "-y")
    assert (project / "shared/settings.json").read_text() == "{}"


@pytest.mark.parametrize("path", ["../victim", "/etc/victim", "a/../../victim", "C:\\victim"])
def test_a_manifest_from_elsewhere_reaches_nothing_outside(
    path: str, atomic: Run, project: Path, tmp_path: Path
) -> None:
    """A cloned project's manifest may name anything."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    atomic("init", "-a", "claude", "-y")
    place = project / ".atomic/manifest.json"
    manifest = json.loads(place.read_text())
    digest = "2b53bfe7b7b5e8bdeb7d5ef4a0f7e8a5d9c4a3c8d6bb8d8a9d7e6f5a4b3c2d1e"
    manifest["files"][path] = {"sha256": digest}
    manifest["folders"].append("..")
    place.write_text(json.dumps(manifest))
    for command in (["update"], ["uninstall", "-y"]):
        assert atomic(*command).returncode == 0
    assert victim.read_text() == "precious"
    assert project.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [("{", "damaged"), ("[]", "damaged"), ('{"format": 9, "atomic": "3"}', "newer")],
)
def test_a_manifest_that_cannot_be_read_is_said(
    content: str, why: str, atomic: Run, project: Path
) -> None:
    (project / ".atomic").mkdir()
    (project / ".atomic/manifest.json").write_text(content)
    for command in (["init", "-a", "claude", "-y"], ["update"], ["uninstall", "-y"]):
        said = atomic(*command)
        assert said.returncode == 1
        assert why in said.stderr
        assert "Traceback" not in said.stderr


def test_half_an_init_is_remembered_as_half(
    atomic: Run, agreed: None, events: Events, project: Path
) -> None:
    settings = project / ".claude/settings.json"
    settings.parent.mkdir()
    settings.write_text(SETTINGS + "\n// " + "long " * 2000)
    before = tree(project)
    half = subprocess.run(
        ["bash", "-c", f"ulimit -f 8; {ATOMIC} init -a claude -y"],  # KiB
        cwd=project, env=environment(), capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert half.returncode == 1
    assert "File too large" in half.stderr
    assert "Traceback" not in half.stderr
    assert (project / ".claude/commands/commit.md").exists()
    assert [event["success"] for event in events()] == [False]
    atomic("uninstall", "-y")
    assert tree(project) == before


def test_a_file_in_the_place_of_a_folder_is_left_alone(atomic: Run, project: Path) -> None:
    (project / ".github").write_text("not a folder")
    said = atomic("init", "-a", "claude", "-a", "copilot", "-y")
    assert said.returncode == 1
    assert "a file stands in the place of its folder" in said.stderr
    assert (project / ".claude/commands/commit.md").exists()
    atomic("uninstall", "-y")
    assert tree(project) == {".github": b"not a folder"}


KILLED = """
import os, sys
left, rename = [int(sys.argv.pop(1))], os.replace
def rename_or_die(*names):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), 9)
    rename(*names)
os.replace = rename_or_die
from atomic.__main__ import main
main()
"""


@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 10])
def test_an_init_killed_in_the_middle_is_remembered(atomic: Run, project: Path, after: int) -> None:
    theirs = {".claude/commands/commit.md": b"mine", ".claude/settings.json": b'{"a": 1}'}
    for path, content in theirs.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_bytes(content)
    killed = [sys.executable, "-c", KILLED, str(after), "init", "-a", "claude", "-f", "-y"]
    assert subprocess.run(killed, cwd=project, env=environment(), check=False).returncode == -9
    assert atomic("uninstall", "-y").returncode == 0
    files = {path: content for path, content in tree(project).items() if content is not None}
    assert {path: files[path] for path in files if not path.endswith(".tmp")} == theirs


def test_the_home_folder_is_no_project(atomic: Run, home: Path, project: Path) -> None:
    said = atomic("init", "-a", "claude", "-y", variables={"HOME": str(project)})
    assert said.returncode == 1
    assert "home folder" in said.stderr
    assert tree(project) == {}


def test_what_is_recorded(atomic: Run, agreed: None, events: Events) -> None:
    atomic("init", "-a", "claude", "-y")
    atomic("init", "-a", "claude", "-a", "copilot", "-y")
    atomic("init", "-a", "claude", "--dry-run")
    atomic("update")
    atomic("update", "--dry-run")
    atomic("uninstall", "-y", "--keep-config")
    base = {"eventType": "atomic_command", "source": "cli", "success": True}
    assert events() == [
        base | {"command": "init", "agentType": "claude"},
        base | {"command": "init"},
        base | {"command": "update"},
        base | {"command": "uninstall"},
    ]


# Updates, from an older version's files to this one's.


def old(project: Path, changed: dict[str, str], dropped: str = "") -> None:
    """Make the project look as if an older version had set it up.

    `changed`: files that were different then. `dropped`: a file that only that version had.
    """
    given = installation(["claude"])
    files = {path: changed.get(path, text) for path, text in given.files.items()}
    files = {path: text for path, text in files.items() if text}
    if dropped:
        files[dropped] = "Once useful.\n"
    there = Project(str(project))
    known = remembered(there)
    known.agents = ["claude"]
    older = type(given)(files, given.hooks)
    apply(there, known, to_init(older, known, there, force=False))


COMMIT = ".claude/commands/commit.md"
SPEC = ".claude/commands/create-spec.md"


def test_update_replaces_adds_and_drops(atomic: Run, project: Path) -> None:
    old(project, {COMMIT: "Old.\n", SPEC: ""}, dropped=".claude/commands/ralph.md")
    assert not (project / SPEC).exists()
    shown = atomic("update", "--dry-run")
    before = tree(project)
    assert re.search(rf"replace +{re.escape(COMMIT)}", shown.stdout)
    assert re.search(rf"create +{re.escape(SPEC)}", shown.stdout)
    assert re.search(r"remove +\.claude/commands/ralph\.md", shown.stdout)
    assert tree(project) == before
    assert atomic("update").returncode == 0
    given = installation(["claude"]).files
    assert (project / COMMIT).read_text() == given[COMMIT]
    assert (project / SPEC).read_text() == given[SPEC]
    assert not (project / ".claude/commands/ralph.md").exists()
    after = tree(project)
    assert "up to date" in atomic("update").stderr
    assert tree(project) == after
    atomic("uninstall", "-y")
    assert tree(project) == {}


def test_update_leaves_an_edited_file_and_puts_the_new_one_beside_it(
    atomic: Run, project: Path
) -> None:
    old(project, {COMMIT: "Old.\n"})
    edited, beside = project / COMMIT, project / f"{COMMIT}.new"
    edited.write_text("Old, but mine.\n")
    said = atomic("update")
    new = installation(["claude"]).files[COMMIT]
    assert edited.read_text() == "Old, but mine.\n"
    assert beside.read_text() == new
    assert f"{COMMIT}.new" in said.stderr
    before = tree(project)
    atomic("update")
    assert tree(project) == before
    beside.unlink()  # seen, and not wanted: not offered again
    atomic("update")
    assert not beside.exists()
    edited.write_text(new)  # taken over by hand: ours again
    atomic("update")
    atomic("uninstall", "-y")
    assert tree(project) == {}


def test_what_was_offered_goes_when_it_was_taken_over(atomic: Run, project: Path) -> None:
    old(project, {COMMIT: "Old.\n"})
    (project / COMMIT).write_text("Mine.\n")
    atomic("update")
    shutil.copy(project / f"{COMMIT}.new", project / COMMIT)
    atomic("update")
    assert not (project / f"{COMMIT}.new").exists()


def test_an_edited_file_without_a_new_version_is_nobodys_business(
    atomic: Run, project: Path
) -> None:
    atomic("init", "-a", "claude", "-y")
    (project / COMMIT).write_text("Mine.\n")
    before = tree(project)
    assert "up to date" in atomic("update").stderr
    assert tree(project) == before


def test_update_respects_what_was_removed(atomic: Run, project: Path) -> None:
    atomic("init", "-a", "claude", "-y")
    (project / COMMIT).unlink()
    (project / ".claude/settings.json").write_text('{"hooks": {}}')
    said = atomic("update")
    assert "removed by you" in said.stderr
    assert not (project / COMMIT).exists()
    assert (project / ".claude/settings.json").read_text() == '{"hooks": {}}'
    atomic("init", "-a", "claude", "-y")
    assert (project / COMMIT).exists()
    assert "atomic hook" in (project / ".claude/settings.json").read_text()


def test_a_dropped_file_that_was_edited_stays(atomic: Run, project: Path) -> None:
    old(project, {}, dropped=".claude/commands/ralph.md")
    ralph = project / ".claude/commands/ralph.md"
    ralph.write_text("Mine now.\n")
    assert "edited by you" in atomic("update").stderr
    atomic("uninstall", "-y")
    assert ralph.read_text() == "Mine now.\n"


def test_hooks_that_have_changed_are_exchanged_in_place(project: Path) -> None:
    (project / ".claude").mkdir()
    path = project / ".claude/settings.json"
    path.write_text(SETTINGS)
    there = Project(str(project))
    given = installation(["claude"])
    older = {
        name: (hooks[0]._replace(command="old one"), hooks[1]._replace(event="Stop"))
        for name, hooks in given.hooks.items()
    }
    known = remembered(there)
    apply(there, known, to_init(type(given)({}, older), known, there, force=False))
    assert "old one" in path.read_text()
    known = remembered(there)
    steps = to_update(type(given)({}, given.hooks), known, there)
    assert [step.action for step in steps] == [Action.MERGE]
    apply(there, known, steps)
    assert "old one" not in path.read_text()
    assert "Stop" not in path.read_text()
    assert path.read_text().count("atomic hook claude") == 2
    known = remembered(there)
    apply(there, known, to_uninstall(known, there))
    assert path.read_text() == SETTINGS


def test_uninstall_asks_and_without_anybody_to_ask_does_nothing(atomic: Run, project: Path) -> None:
    atomic("init", "-a", "claude", "-y")
    before = tree(project)
    said = atomic("uninstall")
    assert said.returncode == 2
    assert "--yes" in said.stderr
    assert tree(project) == before


def test_uninstall_removes_the_data_folder(
    atomic: Run, agreed: None, home: Path, folder: Path
) -> None:
    atomic("init", "-a", "claude", "-y")
    shown = atomic("uninstall", "--dry-run")
    assert "~/.local/share/atomic" in shown.stdout
    assert folder.exists()
    atomic("uninstall", "-y")
    assert not folder.exists()
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_keep_config_keeps_it(atomic: Run, agreed: None, folder: Path) -> None:
    atomic("uninstall", "-y", "--keep-config")
    assert (folder / "telemetry.json").exists()
    assert atomic("config", "get", "telemetry").stdout == "true\n"


def test_a_data_folder_that_is_a_link_is_not_followed(
    atomic: Run, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/precious").write_text("x")
    folder.parent.mkdir(parents=True)
    folder.symlink_to(tmp_path / "elsewhere")
    assert atomic("uninstall", "-y").returncode == 0
    assert (tmp_path / "elsewhere/precious").exists()


@needs("setpriv")
def test_without_the_right_to_write_it_is_said(project: Path) -> None:
    # Root may write everywhere, unless it gives that capability away.
    weak = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    project.chmod(0o500)
    said = subprocess.run(
        [*weak, ATOMIC, "init", "-a", "claude", "-y"],
        cwd=project, env=environment(), capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert said.returncode == 1
    assert "Permission denied" in said.stderr
