"""Promises 5 and 7: the command ends at once, and the process it leaves behind holds nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Answer, Server, alive, needs, wait_until

from afterword.spawn import looks_in_the_current_folder, reduced_environment

if sys.platform != "win32":
    import pty

Run = Callable[..., subprocess.CompletedProcess[str]]

LOOK = """
import json, os, sys
links = {}
for name in os.listdir("/proc/self/fd"):
    try:
        links[name] = os.readlink("/proc/self/fd/" + name)
    except OSError:
        pass
json.dump({"cwd": os.getcwd(), "sid": os.getsid(0), "pid": os.getpid(), "ppid": os.getppid(),
           "fds": links, "environment": dict(os.environ)}, open(sys.argv[1] + ".new", "w"))
os.rename(sys.argv[1] + ".new", sys.argv[1])
"""

# An application whose uploader, once it has become one, writes down what it is.
APPLICATION = """
import os, sys
from afterword import Event, Telemetry
look = sys.argv[1]
to = "InstrumentationKey=00000000-0000-4000-8000-000000000001;IngestionEndpoint=https://127.0.0.1"
t = Telemetry("app", version="1", events=[Event("e")], connection_string=to,
              uploader=[sys.executable, __file__, look, "upload"])
if sys.argv[2:] == ["upload"]:
    t._upload_alone = lambda **_: exec(open(look + ".py").read(), {"__name__": "look"})
    sys.argv = ["", look]
    t.run_uploader()
