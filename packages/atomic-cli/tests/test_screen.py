"""What people see: help, errors, colours, questions, completion."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from atomic_support import ATOMIC, Run, environment, tree
from terminals import Terminal

from atomic import __version__
from atomic.cli import COMMANDS

Open = Callable[..., Terminal]


def test_version(atomic: Run) -> None:
    for option in ("-v", "--version"):
        shown = atomic(option)
        assert (shown.stdout, shown.stderr, shown.returncode) == (f"atomic {__version__}\n", "", 0)
    assert atomic("--no-banner", "-v").stdout == f"atomic {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, atomic: Run) -> None:
    shown = atomic(command, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Usage: atomic {command}")
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80
    assert shown.stdout.isascii()


def test_what_is_hidden_is_hidden(atomic: Run) -> None:
    assert "upload-telemetry" not in atomic("--help").stdout
    assert "hook" not in atomic("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nonsense"], 2, "There is no command 'nonsense'."),
        (["unistall"], 2, "Did you mean uninstall?"),
        (["--nonsense"], 2, "No such option"),
        (["init", "-a", "cursor"], 2, "'claude', 'copilot', 'opencode', 'gemini', 'codex'"),
        (
            ["init"],
            2,
            "Say for which agent: -a claude, -a copilot, -a opencode, -a gemini, -a codex",
        ),
        (["init", "-y"], 2, "Say for which agent"),
        (["run"], 2, "Choose from: claude, copilot, opencode, gemini, codex"),
        (["run", "cursor"], 2, "'claude', 'copilot', 'opencode', 'gemini', 'codex'"),
        (["-a", "cursor"], 2, "'claude', 'copilot', 'opencode', 'gemini', 'codex'"),
        (["config", "get", "colour"], 2, "is not 'telemetry'"),
        (["config", "set", "telemetry", "perhaps"], 2, "'perhaps' is not a valid boolean"),
        (["completion", "tcsh"], 2, "'bash', 'zsh', 'fish'"),
        (["run", "claude"], 127, "npm install -g @anthropic-ai/claude-code"),
    ],
)
def test_errors_say_what_to_do_on_stderr(
    arguments: list[str], code: int, said: str, atomic: Run, home: Path
) -> None:
    shown = atomic(*arguments)
    assert (shown.returncode, shown.stdout) == (code, "")
    assert said in " ".join(shown.stderr.split())
    assert "Traceback" not in shown.stderr
    assert tree(home) == tree(Path.cwd()) == {}


def test_config(atomic: Run) -> None:
    shown = atomic("config", "get", "telemetry")
    assert (shown.stdout, shown.returncode) == ("false\n", 0)
    assert "nobody has been asked" in shown.stderr
    for value, then in (("true", "true"), ("off", "false"), ("yes", "true"), ("false", "false")):
        assert atomic("config", "set", "telemetry", value).returncode == 0
        assert atomic("config", "get", "telemetry").stdout == f"{then}\n"
    said = atomic("config", "set", "telemetry", "true", variables={"DO_NOT_TRACK": "1"})
    assert "DO_NOT_TRACK=1" in said.stderr
    assert atomic("config", "get", "telemetry").stdout == "true\n"


def test_config_without_a_home(atomic: Run) -> None:
    said = atomic("config", "set", "telemetry", "true", variables={"HOME": ""})
    assert said.returncode == 1
    assert "HOME" in said.stderr
    assert "Traceback" not in said.stderr


def test_no_colours_in_a_pipe(atomic: Run) -> None:
    assert "\x1b" not in atomic("init", "-a", "claude", "-y").stderr
    assert "\x1b" not in atomic("init", "-a", "copilot", "--dry-run").stdout
    assert "\x1b" not in atomic("run", "copilot").stderr


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_they_are_not_wanted(variables: dict[str, str], terminal: Open) -> None:
    screen = terminal(ATOMIC, "init", "-a", "claude", "-y", **variables)
    assert screen.end() == 0
    assert "\x1b" not in screen.read()
    assert "atomic 0." in screen.read()


def test_colours_and_a_banner_on_a_terminal(terminal: Open) -> None:
    screen = terminal(ATOMIC, "init", "-a", "claude", "-y", NO_COLOR="")
    assert screen.end() == 0
    assert "\x1b[32m   create\x1b[0m" in screen.read()
    assert screen.text().startswith(f"atomic {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [["--no-banner", "init", "-a", "claude", "-y"], ["init", "-a", "claude", "-y", "--no-banner"]],
)
def test_no_banner(arguments: list[str], terminal: Open) -> None:
    screen = terminal(ATOMIC, *arguments)
    assert screen.end() == 0
    assert f"atomic {__version__}" not in screen.text()


def test_results_on_stdout_and_messages_on_stderr(atomic: Run) -> None:
    done = atomic("init", "-a", "claude", "-y")
    assert done.stdout == ""
    assert "create  .claude/commands/*.md" in done.stderr
    assert "7 commands" in done.stderr
    assert "atomic run claude" in done.stderr
    shown = atomic("uninstall", "--dry-run")
    assert shown.stdout.splitlines()[0] == "   remove  .claude/agents/change-reviewer.md"
    assert "Nothing was removed." in shown.stderr


def test_agents_are_chosen_from_a_list(terminal: Open, project: Path) -> None:
    screen = terminal(ATOMIC, "init", DO_NOT_TRACK="1")
    screen.wait_for("Set this project up for")
    screen.wait_for("Claude Code")
    screen.type(" ")  # Claude Code
    screen.type("\x1b[B\x1b[B ")  # down, down: OpenCode
    screen.type("\r")
    screen.wait_for("is set up for Claude Code and OpenCode")
    assert screen.end() == 0
    assert (project / ".opencode/commands/commit.md").exists()
    assert not (project / ".github").exists()


def test_none_chosen_is_asked_again(terminal: Open, project: Path) -> None:
    screen = terminal(ATOMIC, "init", DO_NOT_TRACK="1")
    screen.wait_for("Claude Code")
    screen.type("\r")
    screen.wait_for("Choose one at least")
    screen.type(" \r")
    screen.wait_for("is set up for Claude Code")
    assert screen.end() == 0


def test_agents_that_are_installed_are_the_default(
    terminal: Open, project: Path, program: Callable[[str, str], Path]
) -> None:
    program("opencode", "")
    screen = terminal(ATOMIC, "init", DO_NOT_TRACK="1")
    screen.wait_for("Claude Code")
    screen.type("\r")
    screen.wait_for("is set up for OpenCode")
    assert screen.end() == 0


def test_a_dumb_terminal_gets_numbers(terminal: Open, project: Path) -> None:
    screen = terminal(ATOMIC, "init", DO_NOT_TRACK="1", TERM="dumb")
    screen.wait_for("  3\\) OpenCode")
    screen.type("\n9\n1, 3\n")
    screen.wait_for("is set up for Claude Code and OpenCode")
    assert screen.end() == 0
    assert screen.text().count("Please answer with numbers from 1 to 5.") == 2
    assert "\x1b" not in screen.read()


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_ctrl_c_at_a_question_changes_nothing_and_is_told_once(
    terminal: Open, project: Path, term: str
) -> None:
    screen = terminal(ATOMIC, "init", DO_NOT_TRACK="1", TERM=term)
    screen.wait_for("Claude Code")
    screen.type("\x03")
    assert screen.end() == 130
    assert tree(project) == {}
    assert screen.text().count("Stopped.") == 1
    assert "Cancelled" not in screen.text()


def test_ctrl_c_at_the_question_of_telemetry_stops_and_answers_nothing(
    terminal: Open, atomic: Run
) -> None:
    screen = terminal(ATOMIC, "init", "-a", "claude")
    screen.wait_for(r"Share usage data\? \[y/N\]")
    screen.type("\x03")
    assert screen.end() == 130
    assert screen.text().count("Stopped.") == 1
    assert "off: nobody has been asked yet" in atomic("telemetry", "status").stdout


def test_under_a_coding_agent_nobody_is_asked(terminal: Open, atomic: Run) -> None:
    screen = terminal(ATOMIC, "init", "-a", "claude", CLAUDECODE="1")
    assert screen.end() == 0
    assert "y/N" not in screen.text()
    assert "off: nobody has been asked yet" in atomic("telemetry", "status").stdout


def test_ctrl_d_at_the_question_of_telemetry_is_a_no(
    terminal: Open, atomic: Run, project: Path
) -> None:
    screen = terminal(ATOMIC, "init", "-a", "claude")
    screen.wait_for(r"Share usage data\? \[y/N\]")
    screen.type("\x04")
    assert screen.end() == 0
    assert "It stays off" in screen.text()
    assert tree(project)
    assert "off: turned off" in atomic("telemetry", "status").stdout
    screen = terminal(ATOMIC, "init", "-a", "claude")
    assert screen.end() == 0
    assert "y/N" not in screen.text()  # not asked again


def test_an_answer_that_is_none_is_asked_for_again(terminal: Open, atomic: Run) -> None:
    screen = terminal(ATOMIC, "init", "-a", "claude")
    screen.wait_for(r"\[y/N\]")
    screen.type("perhaps\n")
    screen.wait_for("Please answer y or n.")
    screen.type("y\n")
    assert screen.end() == 0
    assert "on since" in atomic("telemetry", "status").stdout


def test_a_reader_that_has_had_enough(project: Path) -> None:
    script = f"{ATOMIC} init -a claude --dry-run | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", script], cwd=project, env=environment(), capture_output=True, timeout=20,
        check=False,
    )  # fmt: skip
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr


QUICK_AND_OTHERS = ("--version", "--help", "init -a claude --dry-run", "telemetry schema")


def shell(script: str, project: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],
        cwd=project, env=environment(variables), capture_output=True, text=True, timeout=20,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", QUICK_AND_OTHERS)
def test_output_that_finds_no_room(command: str, unbuffered: str, project: Path) -> None:
    ended = shell(f"{ATOMIC} {command} > /dev/full", project, PYTHONUNBUFFERED=unbuffered)
    assert ended.returncode == 1
    assert "Error: No space left on device.\n" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
    read = shell(f"{ATOMIC} {command} | :", project, PYTHONUNBUFFERED=unbuffered)
    assert read.stderr in {"", "\nNothing was written.\n"}


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("command", "code"),
    [("--version", 0), ("init -a claude", 0), ("config get telemetry", 0), ("init", 2)],
)
def test_streams_that_are_closed(
    command: str, code: int, closed: str, project: Path, home: Path
) -> None:
    ended = shell(f"{ATOMIC} {command} {closed}", project)
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False)
    assert tree(home) == {}


def test_a_file_that_finds_no_room_is_named(project: Path, home: Path) -> None:
    for command, file in (
        ("init -a claude -y", project / ".atomic/manifest.json"),
        ("config set telemetry true", home / ".local/share/atomic/telemetry.json"),
    ):
        ended = shell(f"ulimit -f 0; {ATOMIC} {command}", project)
        assert ended.returncode == 1
        assert re.search(rf"Error: {file.parent}/[a-z.-]+: File too large\.", ended.stderr)
        assert not file.exists()


@pytest.mark.parametrize(("command", "code"), [("nope", 2), ("init", 2), ("run opencode", 127)])
def test_the_exit_code_is_right_also_where_nobody_can_be_told(
    command: str, code: int, project: Path
) -> None:
    assert shell(f"{ATOMIC} {command}", project, PATH="/usr/bin:/bin").returncode == code
    untold = shell(f"{ATOMIC} {command} 2> /dev/full", project, PATH="/usr/bin:/bin")
    assert untold.returncode == code


# Shell completion, in the shells themselves.


def complete(words: str, at: int) -> list[str]:
    """What bash is offered for the words, the one at `at` being typed."""
    ended = subprocess.run(
        [ATOMIC],
        env=environment(
            {"_ATOMIC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
        ),
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    return [line.split(",", 1)[1] for line in ended.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "at", "offered"),
    [
        ("atomic un", 1, ["uninstall"]),
        ("atomic init -a ", 3, ["claude", "copilot", "opencode", "gemini", "codex"]),
        ("atomic run c", 2, ["claude", "copilot", "codex"]),
        ("atomic -a o", 2, ["opencode"]),
        ("atomic config set ", 3, ["telemetry"]),
        ("atomic init --d", 2, ["--dry-run"]),
    ],
)
def test_completion(words: str, at: int, offered: list[str]) -> None:
    assert complete(words, at) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, atomic: Run) -> None:
    shown = atomic("completion", shell)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"_ATOMIC_COMPLETE={shell}_complete" in shown.stdout


def test_completion_in_bash_itself(terminal: Open, atomic: Run, tmp_path: Path) -> None:
    script = tmp_path / "atomic.bash"
    script.write_text(atomic("completion", "bash").stdout)
    shell = terminal("bash", "--norc", "-i")
    shell.type(f"source {script}; echo loa''ded\n")
    shell.wait_for("loaded")
    shell.type("atomic unin\t")
    shell.wait_for("atomic uninstall")
    shell.type("--dry\t")
    shell.wait_for("uninstall --dry-run")
    shell.type("\x15exit\n")
    shell.end()


def test_a_deleted_working_directory_is_said(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    ended = subprocess.run(
        ["sh", "-c", f"cd {gone}; rmdir {gone}; {ATOMIC} init -a claude -y"],
        env=environment(), capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert os.path.exists(tmp_path)
