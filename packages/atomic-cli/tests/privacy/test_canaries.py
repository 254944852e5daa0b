"""Promise 6: canaries planted wherever a person's life could leak from, and looked for everywhere.

Hypothesis chooses what is said to `atomic` and to its hooks; then every byte below the data folder
and every byte sent is searched. `CANARY_EXAMPLES=1000` (`make canaries`) looks a thousand times.
"""

import base64
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backends import connection_string
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reliability.wires import WIRES
from support import Server

from afterword import Telemetry
from atomic.names import AGENTS, COMMANDS

USER, SECRET, PROJECT, REMOTE = "canaryuser", "canarysecret", "canaryproject", "canaryremote"
PROMPT, PATH, SESSION = "canaryprompt", "canarypath", "canarysession"
EXAMPLES = int(os.environ.get("CANARY_EXAMPLES", "60"))

said = st.one_of(
    st.text(max_size=20).map(lambda text: f"{text}{PROMPT}{text}"),
    st.sampled_from([f"/{command}" for command in COMMANDS]),
    st.sampled_from([f"/{command} {PROMPT}" for command in COMMANDS]),
    st.just(f"/home/{USER}/{PATH}/secret.py"),
    st.just(f"/{PROMPT}"),
).filter(lambda text: "\0" not in text)
agents = st.sampled_from(AGENTS)
names = st.one_of(st.sampled_from(COMMANDS), st.just(PROMPT), st.text(max_size=9), st.integers())
sessions = st.sampled_from([SESSION, f"{SESSION}-2", f"../../{SESSION}"])


@st.composite
def claude_payloads(draw: st.DrawFn) -> str:
    return json.dumps({
        "session_id": draw(sessions), "transcript_path": f"/home/{USER}/{PATH}.jsonl",
        "cwd": f"/home/{USER}/{PROJECT}", "prompt": draw(said), "command_args": PROMPT,
        "hook_event_name": draw(st.sampled_from(["UserPromptExpansion", "SessionEnd", PROMPT])),
        "expansion_type": "slash_command", "command_name": draw(names), "reason": PROMPT,
    })  # fmt: skip


@st.composite
def copilot_payloads(draw: st.DrawFn) -> str:
    return json.dumps({
        "sessionId": draw(sessions), "cwd": f"/home/{USER}/{PROJECT}", "timestamp": 1795379558336,
        "prompt": draw(said), "reason": PROMPT, "initialPrompt": PROMPT,
    })  # fmt: skip


@st.composite
def opencode_payloads(draw: st.DrawFn) -> str:
    return json.dumps({
        "event": draw(st.sampled_from(["command", "end", PROMPT])), "session": draw(sessions),
        "sessions": [SESSION], "command": draw(names), "arguments": draw(said),
    })  # fmt: skip


@st.composite
def gemini_payloads(draw: st.DrawFn) -> str:
    first = draw(st.sampled_from([f"<!-- atomic: /{draw(names)} -->", PROMPT]))
    return json.dumps({
        "session_id": draw(sessions), "transcript_path": f"/home/{USER}/{PATH}.jsonl",
        "cwd": f"/home/{USER}/{PROJECT}", "prompt": f"{first}\n{PROMPT}",
        "hook_event_name": draw(st.sampled_from(["BeforeAgent", "SessionEnd", PROMPT])),
        "reason": PROMPT,
    })  # fmt: skip


@st.composite
def codex_payloads(draw: st.DrawFn) -> str:
    return json.dumps({
        "session_id": draw(sessions), "transcript_path": f"/home/{USER}/{PATH}.jsonl",
        "cwd": f"/home/{USER}/{PROJECT}", "prompt": f"${draw(names)} {PROMPT}", "model": PROMPT,
        "hook_event_name": draw(st.sampled_from(["UserPromptSubmit", "SessionEnd", PROMPT])),
        "reason": PROMPT,
    })  # fmt: skip


def spoken(*arguments: str) -> st.SearchStrategy[tuple[list[str], str]]:
    return st.just((list(arguments), ""))


calls = st.one_of(
    st.tuples(agents, st.lists(said, max_size=3)).map(
        lambda drawn: (["run", drawn[0], "--", *drawn[1]], "")
    ),
    st.tuples(agents, st.lists(said, max_size=3)).map(
        lambda drawn: (["-a", drawn[0], "--", *drawn[1]], "")
    ),
    agents.map(lambda agent: (["init", "-a", agent, "-y"], "")),
    said.map(lambda text: (["init", "-a", text, "-y"], "")),
    said.map(lambda text: ([text], "")),
    claude_payloads().map(lambda payload: (["hook", "claude"], payload)),
    st.tuples(st.sampled_from(["prompt", "end"]), copilot_payloads()).map(
        lambda drawn: (["hook", "copilot", drawn[0]], drawn[1])
    ),
    opencode_payloads().map(lambda payload: (["hook", "opencode"], payload)),
    gemini_payloads().map(lambda payload: (["hook", "gemini"], payload)),
    codex_payloads().map(lambda payload: (["hook", "codex"], payload)),
    st.tuples(agents, said).map(lambda drawn: (["hook", drawn[0]], drawn[1])),
    spoken("update", "--dry-run"),
    spoken("uninstall", "--dry-run", "-y"),
)


