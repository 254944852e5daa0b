"""Promises 1 and 8: asked, seen, turned off; through the click commands an application mounts."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support import Server, needs

from afterword import Telemetry
from afterword.folder import HOME_VARIABLE

if sys.platform != "win32":
    import pty

APPLICATION = """
import sys
import click
from afterword import Event, Flag, Notice, OneOf, Telemetry
from afterword.integrations.click import telemetry_command
connection_string, policy, declares = (sys.argv.pop(1) for _ in range(3))
more = {} if declares == "1" else {"more": Flag(optional=True)}
t = Telemetry("app", version="1.2.3", connection_string=connection_string, policy=policy,
              events=[Event("done", "A job is done.", what=OneOf("build", "test"), **more)],
              notice=Notice(where="WHERE", more="MORE"), uploader=())

@click.group()
def cli(): pass

@cli.command()
@click.option("--yes", is_flag=True)
def init(yes):
    on = t.ask(interactive=False if yes else None)
    t.record("done", what="build")
    click.echo("on" if on else "off")

cli.add_command(telemetry_command(t, cli))
cli()
"""

App = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy.json"


@pytest.fixture
def command(server: Server, policy: Path, tmp_path: Path) -> Callable[..., list[str]]:
    path = tmp_path / "application.py"
    path.write_text(APPLICATION)

    def command(*arguments: str, notice: int = 1) -> list[str]:
        start = [sys.executable, str(path), server.connection_string, str(policy), str(notice)]
        return [*start, *arguments]

    return command


@pytest.fixture
def app(command: Callable[..., list[str]]) -> App:
    def run(
        *arguments: str, notice: int = 1, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments, notice=notice),
            env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def at_terminal(command: Callable[..., list[str]]) -> Callable[..., tuple[str, str]]:
    """Run on a terminal and type; what stdout got (a pipe), and what the terminal showed."""

    def run(
        *arguments: str,
        types: str,
        notice: int = 1,
        before: Sequence[str] = (),
        code: int = 0,
        **environment: str,
    ) -> tuple[str, str]:
        master, terminal = pty.openpty()
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *before, *command(*arguments, notice=notice)],
            stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **environment},
        )  # fmt: skip
        os.close(terminal)
        shown = b""
        typed = False
        while piece := _read(master):
            shown += piece
            if b"[y/N]" in shown and not typed:
                os.write(master, types.encode())
                typed = True
        out, _ = process.communicate(timeout=20)
        os.close(master)
        assert process.returncode == code
        return out, shown.decode()

    return run


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that nobody has the other end open any more
        return b""


@needs("setsid")
@pytest.mark.parametrize(
    ("typed", "on"),
    [
        ("y\n", True),
        ("yes\n", True),
        ("\n", False),
        ("n\n", False),
        ("\x04", False),
    ],
)
def test_the_question(
    at_terminal: Callable[..., tuple[str, str]], home: Path, typed: str, on: bool
) -> None:
    out, shown = at_terminal("init", types=typed)
    assert out == ("on\n" if on else "off\n")  # stdout is the command's own
    told = ("A job is done (what)", "never", "WHERE", "MORE", "app telemetry off")
    for said in (*told, "DO_NOT_TRACK=1", "random id"):
        assert said.lower() in shown.lower()
    assert max(len(line) for line in shown.splitlines()) <= 80
    state = json.loads((home / ".local/share/app/telemetry.json").read_text())
    assert (state["enabled"], state["consentGiven"]) == (on, on)
    assert state.get("agreed") == ("done:event done.what:word" if on else None)
    assert (state["anonymousId"] is not None) is on
    again, shown = at_terminal("init", types="")  # kept, and not asked again
    assert (again, shown) == (out, "")


@needs("setsid")
@needs("strace")
def test_ctrl_c_before_the_answer_is_read_is_not_lost(
    at_terminal: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    """Each write takes half a second to return: Ctrl-C comes between the prompt and the read."""
    slow = ["strace", "-o", str(tmp_path / "trace"), "-e", "inject=write:delay_exit=500000"]
    slow += ["--seccomp-bpf", "-f", "-e", "trace=write"]
    out, shown = at_terminal("init", types="\x03", before=slow, code=1)
    assert (out, "Aborted!" in shown) == ("", True)
    assert "SIGINT" in (tmp_path / "trace").read_text()


@needs("setsid")
def test_ctrl_c_stops_the_command_and_answers_nothing(
    at_terminal: Callable[..., tuple[str, str]], home: Path
) -> None:
    out, shown = at_terminal("init", types="\x03", code=1)
    assert (out, "Traceback" in shown) == ("", False)
    assert list(home.iterdir()) == []
    assert at_terminal("init", types="n\n")[0] == "off\n"  # asked anew


@needs("setsid")
@pytest.mark.parametrize(
    "variable", ["CLAUDECODE", "CODEX_CI", "GEMINI_CLI", "AI_AGENT", "AGENT", "CURSOR_AGENT"]
)
def test_a_coding_agent_is_not_asked(
    at_terminal: Callable[..., tuple[str, str]], home: Path, variable: str
) -> None:
    assert at_terminal("init", types="y\n", **{variable: "1"}) == ("off\n", "")
    assert list(home.iterdir()) == []


@needs("setsid")
def test_asked_again_when_more_is_collected_and_silent_until_answered(
    at_terminal: Callable[..., tuple[str, str]], app: App, home: Path
) -> None:
    at_terminal("init", types="y\n")
    buffer = home / ".local/share/app/telemetry-events.jsonl"
    recorded = buffer.read_bytes()
    assert app("init", notice=2).stdout == "off\n"
    assert buffer.read_bytes() == recorded
    assert "more is collected" in app("telemetry", "status", notice=2).stdout
    out, shown = at_terminal("init", types="y\n", notice=2)
    assert out == "on\n"
    assert re.search(r"New: +done\.more", shown)
    assert at_terminal("init", types="", notice=1) == ("on\n", "")  # an older version beside it
    assert at_terminal("init", types="", notice=2) == ("on\n", "")


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["init", "--yes"], {}),
        (["init"], {}),
        (["init"], {"CI": "1"}),
        (["init"], {"DO_NOT_TRACK": "1"}),
    ],
)
def test_not_asked_and_nothing_written(
    app: App, home: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    done = app(*arguments, **environment)
    assert (done.stdout, done.stderr) == ("off\n", "")
    assert list(home.iterdir()) == []


@needs("setsid")
@pytest.mark.parametrize("text", ['{"enabled": false}', '{"enabled": "no"}', "nonsense", ""])
def test_a_policy_can_forbid(
    app: App, at_terminal: Callable[..., tuple[str, str]], policy: Path, text: str
) -> None:
    app("telemetry", "on")
    policy.write_text(text)
    out, shown = at_terminal("init", types="")
    assert (out, shown) == ("off\n", "")
    status = app("telemetry", "status").stdout
    assert f"off: {'forbidden by' if 'enabled' in text else ''}" in status
    assert str(policy) in status


def test_a_policy_cannot_turn_it_on(app: App, policy: Path) -> None:
    policy.write_text('{"enabled": true}')
    assert "off: nobody has been asked yet" in app("telemetry", "status").stdout


def test_a_policy_can_say_where_to(app: App, policy: Path) -> None:
    theirs = "InstrumentationKey=22222222-0000-4000-8000-000000000001;IngestionEndpoint=https://own.example/"
    policy.write_text(json.dumps({"connectionString": theirs}))
    told = json.loads(app("telemetry", "status", "--json").stdout)
    assert told["destination"] == "https://own.example/"


def test_status_says_why(app: App, home: Path) -> None:
    for environment, reason in [
        ({}, "off: nobody has been asked yet, or nobody has answered"),
        ({"CI": "true"}, "off: this is a CI machine: CI is set"),
        ({"GITHUB_ACTIONS": "1"}, "off: this is a CI machine: GITHUB_ACTIONS is set"),
        ({"APP_TELEMETRY": "off"}, "off: APP_TELEMETRY=off"),
        ({"DO_NOT_TRACK": "true"}, "off: DO_NOT_TRACK=true"),
    ]:
        assert reason in app("telemetry", "status", **environment).stdout
    assert list(home.iterdir()) == []  # looking writes nothing
    app("telemetry", "on")
    assert "on since 20" in app("telemetry", "status").stdout
    app("telemetry", "off")
    assert "off: turned off on 20" in app("telemetry", "status").stdout


def test_status_counts_what_waits_and_tells_of_the_last_upload(
    app: App, telemetry: Telemetry, server: Server, home: Path
) -> None:
    telemetry.record("done", what="build")
    telemetry.upload()
    telemetry.record("done", what="build")
    telemetry.record("done", what="test")
    told = json.loads(app("telemetry", "status", "--json").stdout)
    folder = str(home / ".local/share/app")
    state = json.loads((home / ".local/share/app/telemetry.json").read_text())
    assert told["on"] is True
    assert told["waiting"]["events"] == 2
    assert told["waiting"]["bytes"] > 400
    assert told["lastUpload"]["sent"] == 1
    assert told["lastUpload"]["error"] is None
    assert told["anonymousId"] == state["anonymousId"]
    assert told["idChangesAt"].endswith("-01T00:00:00.000Z")
    assert told["destination"] == server.endpoint + "/"
    assert os.path.join(folder, "telemetry-events.jsonl") in told["files"]
    text = app("telemetry", "status").stdout
    assert "2 events, " in text
    assert "1 sent, 0 kept" in text


def test_show_is_what_would_be_sent(
    app: App, telemetry: Telemetry, server: Server, home: Path
) -> None:
    assert app("telemetry", "show").stdout == "Nothing waits.\n"
    assert json.loads(app("telemetry", "show", "--json").stdout) == []
    telemetry.record("done", what="build")
    telemetry.record("done", what="test")
    with (home / ".local/share/app/telemetry-events.jsonl").open("a") as file:
        file.write("garbage\n")
    table = app("telemetry", "show").stdout.splitlines()
    assert len(table) == 3
    assert "what=build" in table[1]
    shown = json.loads(app("telemetry", "show", "--json").stdout)
    assert server.requests == []
    telemetry.upload()
    assert server.requests[0].envelopes == shown


def test_off_deletes_and_says_so(app: App, telemetry: Telemetry, home: Path) -> None:
    for _ in range(3):
        telemetry.record("done", what="build")
    off = app("telemetry", "off").stdout
    assert off == (
        "Telemetry is off. Deleted: 3 events that waited, the id, and the copy of what was sent.\n"
    )
    assert [path.name for path in (home / ".local/share/app").iterdir()] == ["telemetry.json"]
    assert app("telemetry", "on").stdout == "Telemetry is on.\n"
    assert (
        "nothing is recorded here: DO_NOT_TRACK=1"
        in app("telemetry", "on", DO_NOT_TRACK="1").stderr
    )


def test_off_deletes_what_a_killed_process_has_left(
    app: App, telemetry: Telemetry, home: Path
) -> None:
    telemetry.record("done", what="build")
    data = home / ".local/share/app"
    (data / "telemetry-events.000001.jsonl.4711.tmp").write_bytes(b"{}\n")
    app("telemetry", "off")
    assert [path.name for path in data.iterdir()] == ["telemetry.json"]


def test_reset_makes_a_new_id_and_empties_the_buffer(
    app: App, telemetry: Telemetry, home: Path
) -> None:
    telemetry.record("done", what="build")
    path = home / ".local/share/app/telemetry.json"
    before = json.loads(path.read_text())["anonymousId"]
    assert app("telemetry", "reset").stdout.startswith("Deleted: 1 event that waited")
    assert json.loads(path.read_text())["anonymousId"] not in (before, None)
    assert not (path.parent / "telemetry-events.jsonl").exists()


def test_schema_lists_every_field(app: App) -> None:
    told = json.loads(app("telemetry", "schema", "--json").stdout)
    (done,) = [event for event in told["events"] if event["name"] == "done"]
    assert [field["name"] for field in done["fields"]] == ["what"]
    assert done["fields"][0]["words"] == ["build", "test"]
    assert "| `what` | one of build, test |" in app("telemetry", "schema").stdout


def test_log_prints_what_would_be_recorded_and_records_nothing(
    app: App, home: Path, server: Server
) -> None:
    done = app("init", APP_TELEMETRY="log")
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["what"] == "build"
    assert done.stdout == "off\n"
    assert list(home.iterdir()) == []


def test_an_answer_that_cannot_be_kept_is_said(app: App, home: Path) -> None:
    (home / ".local").write_text("a file where the folder should be")
    done = app("telemetry", "on")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    homeless = app("telemetry", "off", **{HOME_VARIABLE: ""})
    assert HOME_VARIABLE in homeless.stderr


def with_no_room(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.posix("a limit on a file's size")
def test_off_needs_no_room_on_the_disk(
    app: App, command: Callable[..., list[str]], home: Path
) -> None:
    app("telemetry", "on")
    app("init", APP_TELEMETRY_UPLOAD="1")  # waits: nobody starts an uploader
    done = with_no_room(command("telemetry", "off"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Telemetry is off. Deleted: 1 event that waited" in done.stdout
    assert app("init").stdout == "off\n"
    assert not list((home / ".local/share/app").glob("telemetry-events*"))


@pytest.mark.posix("a limit on a file's size")
def test_on_without_room_on_the_disk_names_the_file(
    app: App, command: Callable[..., list[str]], home: Path
) -> None:
    done = with_no_room(command("telemetry", "on"))
    folder = home / ".local/share/app"
    assert done.returncode == 1
    assert re.search(rf"Error: {folder}/[a-z.]+: File too large\. Nothing was", done.stderr)
    assert app("init").stdout == "off\n"


def test_reset_makes_no_id_while_it_is_off(app: App) -> None:
    assert "so there is no id" in app("telemetry", "reset").stdout
    app("telemetry", "on")
    assert "There is a new id" in app("telemetry", "reset").stdout


def test_without_a_home_there_are_no_files(app: App) -> None:
    assert app("telemetry", "status", **{HOME_VARIABLE: ""}).stdout.endswith("Files         none\n")


@pytest.mark.parametrize("closed", ["<&-", "2>&-"])
@pytest.mark.posix("a shell that closes streams")
def test_nobody_is_asked_where_a_stream_is_closed(
    command: Callable[..., list[str]], closed: str, home: Path
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command("init")],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "off\n", "")
    assert list(home.iterdir()) == []


@pytest.mark.posix("modes of folders")
def test_a_folder_that_others_can_write_to_is_said_once(app: App, home: Path) -> None:
    folder = home / ".local/share/app"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    done = app("telemetry", "on")
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: {folder} can be written to by others (mode 0777); remove it, or make it a folder "
        "that only you can write to. Nothing was changed.\n"
    )