t.turn_on()
t.record("e")
"""


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., dict[str, object]]:
    application, seen = tmp_path / "application.py", tmp_path / "seen"
    application.write_text(APPLICATION)
    Path(f"{seen}.py").write_text(LOOK)

    def run(**options: object) -> dict[str, object]:
        subprocess.run(
            [sys.executable, str(application), str(seen)], check=True, timeout=30, **options
        )  # type: ignore[call-overload]
        wait_until(seen.exists)
        found: dict[str, object] = json.loads(seen.read_text())
        return found

    return run


@pytest.mark.posix("sessions, descriptors; test_windows has its own")
def test_what_the_uploader_holds_of_its_parent(
    look: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    handed_down, other_end = os.pipe()
    os.set_inheritable(handed_down, True)
    busy = tmp_path / "busy"
    busy.mkdir()
    secrets = {"ANTHROPIC_API_KEY": "sk-1", "AWS_SECRET_ACCESS_KEY": "s", "GITHUB_TOKEN": "t"}
    needs = {
        "HTTPS_PROXY": "http://p:1",
        "no_proxy": "*",
        "SSL_CERT_FILE": "/c",
        "APP_TELEMETRY": "",
    }
    found = look(
        env={**os.environ, **secrets, **needs}, cwd=busy, pass_fds=[handed_down],
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(handed_down)
    os.close(other_end)
    environment = found["environment"]
    assert isinstance(environment, dict)
    assert not secrets.keys() & environment.keys()
    assert {**needs, "APP_TELEMETRY_UPLOAD": "1"}.items() <= environment.items()
    assert found["cwd"] == "/"
    assert found["sid"] not in (os.getsid(0), found["pid"])  # a session, and not its leader
    assert found["ppid"] != os.getpid()
    descriptors = found["fds"]
    assert isinstance(descriptors, dict)
    assert {descriptors[stream] for stream in "012"} == {"/dev/null"}
    assert not [link for link in descriptors.values() if link.startswith(("pipe:", "/dev/pts"))]


@pytest.mark.posix("a pseudo-terminal")
def test_it_has_no_terminal_to_lose(look: Callable[..., dict[str, object]]) -> None:
    master, terminal = pty.openpty()
    found = look(stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    os.close(master)
    descriptors = found["fds"]
    assert isinstance(descriptors, dict)
    assert not [link for link in descriptors.values() if "pts" in link]


def test_the_environment_is_chosen_by_name() -> None:
    path = os.path.abspath("p")
    given = {"PATH": path, "Https_Proxy": "x", "SECRET": "s", "APP_TELEMETRY_X": "1", "APPS": "s"}
    assert reduced_environment(given, "APP") == {
        "PATH": path, "Https_Proxy": "x", "APP_TELEMETRY_X": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"PYTHONPATH": ""}, {}),
        ({"PYTHONPATH": ":"}, {}),
        ({"PYTHONPATH": "src:/abs::.:../x:/more:"}, {"PYTHONPATH": "/abs:/more"}),
        ({"LD_LIBRARY_PATH": "/opt/lib:"}, {"LD_LIBRARY_PATH": "/opt/lib"}),
        ({"PATH": "/bin:.:bin"}, {"PATH": "/bin"}),
        ({"PYTHONHOME": "venv"}, {}),
        ({"PYTHONPYCACHEPREFIX": "cache", "PYTHONUSERBASE": "x"}, {}),
        ({"PYTHONPYCACHEPREFIX": "/cache"}, {"PYTHONPYCACHEPREFIX": "/cache"}),
        ({"PYTHONSAFEPATH": "1"}, {"PYTHONSAFEPATH": "1"}),
    ],
)
@pytest.mark.posix("colons between folders")
def test_no_folder_is_handed_down_that_depends_on_where_one_stands(
    given: dict[str, str], kept: dict[str, str]
) -> None:
    assert reduced_environment(given, "APP") == kept


WRAPPERS = ("LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES")


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_that_is_preloaded_gets_all_its_variables(wrapper: str) -> None:
    """Which those are only the wrapper knows; without one of them it may connect directly."""
    given = {
        wrapper: "/usr/lib/libwrap.so", "TORSOCKS_TOR_PORT": "9", "PROXYCHAINS_CONF_FILE": "/p",
        "SOME_WRAPPERS_OWN": "1", "LD_LIBRARY_PATH": "relative:", "PYTHONPATH": "relative",
    }  # fmt: skip
    others = {
        "PYTHONSTARTUP": "x", "PYTHONINSPECT": "1", "PYTEST_VERSION": "9", "_PYI_ARCHIVE_FILE": "x",
        "AFTERWORD_TESTING": "1",
    }  # fmt: skip
    reduced = reduced_environment({**given, **others, "APP_TELEMETRY": "1"}, "APP")
    del given["PYTHONPATH"]
    assert reduced == {**given, "APP_TELEMETRY": "1"}
    assert reduced_environment({**given, wrapper: ""}, "APP") == {}


@needs("cc")
@pytest.mark.posix("LD_PRELOAD")
@pytest.mark.skipif(sys.platform == "darwin", reason="LD_PRELOAD is another there")
def test_an_uploader_of_a_wrapped_command_is_wrapped(
    greet: Run, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "wrap.c").write_text(WRAP)
    library, log = tmp_path / "wrap.so", tmp_path / "log"
    build = ["cc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "wrap.c"), "-ldl"]
    subprocess.run(build, check=True, timeout=30)
    greet("telemetry", "on")
    greet("hello", LD_PRELOAD=str(library), WRAP_LOG=str(log))
    wait_until(server.events)
    assert f"connect {server.endpoint.rpartition(':')[2]}\n" in log.read_text()


WRAP = """
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int connect(int fd, const struct sockaddr *to, socklen_t length) {
    FILE *log = getenv("WRAP_LOG") ? fopen(getenv("WRAP_LOG"), "a") : NULL;
    if (log && to->sa_family == AF_INET) {
        fprintf(log, "connect %d\\n", ntohs(((const struct sockaddr_in *)to)->sin_port));
        fclose(log);
    }
    return ((int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect"))(
        fd, to, length);
}
"""

TOOL = """
import os, sys
from afterword import Event, Telemetry

def main():
    uploader = {{
        "own": None,
        "module": [sys.executable, "-m", "tool", "upload"],
        "module, joined": [sys.executable, "-Xutf8", "-W", "ignore", "-mtool", "upload"],
        "code": [sys.executable, "-c", "import tool; tool.main()", "upload"],
        "script": [sys.executable, __file__, "upload"],
    }}[os.environ["GREET_TELEMETRY_WAY"]]
    t = Telemetry("greet", version="1", events=[Event("e")], connection_string={to!r},
                  uploader=uploader)
    if sys.argv[1:] == ["upload"]:
        t.run_uploader()
    if sys.argv[1:] == ["on"]:
        t.turn_on()
    else:
        t.record("e")

if __name__ == "__main__":
    main()
"""
EVIL = """
import os
if os.environ.get("GREET_TELEMETRY_UPLOAD"):
    open({marker!r}, "a").write(__name__)
"""


WAYS = ("own", "module", "module, joined", "code", "script")
PATHS = (None, "", ":", ".", "{tool}:", "{tool}:.", "{tool}::sub")


@pytest.mark.posix("colons between folders")
def test_no_code_of_the_current_folder_runs_in_the_background(
    server: Server, tmp_path: Path
) -> None:
    tool, project, marker = tmp_path / "tool", tmp_path / "project", tmp_path / "marker"
    tool.mkdir()
    (tool / "tool.py").write_text(TOOL.format(to=server.connection_string))
    for folder in (project, project / "sub"):
        folder.mkdir()
        for name in ("sitecustomize", "usercustomize", "datetime", "ssl", "json", "tool", "signal"):
            (folder / f"{name}.py").write_text(EVIL.format(marker=str(marker)))
    command = [sys.executable, str(tool / "tool.py")]
    ways = [
        (way, path)
        for way in WAYS
        for path in PATHS
        if way in ("own", "script") or "{tool}" in (path or "")  # else it is not to be found
    ]
    for at, (way, path) in enumerate(ways):  # a home for each, so that all are at it at once
        home = tmp_path / str(at)
        home.mkdir()
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "GREET_TELEMETRY_WAY": way}
        subprocess.run([*command, "on"], cwd=home, env=environment, check=True, timeout=30)
        if path is not None:
            environment["PYTHONPATH"] = path.format(tool=tool)
        subprocess.run(command, cwd=project, env=environment, check=True, timeout=30)
    waiting = [tmp_path / str(at) / ".local/share/greet" for at in range(len(ways))]
    wait_until(lambda: not any(list(path.glob("telemetry-events*")) for path in waiting), 40)
    assert len(server.events()) == len(ways)
    assert not marker.exists(), marker.read_text()


@pytest.mark.parametrize(
    ("arguments", "looks"),
    [
        (["-m", "x"], True),
        (["-mx"], True),
        (["-Im", "x"], True),
        (["-W", "ignore", "-X", "dev", "-m", "x"], True),
        (["-Wm", "-Xm", "x.py"], False),
        (["-SW", "m", "-c", "x"], True),
        (["/x.py", "-m", "-c"], False),
        (["--upload", "-c"], True),
        (["--command"], False),
        ([], False),
    ],
)
def test_what_puts_the_current_folder_on_the_path(arguments: list[str], looks: bool) -> None:
    assert looks_in_the_current_folder(("/usr/bin/python3", *arguments)) is looks


def test_an_uploader_without_a_full_path_is_not_started(server: Server, tmp_path: Path) -> None:
    """It would be looked for in the current folder."""
    (tmp_path / "upload").write_text("#!/bin/sh\ntouch started\n")
    (tmp_path / "upload").chmod(0o700)
    code = f"""
from afterword import Event, Telemetry
t = Telemetry("app", version="1", events=[Event("e")], uploader=["./upload"],
              connection_string={server.connection_string!r})
t.turn_on()
t.record("e")
assert not t.start_upload()
assert "full path" in t.why_no_uploader()
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=30)
    assert not (tmp_path / "started").exists()


