"""What is quick stays quick: by what is imported for it, since imports are the whole cost."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

import atomic_support as payloads
import pytest
from atomic_support import Run, environment
from click.shell_completion import get_completion_class
from hypothesis import given
from hypothesis import strategies as st

from atomic.cli import atomic as application
from atomic.cli import help_text
from atomic.completing import SHELLS, VARIABLE, answer, load, offers

Program = Callable[[str, str], Path]

HEAVY = {
    "argparse", "asyncio", "click", "contextlib", "dataclasses", "datetime", "email", "enum",
    "fcntl", "functools", "hashlib", "importlib.metadata", "importlib.resources", "inspect",
    "json", "logging", "pathlib", "platform", "re", "shutil", "signal", "socket", "ssl",
    "subprocess", "tempfile", "threading", "typing", "uuid",
}  # fmt: skip
JSON = {"json", "re", "enum", "functools"}  # json loads the others


def loaded(
    *arguments: str, stdin: str = "", variables: Mapping[str, str] | None = None
) -> set[str]:
    """What `atomic ARGUMENTS` has imported over what Python itself had."""
    code = (
        "import os, sys; had = set(sys.modules); from atomic.__main__ import main\n"
        "def tell(*_): os.write(2, ' '.join(set(sys.modules) - had).encode()); os._exit(0)\n"
        "os.execv = tell\n"
        "try: main()\n"
        "finally: sys.stdout.flush(); tell()"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        input=stdin,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return set(ended.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["-v"], ["--help"], ["-h"], [], ["completion", "zsh"]],
)
def test_version_and_help_load_nothing(arguments: list[str]) -> None:
    assert loaded(*arguments) & HEAVY == set()


def test_a_hook_without_a_yes_loads_nothing() -> None:
    command = payloads.claude_command("38c4", "commit")
    assert loaded("hook", "claude", stdin=command) & HEAVY == set()


def test_a_hook_loads_json_and_no_more(agreed: None) -> None:
    command = payloads.claude_command("38c4", "commit")
    assert loaded("hook", "claude", stdin=command) & HEAVY <= JSON
    assert loaded("hook", "claude", stdin=payloads.claude_end("38c4")) & HEAVY <= JSON


def test_the_ready_made_help_is_the_real_one(atomic: Run) -> None:
    """Else: python tools/ready.py."""
    for arguments in ([], ["-h"], ["--help"], ["--no-banner", "--help"]):
        shown = atomic(*arguments)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout == help_text()


def test_a_narrow_terminal_gets_narrow_help(atomic: Run) -> None:
    shown = atomic("--help", variables={"COLUMNS": "50"})
    assert max(len(line) for line in shown.stdout.splitlines()) <= 50


@pytest.mark.parametrize("arguments", [["run", "claude"], ["-a", "claude", "--", "-p", "/commit"]])
def test_run_does_without_click(arguments: list[str], program: Program) -> None:
    program("claude", "exit 0")
    assert loaded(*arguments) & HEAVY == set()


def test_completion_does_without_click() -> None:
    asked = {"_ATOMIC_COMPLETE": "bash_complete", "COMP_WORDS": "atomic un", "COMP_CWORD": "1"}
    assert loaded(variables=asked) & HEAVY == set()


def test_telemetry_status_does_without_click() -> None:
    found = loaded("telemetry", "status")
    assert found & {"click", "shutil", "textwrap", "subprocess", "ssl", "hashlib"} == set()
    assert found & {"afterword.upload.run", "afterword.control.describe"} == set()


def test_a_dry_run_loads_click_and_little_more() -> None:
    found = loaded("init", "-a", "claude", "--dry-run")
    assert "click" in found
    assert found & {"questionary", "hashlib", "shutil", "textwrap"} == set()
    assert found & {"difflib", "atomic.agents.codex", "atomic.running"} == set()
    assert not any(name.startswith("afterword") for name in found)


WORDS = st.sampled_from([
    "init", "run", "update", "uninstall", "telemetry", "config", "completion", "get", "set",
    "status", "schema", "claude", "opencode", "-a", "--agent", "-y", "--yes", "--dry-run", "-f",
    "--here", "--project", "--no-banner", "-h", "--json", "-v", "nonsense", "--nonsense", "--",
    "bash", "true", "on",
])  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@given(
    before=st.lists(WORDS, max_size=4), incomplete=st.sampled_from(["", "-", "--", "u", "c", "t"])
)
def test_what_is_offered_without_click_is_what_click_offers(
    shell: str, before: list[str], incomplete: str
) -> None:
    """Else: python tools/ready.py."""
    words = " ".join(["atomic", *before, incomplete])
    place = incomplete if shell == "fish" else str(len(before) + 1)
    asked = {VARIABLE: f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": place}
    said = answer(asked)
    if said is None:
        return
    kind = get_completion_class(shell)
    assert kind is not None
    with mock.patch.dict(os.environ, asked):
        expected = kind(application, {}, "atomic", VARIABLE).complete()
    assert said.splitlines() == expected.splitlines()


def test_nearly_all_is_offered_without_click() -> None:
    for words in (
        "", "init", "init -a", "init -y --dry-run", "update --project", "config", "config set",
        "telemetry", "telemetry status", "run", "completion",
    ):  # fmt: skip
        assert offers(words.split(), "", load()) is not None, words
        if words != "init -a":
            assert offers(words.split(), "-", load()) is not None, words


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completion_scripts_are_clicks(shell: str, atomic: Run) -> None:
    """Else: python tools/ready.py."""
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(application, {}, "atomic", VARIABLE).source()
    assert atomic("completion", shell).stdout == f"{script}\n"
