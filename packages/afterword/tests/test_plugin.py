"""The pytest plugin, as the tests of somebody's tool use it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import Server, users_environment

TOOL = """
import sys
import click, afterword

@click.group()
def cli(): pass

@cli.command()
def hello(): click.echo("hello")

telemetry = afterword.Telemetry(
    "tool", version="1.0", connection_string={to!r},
    events=[afterword.Event("done", how_many=afterword.Count(), run=afterword.Id())],
    notice=afterword.Notice(where="WHERE", more="MORE"),
)
telemetry.click(cli)
if __name__ == "__main__": cli()
"""
TESTS = """
import os, subprocess, sys
import pytest, tool
from click.testing import CliRunner

def test_without_the_fixture_nothing_is_recorded():
    CliRunner().invoke(tool.cli, ["hello"])
    assert not tool.telemetry.decision().on

def test_what_is_recorded_is_seen(telemetry_events):
    assert telemetry_events == []
    CliRunner().invoke(tool.cli, ["hello"])
    (event,) = telemetry_events
    assert event.pop("duration") in ("<100ms", "100ms-1s", "1s-10s")
    assert event == {"event": "command", "command": "hello", "outcome": "ok", "exit_code": 0}
    tool.telemetry.record("done", how_many=3)
    assert telemetry_events[-1] == {"event": "done", "how_many": 3}
    assert len(telemetry_events) == 2

def test_also_in_processes_that_the_test_starts(telemetry_events):
    subprocess.run([sys.executable, tool.__file__, "hello"], check=True)
    subprocess.run([sys.executable, tool.__file__, "nonsense"])
    assert [event["outcome"] for event in telemetry_events] == ["ok", "usage_error"]
    assert not tool.telemetry.start_upload()

def test_what_is_not_declared_fails(telemetry_events):
    with pytest.raises(Exception, match="must be a whole number; it was 'many'"):
        tool.telemetry.record("done", how_many="many")

def test_the_schema(telemetry_schema):
    telemetry_schema(tool.telemetry)
"""


@pytest.fixture
def theirs(tmp_path: Path, server: Server) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "tool.py").write_text(TOOL.format(to=server.connection_string))
    (folder / "test_tool.py").write_text(TESTS)
    return folder


def run(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
         "-p", "no:randomly", *arguments],
        cwd=folder, env=users_environment(**variables),
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_the_tests_of_a_tool(theirs: Path, home: Path, server: Server) -> None:
    code, said = run(theirs)
    assert (code, "4 passed, 1 failed" in said or "1 failed, 4 passed" in said) == (1, True), said
    assert "write it with: pytest --telemetry-update" in said
    assert run(theirs, "--telemetry-update")[0] == 0
    snapshot = (theirs / "telemetry-schema.txt").read_text().splitlines()
    assert {"done.how_many: count", "command.command = hello"} <= set(snapshot)
    assert run(theirs, CI="1")[0] == 0  # on a CI machine too
    assert list(home.iterdir()) == []
    assert server.requests == []


def test_a_schema_that_grows_fails_and_one_that_shrinks_does_not(theirs: Path, home: Path) -> None:
    only = ("-k", "schema")
    assert run(theirs, "--telemetry-update", *only)[0] == 0
    tool = theirs / "tool.py"
    text = tool.read_text()
    tool.write_text(text.replace("how_many=afterword.Count(),", ""))
    assert run(theirs, *only)[0] == 0
    tool.write_text(text.replace("run=afterword.Id()", "well=afterword.Flag()"))
    code, said = run(theirs, *only)
    assert (code, "done.well: flag" in said) == (1, True)


def test_a_home_is_neither_read_nor_written(theirs: Path, home: Path) -> None:
    """The developer said no to their own tool, and has a variable that says so."""
    data = home / ".local/share/tool"
    data.mkdir(parents=True)
    (data / "telemetry.json").write_text('{"enabled": false, "consentGiven": false}')
    assert run(theirs, "-k", "not schema", DO_NOT_TRACK="1")[0] == 0
    assert [path.name for path in data.iterdir()] == ["telemetry.json"]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (-2, "done.how_many has ended (until {}): remove it, or give it another end"),
        (20, "done.how_many ends soon (until {}): is its question still asked?"),
        (40, None),
    ],
)
def test_it_warns_a_month_before_a_declaration_ends(
    theirs: Path, home: Path, days: int, said: str | None
) -> None:
    day = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    tool = theirs / "tool.py"
    tool.write_text(tool.read_text().replace("Count()", f"Count(until={day!r})"))
    code, told = run(theirs, "--telemetry-update", "-k", "schema")
    assert code == 0, told
    assert ("has ended" in told or "ends soon" in told) is (said is not None)
    assert said is None or said.format(day) in told
