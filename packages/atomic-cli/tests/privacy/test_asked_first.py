"""Promise 1: with any no, no file of ours is touched, no process started, no byte sent."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Server, needs, wait_until

from afterword.schema import timestamp, uuid4
from atomic.names import AGENTS

Atomic = Callable[..., subprocess.CompletedProcess[str]]
Hooks = list[tuple[list[str], str]]

EVENT = {
    "eventType": "atomic_command", "platform": "linux", "atomicVersion": "0.1.0",
    "source": "cli", "command": "init", "success": True,
}  # fmt: skip


def fill(data: Path) -> None:
    """Fifty events that wait from before."""
    lines = [
        json.dumps({**EVENT, "eventId": uuid4(), "anonymousId": uuid4(),
                    "timestamp": timestamp(time.time())})
        for _ in range(50)
    ]  # fmt: skip
    (data / "telemetry-events.jsonl").write_text("\n".join(lines) + "\n")


def snapshot(data: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(data.rglob("*"))
        if path.is_file()
    }


@needs("strace")
@pytest.mark.parametrize(
    "no",
    [
        {"CI": "true"},
        {"DO_NOT_TRACK": "1"},
        {"DO_NOT_TRACK": "true"},
        {"ATOMIC_TELEMETRY": "0"},
        "no consent",
        "taken back",
        "damaged",
    ],
    ids=str,
)
def test_with_50_events_waiting_nothing_happens(  # noqa: PLR0917  # pytest's fixtures
    atomic: Atomic, data: Path, server: Server, tmp_path: Path, every_hook: Hooks,
    no: dict[str, str] | str,
) -> None:  # fmt: skip
    atomic("config", "set", "telemetry", "true")
    state = data / "telemetry.json"
    if no == "no consent":
        state.unlink()
    elif no == "taken back":
        state.write_text(json.dumps(json.loads(state.read_text()) | {"consentGiven": False}))
    elif no == "damaged":
        state.write_text('{"enabled": true, "consent')
    fill(data)
    before = snapshot(data)
    variables = no if isinstance(no, dict) else {}
    calls: list[tuple[list[str], str]] = [
        (["init", *(f"--agent={key}" for key in AGENTS), "-y"], ""),
        (["run", "claude", "--", "/commit", "x"], ""),
        (["-a", "copilot", "--", "/commit"], ""),
        (["update", "--dry-run"], ""),
        *every_hook,
        (["--upload-telemetry"], ""),
    ]
    for number, (arguments, stdin) in enumerate(calls):
        trace = tmp_path / f"trace-{number}"
        done = atomic(
            *arguments, stdin=stdin, **variables,
            before=("strace", "-f", "-e", "trace=execve,connect", "-o", str(trace)),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        calls_made = trace.read_text()
        assert "--upload-telemetry" not in re.sub(r"^.*", "", calls_made, count=1)
        assert "sin_port" not in calls_made
        assert snapshot(data) == before, arguments
    assert server.requests == []


def test_a_first_init_without_consent_leaves_no_folder(atomic: Atomic, data: Path) -> None:
    assert atomic("init", "-a", "claude", "-y").returncode == 0
    assert not data.exists()


def test_with_a_yes_every_one_of_them_is_counted(
    atomic: Atomic, data: Path, server: Server, every_hook: Hooks
) -> None:
    """The other side: what the test above forbids does happen."""
    atomic("config", "set", "telemetry", "true")
    atomic("init", "-a", "claude", "-y")
    atomic("run", "claude", "--", "/commit", "x")
    for arguments, stdin in every_hook:
        assert atomic(*arguments, stdin=stdin).returncode == 0
    wait_until(lambda: len(server.events()) == 8)
    wait_until(lambda: not list(data.glob("telemetry-events*")))
    assert sorted(event.get("agent_type", "") for event in server.events()) == [
        "claude", "claude", "claude", "claude", "codex", "copilot", "gemini", "opencode",
    ]  # fmt: skip
