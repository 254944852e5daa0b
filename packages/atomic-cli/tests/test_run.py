"""`atomic run`: the agent behaves as if it had been called itself. Real processes, signals, ptys.

Each test runs in both ways: with telemetry off the agent takes atomic's place, with telemetry on
atomic waits for it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from atomic_support import ATOMIC, Event, Run, environment
from support import Server, wait_until
from terminals import Terminal

if sys.platform != "win32":
    import termios

Events = Callable[[], list[Event]]
Program = Callable[[str, str], Path]


@pytest.fixture(params=["replaced", "waited for"], autouse=True)
def telemetry_on(request: pytest.FixtureRequest, atomic: Run) -> bool:
    if request.param == "waited for":
        atomic("config", "set", "telemetry", "true")
        return True
    return False


def test_arguments_streams_and_exit_code(atomic: Run, program: Program) -> None:
    program("claude", 'printf "<%s>" "$0" "$@"; cat; echo error >&2; exit 3')
    ended = atomic("-a", "claude", "--", "/commit fix it", "", "--", "-x", "ä *", stdin="input")
    name, _, rest = ended.stdout.partition(">")
    assert name.endswith("claude")
    assert rest == "</commit fix it><><--><-x><ä *>input"
    assert (ended.stderr, ended.returncode) == ("error\n", 3)


@pytest.mark.parametrize(
    "command",
    [
        ["run", "claude", "--", "-p", "x"],
        ["run", "claude", "-p", "x"],
        ["-a", "claude", "--", "-p", "x"],
        ["-aclaude", "--no-banner", "--", "-p", "x"],
        ["--agent=claude", "--", "-p", "x"],
        ["--no-banner", "--agent", "claude", "--", "-p", "x"],
    ],
)
def test_the_ways_to_say_it(command: list[str], atomic: Run, program: Program) -> None:
    program("claude", 'echo "$@"')
    ended = atomic(*command)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("-p x\n", "", 0)


@pytest.mark.parametrize(
    "command",
    [["run", "claude"], ["-a", "claude"], ["-a", "claude", "--"], ["run", "claude", "--"]],
)
def test_without_arguments(command: list[str], atomic: Run, program: Program) -> None:
    program("claude", 'echo "$#"')
    assert atomic(*command).stdout == "0\n"


def test_options_of_the_agent_are_not_ours(atomic: Run, program: Program) -> None:
    program("claude", 'echo "$@"')
    assert atomic("run", "claude", "--help").stdout == "--help\n"
    assert atomic("run", "claude", "-a", "x", "--version").stdout == "-a x --version\n"
    assert atomic("-a", "claude", "--", "--upload-telemetry").stdout == "--upload-telemetry\n"


def test_a_command_for_atomic_after_an_agent_is_asked_about(atomic: Run) -> None:
    said = atomic("-a", "claude", "init")
    assert said.returncode == 2
    assert "atomic -a claude -- init" in said.stderr


def test_an_agent_that_is_not_installed(atomic: Run, events: Events, telemetry_on: bool) -> None:
    said = atomic("run", "copilot", "--", "/commit")
    assert (said.returncode, said.stdout) == (127, "")
    assert "GitHub Copilot CLI is not installed" in said.stderr
    assert "npm install -g @github/copilot" in said.stderr
    recorded = [(event["eventType"], event.get("success")) for event in events()]
    assert recorded == ([("atomic_command", False)] if telemetry_on else [])


def test_an_agent_that_cannot_be_run(atomic: Run, program: Program) -> None:
    program("claude", "").write_text("#!/no/such/interpreter\n")
    said = atomic("run", "claude")
    assert said.returncode == 126
    assert "cannot be run" in said.stderr


def test_what_is_recorded(
    atomic: Run, program: Program, events: Events, telemetry_on: bool
) -> None:
    program("claude", "exit 0")
    program("opencode", "exit 9")
    atomic("run", "claude", "--", "/commit", "now", "/commit again", "/other", "src/commit")
    assert atomic("run", "opencode", "run", "--command", "create-spec").returncode == 9
    atomic("run", "claude", "--", "-p", "hello")
    if not telemetry_on:
        assert events() == []
        return
    run = {"eventType": "atomic_command", "source": "cli", "command": "run"}
    used = {"eventType": "cli_command", "source": "cli"}
    assert events() == [
        used | {"agentType": "claude", "commands": ["commit", "commit"], "commandCount": 2},
        run | {"agentType": "claude", "success": True},
        used | {"agentType": "opencode", "commands": ["create-spec"], "commandCount": 1},
        run | {"agentType": "opencode", "success": False},
        run | {"agentType": "claude", "success": True},
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, 9, signal.SIGSEGV])
def test_killed_by_a_signal_so_are_we(
    number: int, atomic: Run, program: Program, events: Events, telemetry_on: bool
) -> None:
    program("claude", f"kill -{int(number)} $$")
    assert atomic("run", "claude").returncode == -number
    assert [event["success"] for event in events()] == ([False] if telemetry_on else [])


# The agent tells in a file what it gets, so that no stream has to be shared with it.
RECORDER = """#!{python}
import os, signal, sys, time
log = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def got(number, frame):
    os.write(log, signal.Signals(number).name.encode() + b"\\n")
    if number in (signal.SIGTERM, signal.SIGQUIT):
        sys.exit(7)