class Machine:
    """The person's machine, with a canary in every corner."""

    def __init__(self, base: Path) -> None:
        self.home = base / USER
        self.project = self.home / PROJECT
        (self.project / ".git").mkdir(parents=True)
        remote = f"https://{USER}:{SECRET}@host/{REMOTE}.git"
        (self.project / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {remote}\n')
        (self.home / "bin").mkdir()
        for agent in AGENTS:
            program = self.home / "bin" / agent
            program.write_text("#!/bin/sh\nexit 0\n")
            program.chmod(0o755)
        self.environment = {
            "HOME": str(self.home), "PATH": f"{self.home / 'bin'}:{os.defpath}",
            "USER": USER, "LOGNAME": USER, "HOSTNAME": platform.node(), "PWD": str(self.project),
            "ANTHROPIC_API_KEY": SECRET, "GITHUB_TOKEN": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET,
            "ATOMIC_TELEMETRY_UPLOAD": "1",  # this test uploads itself, when it has looked
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "machine.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def atomic(self, arguments: list[str], stdin: str = "", **more: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        call = {"arguments": arguments, "stdin": stdin, "environment": self.environment | more,
                "cwd": str(self.project)}  # fmt: skip
        self.process.stdin.write(json.dumps(call) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate(timeout=20)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("machine"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def listener() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


def forms(word: str) -> list[bytes]:
    """The word as it might be written down: as it is, in base64 at each offset, in hexadecimal."""
    raw = word.encode()
    shifted = [base64.b64encode(b"x" * by + raw)[4:-4] for by in range(3)]
    return [raw, *shifted, raw.hex().encode()]


WORDS = (USER, SECRET, PROJECT, REMOTE, PROMPT, PATH, SESSION)
NET = re.compile(
    b"|".join(re.escape(form) for word in WORDS for form in forms(word))
    + rb"|\b" + re.escape(platform.node().encode()) + rb"\b",
    re.IGNORECASE,
)  # fmt: skip


def below(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        yield str(path), path.name.encode()
        if path.is_file():
            yield str(path), path.read_bytes()


@given(done=st.lists(calls, min_size=1, max_size=4), wire=st.sampled_from(WIRES))
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@pytest.mark.timeout(900)
def test_no_canary_is_written_or_sent(
    machine: Machine, listener: Server, done: list[tuple[list[str], str]], wire: str
) -> None:
    data = machine.home / ".local" / "share" / "atomic"
    shutil.rmtree(data, ignore_errors=True)
    listener.requests.clear()
    assert machine.atomic(["config", "set", "telemetry", "true"]) == 0
    for arguments, stdin in done:
        machine.atomic(arguments, stdin)
    # Everything that is not the project's own: nothing of ours may lie anywhere else either.
    places = [*below(data), *below(machine.home / ".config"), *below(machine.home / ".cache")]
    upload(machine, listener, wire)
    sent = [(f"request {n}", str(r.headers).encode() + r.path.encode() + r.body)
            for n, r in enumerate(listener.requests)]  # fmt: skip
    for where, found in [*places, *sent]:
        caught = NET.search(found)
        assert caught is None, f"{caught} in {where}"


def upload(machine: Machine, listener: Server, wire: str) -> None:
    """Send what waits: by `atomic` itself, or by the exporter that it does not use, from here."""
    from atomic import __version__
    from atomic.events import EVENTS

    where = connection_string(wire, listener.endpoint)
    if wire == "azure":
        sender: Any = Telemetry(
            "atomic", version=__version__, events=EVENTS, environment=machine.environment,
            connection_string=where,
        )  # fmt: skip
        sender.upload()
        return
    variables = {"ATOMIC_TELEMETRY_CONNECTION_STRING": where, "ATOMIC_TELEMETRY_UPLOAD": ""}
    assert machine.atomic(["--upload-telemetry"], **variables) == 0


@pytest.mark.parametrize("wire", WIRES)
def test_the_net_catches(machine: Machine, listener: Server, wire: str) -> None:
    """What is looked for would be found: an event with a canary in it, planted by hand."""
    data = machine.home / ".local" / "share" / "atomic"
    shutil.rmtree(data, ignore_errors=True)
    listener.requests.clear()
    machine.atomic(["config", "set", "telemetry", "true"])
    machine.atomic(["run", "claude", "--", "/commit", PROMPT])
    buffer = data / "telemetry-events.jsonl"
    assert b"commit" in buffer.read_bytes()  # it does record
    lines = buffer.read_text().splitlines()
    planted = [line.replace("commit", PROMPT) for line in lines if "commit" in line]
    buffer.write_text("\n".join(lines + planted))
    assert any(PROMPT.encode() in found for _, found in below(data))
    upload(machine, listener, wire)
    assert len(listener.events()) == len(lines)  # and what is not declared does not leave
    assert PROMPT.encode() not in b"".join(request.body for request in listener.requests)
