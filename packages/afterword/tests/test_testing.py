"""The helper for an application's own tests."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from support import Server, users_environment, wait_until

from afterword import Count, Event, Outcome, Telemetry
from afterword.errors import UndeclaredError
from afterword.testing import recorded


def test_it_shows_what_was_recorded_and_leaves_nothing_changed(
    make: Callable[..., Telemetry], home: Path
) -> None:
    telemetry = make(environment={"CI": "true"}, uploader=["/bin/false"])
    assert telemetry.declared  # made on first use, and kept
    before = dict(vars(telemetry))
    with recorded(telemetry) as events:
        telemetry.record("done", what="build", words=["a", "b"])
        with telemetry.command("done", what="test"):
            pass
        telemetry.record("session", words=["c"])
    assert events == [
        {"event": "done", "what": "build", "words": ["a", "b"]},
        {"event": "done", "what": "test", "success": True},
        {"event": "session", "words": ["c"]},
    ]
    assert vars(telemetry) == before
    assert list(home.iterdir()) == []


def test_it_is_strict_and_restores_even_then(make: Callable[..., Telemetry]) -> None:
    telemetry = make(strict=False)
    with pytest.raises(UndeclaredError), recorded(telemetry):
        telemetry.record("done", what="something else")
    telemetry.record("done", what="something else")  # silent again


def test_nothing_recorded_is_an_empty_list(make: Callable[..., Telemetry]) -> None:
    with recorded(make()) as events:
        pass
    assert events == []


@pytest.mark.parametrize(
    ("leaves", "success"),
    [
        (None, True),
        (SystemExit(0), True),
        (SystemExit(None), True),
        (SystemExit(3), False),
        (SystemExit("message"), False),
        (click.exceptions.Exit(0), True),  # typer.Exit is the same class
        (click.exceptions.Exit(2), False),
        (KeyboardInterrupt(), False),
        (ValueError("x"), False),
    ],
)
def test_a_command_records_how_it_ended_and_ends_so(
    make: Callable[..., Telemetry], leaves: BaseException | None, success: bool
) -> None:
    telemetry = make()

    def run() -> None:
        with telemetry.command("done", what="build"):
            if leaves is not None:
                raise leaves

    with recorded(telemetry) as events:
        if leaves is None:
            run()
        else:
            with pytest.raises(type(leaves)) as left:
                run()
            assert left.value is leaves
    assert events == [{"event": "done", "what": "build", "success": success}]


TOOL = """
import sys
from afterword import Event, OneOf, Telemetry
telemetry = Telemetry("tool", version="1", events=[Event("done", what=OneOf("a", "b"))],
                      connection_string={to!r},
                      uploader=[sys.executable, "-c", "open({started!r}, 'w')"])
if __name__ == "__main__":
    telemetry.record("done", what="b")
"""
CARELESS = """
import subprocess, sys, tool

def test_the_tool():
    tool.telemetry.record("done", what="a")
    subprocess.run([sys.executable, tool.__file__], check=True)
    assert not tool.telemetry.start_upload()
"""
CAREFUL = """
import tool
from afterword.testing import recorded

def test_the_tool():
    with recorded(tool.telemetry) as events:
        tool.telemetry.record("done", what="a")
    assert events == [{"event": "done", "what": "a"}]
"""


WITH_THE_FIXTURE = """
import tool

def test_the_tool(telemetry_events):
    tool.telemetry.record("done", what="a")
    assert telemetry_events == [{"event": "done", "what": "a"}]
"""
WITH_WORKERS = """
import multiprocessing

import tool

def test_the_tool():
    worker = multiprocessing.Process(target=print)
    worker.start()
    worker.join()
"""


@pytest.mark.parametrize("test", [CARELESS, CAREFUL, WITH_THE_FIXTURE, WITH_WORKERS])
def test_under_pytest_nothing_is_recorded_or_started_unless_the_test_asks(
    server: Server, tmp_path: Path, home: Path, test: str
) -> None:
    """The developer has said yes to their own tool, and an event of theirs waits."""
    started = tmp_path / "started"
    tool = TOOL.format(to=server.connection_string, started=started.as_posix())
    (tmp_path / "tool.py").write_text(tool)
    (tmp_path / "test_tool.py").write_text(test)
    plain = users_environment()
    agree = "import tool; tool.telemetry.turn_on(); tool.telemetry.uploader = (); "
    recording = [sys.executable, "-c", f"{agree} tool.telemetry.record('done', what='b')"]
    subprocess.run(recording, cwd=tmp_path, env=plain, check=True, timeout=30)
    buffer = home / ".local/share/tool/telemetry-events.jsonl"
    before = buffer.read_text()
    assert before.count("\n") == 1
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=tmp_path, env=plain, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    assert buffer.read_text() == before
    assert not started.exists()
    subprocess.run([sys.executable, "tool.py"], cwd=tmp_path, env=plain, check=True, timeout=30)
    wait_until(started.exists)  # it is the test that makes the difference


STRICT = """
import sys
from afterword import Duration, Event, Flag, OneOf, Outcome, Telemetry
telemetry = Telemetry("tool", version="1", connection_string={to!r}, uploader=(), events=[
    Event("done", what=OneOf("a", "b"), outcome=Outcome(), duration=Duration())])
if {agreed}: telemetry.turn_on()
try:
    with telemetry.command("done", what={what!r}) as command:
        print("in the block")
        {block}
except Exception as error:
    print(type(error).__name__, error)
"""


NOT_DECLARED = (
    "afterword: not recorded: done declares no field 'nonsense'; "
    "its fields: what, outcome, duration\n"
)


@pytest.mark.parametrize(
    ("what", "block", "variables", "printed", "complaint"),
    [
        ("a", "pass", {"TOOL_TELEMETRY_STRICT": "1"}, ["in the block"], ""),
        (
            "z", "pass", {"TOOL_TELEMETRY_STRICT": "1"},
            ["UndeclaredError done.what must be one of a, b; it was 'z'"], "",
        ),
        (  # never in place of the application's own exception
            "a", "command.fields['nonsense'] = 1; raise KeyError('theirs')",
            {"TOOL_TELEMETRY_STRICT": "1"}, ["in the block", "KeyError 'theirs'"],
            NOT_DECLARED,
        ),
        (
            "z", "pass", {"TOOL_TELEMETRY": "log"}, ["in the block"],
            "afterword: not recorded: done.what must be one of a, b; it was 'z'\n",
        ),
        ("z", "pass", {}, ["in the block"], ""),  # in the hands of a user
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_is_made(  # noqa: PLR0917  # a case and its fixtures
    server: Server, tmp_path: Path, what: str, block: str,
    variables: dict[str, str], printed: list[str], complaint: str,
) -> None:  # fmt: skip
    text = STRICT.format(to=server.connection_string, agreed=True, what=what, block=block)
    (tmp_path / "tool.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "tool.py"],
        cwd=tmp_path, env=users_environment(**variables),
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (printed, complaint, 0)


def test_a_block_records_of_the_usual_fields_those_that_are_declared(
    make: Callable[..., Telemetry],
) -> None:
    telemetry = make(events=[Event("plain"), Event("full", outcome=Outcome(), exit_code=Count())])
    with recorded(telemetry) as events:
        with telemetry.command("plain"):
            pass
        with pytest.raises(SystemExit), telemetry.command("full"):
            sys.exit(3)
    assert events == [{"event": "plain"}, {"event": "full", "outcome": "failed", "exit_code": 3}]