for name in {signals}:
    signal.signal(getattr(signal, name), got)
os.write(log, b"ready %d %d\\n" % (os.getpid(), os.getppid()))
while True:
    time.sleep(60)
"""
SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT"]


@pytest.fixture
def recorder(program: Program, tmp_path: Path) -> Path:
    """An agent that writes down the signals it gets, and ends with 7 at SIGTERM and SIGQUIT."""
    log = tmp_path / "log"
    text = RECORDER.format(python=sys.executable, log=str(log), signals=SIGNALS)
    program("claude", "").write_text(text)
    return log


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def is_ready(log: Path) -> bool:
    return any(line.startswith("ready") for line in lines(log))


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"])
def test_a_signal_sent_to_us_reaches_the_agent_once(name: str, recorder: Path) -> None:
    running = subprocess.Popen([ATOMIC, "run", "claude"], env=environment())
    wait_until(lambda: is_ready(recorder))
    running.send_signal(getattr(signal, name))
    wait_until(lambda: name in lines(recorder))
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 7
    assert lines(recorder)[1:] == [name, "SIGTERM"]


def test_what_was_ignored_stays_ignored_and_no_more(program: Program) -> None:
    """As under `nohup`; and SIGPIPE, which Python ignores, is not."""

    def masks(*command: str) -> list[int]:
        ended = subprocess.run(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True, timeout=20, check=True,
        )  # fmt: skip
        # Of 32 and 33 the C library has its own opinion.
        return [int(line.split()[1], 16) & 0x7FFFFFFF for line in ended.stdout.splitlines()]

    program("claude", "grep -E 'Sig(Ign|Blk)' /proc/self/status")
    here = masks("claude")  # none, unless the tests themselves run under `nohup`
    assert masks(ATOMIC, "run", "claude") == here
    ignored = [here[0], here[1] | 1 << signal.SIGHUP - 1]
    assert masks("nohup", ATOMIC, "run", "claude") == masks("nohup", "claude") == ignored


Open = Callable[..., Terminal]


def test_the_agent_has_the_terminal(terminal: Open, program: Program) -> None:
    program(
        "claude",
        "test -t 0 && test -t 1 && test -t 2 && echo a terminal\n"
        "stty -echo raw; echo ready; key=$(dd bs=1 count=1 2>/dev/null); stty sane; echo got $key",
    )
    screen = terminal(ATOMIC, "run", "claude")
    screen.wait_for("a terminal")
    screen.wait_for("ready")
    screen.type("k")
    screen.wait_for("got k")
    assert screen.end() == 0


def test_ctrl_c_reaches_the_agent_once(terminal: Open, recorder: Path) -> None:
    screen = terminal(ATOMIC, "run", "claude")
    wait_until(lambda: is_ready(recorder))
    screen.type("\x03")
    wait_until(lambda: "SIGINT" in lines(recorder))
    screen.type("\x03")
    wait_until(lambda: lines(recorder).count("SIGINT") == 2)
    screen.type("\x1c")  # Ctrl-\
    assert screen.end() == 7
    assert lines(recorder)[1:] == ["SIGINT", "SIGINT", "SIGQUIT"]


def test_ctrl_c_ends_what_does_not_mind_it(terminal: Open, program: Program) -> None:
    # Not a shell: dash forgets a SIGINT that comes while it starts a program.
    program("claude", "").write_text(
        f"#!{sys.executable}\nimport signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "print('ready', flush=True)\nsignal.pause()\n"
    )
    screen = terminal(ATOMIC, "run", "claude")
    screen.wait_for("ready")
    screen.type("\x03")
    assert screen.end() == -signal.SIGINT


def test_ctrl_z_stops_and_fg_goes_on(terminal: Open, recorder: Path) -> None:
    shell = terminal("bash", "--norc", "-i")
    shell.type(f"{ATOMIC} run claude\n")
    wait_until(lambda: is_ready(recorder))
    shell.type("\x1a")
    shell.wait_for("Stopped")
    shell.type("jobs; echo here\n")
    shell.wait_for("\nhere")
    assert "SIGCONT" not in lines(recorder)
    shell.type("fg\n")
    wait_until(lambda: "SIGCONT" in lines(recorder))
    shell.type("\x1c")
    shell.type("echo code $?\n")
    shell.wait_for("code 7")
    shell.type("exit\n")
    shell.end()


def test_a_new_size_reaches_the_agent(terminal: Open, recorder: Path) -> None:
    screen = terminal(ATOMIC, "run", "claude")
    wait_until(lambda: is_ready(recorder))
    termios.tcsetwinsize(screen.fd, (30, 100))
    wait_until(lambda: "SIGWINCH" in lines(recorder))
    screen.type("\x1c")
    assert screen.end() == 7
    assert lines(recorder).count("SIGWINCH") == 1


def test_a_closed_terminal_reaches_the_agent(terminal: Open, recorder: Path) -> None:
    screen = terminal(ATOMIC, "run", "claude")
    wait_until(lambda: is_ready(recorder))
    pid = int(lines(recorder)[0].split()[1])
    os.close(screen.fd)
    wait_until(lambda: "SIGHUP" in lines(recorder))
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 20
    while time.monotonic() < until and os.waitpid(screen.pid, os.WNOHANG) == (0, 0):
        time.sleep(0.01)
    assert lines(recorder).count("SIGHUP") == 1


def test_who_waits_and_who_does_not(recorder: Path, telemetry_on: bool) -> None:
    running = subprocess.Popen([ATOMIC, "run", "claude"], env=environment())
    wait_until(lambda: is_ready(recorder))
    _, pid, parent = lines(recorder)[0].split()
    assert (int(parent) == running.pid) == telemetry_on
    assert (int(pid) == running.pid) != telemetry_on
    running.terminate()
    assert running.wait(20) == 7


def test_after_a_kill_the_events_leave_all_the_same(
    uploading: Server, atomic: Run, program: Program, telemetry_on: bool
) -> None:
    program("claude", "kill -9 $$")
    assert atomic("run", "claude", "--", "/commit").returncode == -9
    if not telemetry_on:
        assert uploading.requests == []
        return
    wait_until(lambda: len(uploading.events()) == 2)
    assert {event.get("command") or event["commands"] for event in uploading.events()} == {
        "run",
        "commit",
    }
    assert [event.get("success") for event in uploading.events()] == [None, "False"]