def test_a_command_sends_its_event_after_its_last_word(
    greet: Run, greet_folder: Path, server: Server
) -> None:
    greet("telemetry", "on")
    assert not server.requests
    done = greet("hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello, world\n", "")
    wait_until(lambda: not list(greet_folder.glob("telemetry-events*")))
    (event,) = server.events()
    assert (event["word"], event["success"]) == ("hello", "True")
    wait_until(lambda: not (greet_folder / "telemetry-upload.lock").exists())


def test_the_exit_code_and_the_output_are_the_commands_own(
    greet: Run, greet_folder: Path, server: Server
) -> None:
    greet("telemetry", "on")
    server.script = lambda _n, _r: Answer(hang=True)
    failed = greet("dance")
    assert failed.returncode == 2
    assert "invalid choice" in failed.stderr
    assert greet("hello").stdout == "hello, world\n"  # ends while the server hangs
    assert len(list(greet_folder.glob("telemetry-events*"))) == 1
    wait_until(lambda: server.requests)


@needs("strace")
def test_no_uploader_while_the_last_failure_cools_down(
    greet: Run, greet_folder: Path, server: Server
) -> None:
    greet("telemetry", "on")
    server.script = lambda _n, _r: Answer(402, b"")
    greet("hello")
    wait_until((greet_folder / "telemetry-upload.json").exists)
    wait_until(lambda: not (greet_folder / "telemetry-upload.lock").exists())
    assert len(server.requests) == 1
    trace = greet_folder / "strace"
    greet(
        "hello",
        before=["strace", "-f", "-e", "trace=execve,fork,vfork,clone,clone3", "-o", str(trace)],
    )
    assert trace.read_text().count("execve(") == 1  # the command itself, and no other
    assert "fork" not in trace.read_text()
    server.script = lambda _n, _r: Answer()
    assert greet("telemetry", "upload").returncode == 0  # by hand: a person asked
    assert len(server.events()) == 1 + 2


def test_an_uploader_never_starts_another(greet: Run, greet_folder: Path, server: Server) -> None:
    greet("telemetry", "on")
    greet("hello", GREET_TELEMETRY_UPLOAD="1")
    assert (greet_folder / "telemetry-events.jsonl").exists()
    assert server.requests == []


@needs("strace")
def test_off_starts_nothing_and_writes_nothing(greet: Run, home: Path, tmp_path: Path) -> None:
    trace = tmp_path / "strace"
    greet("hello", before=["strace", "-f", "-o", str(trace)])
    assert list(home.iterdir()) == []
    calls = trace.read_text()
    assert calls.count("execve(") == 1
    assert "telemetry-events" not in calls


@pytest.mark.posix("SIGSTOP")
def test_nobody_waits_for_a_stopped_uploader(
    greet: Run, greet_folder: Path, server: Server
) -> None:
    greet("telemetry", "on")
    server.script = lambda _n, _r: Answer(hang=True)
    greet("hello")
    wait_until(lambda: server.requests)
    lock = greet_folder / "telemetry-upload.lock"
    holders = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and _holds(entry, lock)
    ]
    assert len(holders) == 1
    os.kill(holders[0], signal.SIGSTOP)
    try:
        assert greet("hello").stdout == "hello, world\n"
    finally:
        os.kill(holders[0], signal.SIGCONT)
        os.kill(holders[0], signal.SIGTERM)
    wait_until(lambda: not alive(holders[0]), 5)


def _holds(process: Path, path: Path) -> bool:
    try:
        return any(entry.readlink() == path for entry in (process / "fd").iterdir())
    except OSError:
        return False
