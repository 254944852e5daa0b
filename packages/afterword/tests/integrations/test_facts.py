"""What can be added to the event `command`: which agent, how it was installed, which system.

And how long a run took.
"""

import platform
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from afterword import Telemetry, schema
from afterword.integrations import facts, run
from afterword.integrations.agents import agent_of


@pytest.mark.parametrize(
    ("variables", "agent"),
    [
        ({}, "none"),
        ({"CLAUDECODE": "1"}, "claude"),
        ({"CLAUDE_CODE": "1"}, "claude"),
        ({"CODEX_SANDBOX": "seatbelt"}, "codex"),
        ({"CODEX_THREAD_ID": "x"}, "codex"),
        ({"CURSOR_AGENT": "1"}, "cursor"),
        ({"GEMINI_CLI": "1"}, "gemini"),
        ({"COPILOT_CLI": "1"}, "copilot"),
        ({"AI_AGENT": "github_copilot_cli"}, "copilot"),
        ({"OPENCODE": "1"}, "opencode"),
        ({"ANTIGRAVITY_AGENT": "1"}, "antigravity"),
        ({"AUGMENT_AGENT": "1"}, "augment"),
        ({"AMP_CURRENT_THREAD_ID": "x"}, "amp"),
        ({"AGENT": "amp"}, "amp"),
        ({"AGENT": "goose"}, "goose"),
        ({"PI_CODING_AGENT": "1"}, "pi"),
        ({"CLINE_ACTIVE": "true"}, "cline"),
        ({"DROID_CLI": "1"}, "droid"),
        ({"KIMI_CLI": "1"}, "kimi"),
        ({"AI_AGENT": "claude-code_2-1-232_agent"}, "other"),
        ({"AGENT": "somebody's own"}, "other"),
        ({"AI_AGENT": "claude-code_2-1-232_agent", "CLAUDECODE": "1"}, "claude"),
        ({"AGENT": "goose", "PI_CODING_AGENT": "1"}, "goose"),  # the first of the list
        ({"COPILOT_CLI": "1", "CLAUDECODE": "1"}, "claude"),
        ({"CLAUDECODE": ""}, "none"),
        # People have these too:
        ({"CURSOR_TRACE_ID": "x", "REPL_ID": "x", "GEMINI_CLI_HOME": "/x"}, "none"),
        ({"TERM_PROGRAM": "vscode"}, "none"),
    ],
)
def test_agents_are_told_by_their_variables(variables: dict[str, str], agent: str) -> None:
    assert agent_of(variables) == agent
    assert agent in schema.AGENTS


@pytest.mark.parametrize(
    ("file", "prefix", "frozen", "how"),
    [
        ("/x/venv/lib/python3.12/site-packages/tool/cli.py", "/x/venv", False, "pip"),
        ("/usr/lib/python3/dist-packages/tool/cli.py", "/usr", False, "system"),
        ("/usr/local/lib/python3.12/dist-packages/tool/cli.py", "/usr/local", False, "pip"),
        ("/opt/homebrew/Cellar/tool/1.0/libexec/lib/site-packages/tool.py", "/x", False, "brew"),
        (r"C:\Users\me\venv\Lib\site-packages\tool\cli.py", r"C:\Users\me\venv", False, "pip"),
        ("/home/me/src/tool/cli.py", "/usr", False, "source"),
        ("", "/usr", False, "source"),
        ("/x/tool", "/x", True, "frozen"),
    ],
)
def test_how_it_was_installed(file: str, prefix: str, frozen: bool, how: str) -> None:
    assert facts.installed_by(file, prefix, frozen=frozen) == how


@pytest.mark.parametrize(
    ("left", "how"), [("pipx_metadata.json", "pipx"), ("uv-receipt.toml", "uv")]
)
def test_installers_leave_a_file(tmp_path: Path, left: str, how: str) -> None:
    (tmp_path / left).touch()
    file = str(tmp_path / "lib/python3.12/site-packages/tool.py")
    assert facts.installed_by(file, str(tmp_path), frozen=False) == how


def test_the_systems_version_is_its_major_one() -> None:
    found = facts.major_version()
    assert found is not None
    if sys.platform == "darwin":
        assert found == int(platform.mac_ver()[0].partition(".")[0])
    elif sys.platform == "win32":
        assert found in (10, 11)
    else:
        assert found == int(platform.release().partition(".")[0])


def test_every_fact_fits_its_declaration() -> None:
    for name in ("agent", "install", "os_version", "python", "terminal"):
        value = facts.value_of(name, {"CLAUDECODE": "1"}, __file__)
        assert facts.field_of(name).accepts(value), name


def test_the_time_for_the_answer_is_no_part_of_the_duration(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def work(seconds: float) -> bool:
        now[0] += seconds
        return True

    recorded: list[dict[str, object]] = []
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(run, "_is_somebody_there", lambda: True)
    monkeypatch.setattr(telemetry, "ask", lambda: work(600))
    monkeypatch.setattr(telemetry, "record_fields", lambda _event, fields: recorded.append(fields))
    watch = run.plain(telemetry)
    telemetry.turn_on()  # with what is declared now
    one = run.Run(watch)
    work(1)
    one.reach()
    work(2)
    one.end("ok", 0)
    assert [fields["duration"] for fields in recorded] == [3]
