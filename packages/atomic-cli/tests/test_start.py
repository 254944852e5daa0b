"""What is quick stays quick: by what is imported for it, since imports are the whole cost."""

import subprocess
import sys

import atomic_support as payloads
import pytest
from atomic_support import Run, environment

from atomic.cli import help_text

HEAVY = {
    "argparse", "asyncio", "click", "contextlib", "dataclasses", "datetime", "email", "enum",
    "fcntl", "functools", "hashlib", "importlib.metadata", "importlib.resources", "inspect",
    "json", "logging", "pathlib", "platform", "re", "shutil", "signal", "socket", "ssl",
    "subprocess", "tempfile", "threading", "typing", "uuid",
}  # fmt: skip
JSON = {"json", "re", "enum", "functools"}  # json loads the others


def loaded(*arguments: str, stdin: str = "") -> set[str]:
    """What `atomic ARGUMENTS` has imported over what Python itself had."""
    code = (
        "import sys; had = set(sys.modules); from atomic.__main__ import main; main();"
        "sys.stderr.write(' '.join(set(sys.modules) - had))"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        input=stdin,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return set(ended.stderr.split())


@pytest.mark.parametrize("arguments", [["--version"], ["-v"], ["--help"], ["-h"], []])
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
    """Else: python -c 'from atomic.cli import help_text; print(help_text(), end="")' > help.txt."""
    for arguments in ([], ["-h"], ["--help"], ["--no-banner", "--help"]):
        shown = atomic(*arguments)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout == help_text()


def test_a_narrow_terminal_gets_narrow_help(atomic: Run) -> None:
    shown = atomic("--help", variables={"COLUMNS": "50"})
    assert max(len(line) for line in shown.stdout.splitlines()) <= 50
