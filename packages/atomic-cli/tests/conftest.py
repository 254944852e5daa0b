"""What every test of `atomic` gets: a project of its own, and the real program."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from atomic_support import ATOMIC, Event, Run, environment
from support import Server
from terminals import Terminal


@pytest.fixture(autouse=True)
def home(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty home of every test; an empty project to stand in; a PATH with few programs on it.

    Nothing is uploaded: every `atomic` believes it is the uploader itself, and starts no other.
    The test that wants an upload takes `uploading`.
    """
    (tmp_path / "project").mkdir()
    (tmp_path / "bin").mkdir()
    system = os.environ["PATH"] if sys.platform == "win32" else "/usr/bin:/bin"
    folders = [str(tmp_path / "bin"), os.path.dirname(ATOMIC), system]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    monkeypatch.setenv("ATOMIC_TELEMETRY_UPLOAD", "1")
    monkeypatch.chdir(tmp_path / "project")
    return home


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder in which `atomic` is run."""
    return tmp_path / "project"


@pytest.fixture
def atomic(project: Path) -> Run:
    """Run `atomic` as a process of its own, in the project, with no terminal."""

    def run(
        *arguments: str, stdin: bytes | str = b"", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            [ATOMIC, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env=environment(variables),
            cwd=project,
            capture_output=True,
            timeout=30,
            check=False,
        )
        return subprocess.CompletedProcess(
            ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
        )

    return run


@pytest.fixture
def folder(home: Path) -> Path:
    """The data folder."""
    return home / ".local" / "share" / "atomic"


@pytest.fixture
def agreed(atomic: Run) -> None:
    """The person has said yes to telemetry."""
    assert atomic("config", "set", "telemetry", "true").returncode == 0


@pytest.fixture
def events(folder: Path) -> Callable[[], list[Event]]:
    """What waits in the buffer, without what is the same in every event."""

    def read() -> list[Event]:
        buffer = folder / "telemetry-events.jsonl"
        lines = buffer.read_text().splitlines() if buffer.exists() else []
        same = ("eventId", "timestamp", "anonymousId", "platform", "atomicVersion")
        found = [json.loads(line) for line in lines]
        return [{k: v for k, v in event.items() if k not in same} for event in found]

    return read


@pytest.fixture
def uploading(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Uploads happen, to this server."""
    monkeypatch.delenv("ATOMIC_TELEMETRY_UPLOAD")
    monkeypatch.setenv("ATOMIC_TELEMETRY_CONNECTION_STRING", server.connection_string)
    return server


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], Path]:
    """Put a program of this name on the PATH, a shell script with this text."""

    if sys.platform == "win32":
        pytest.skip("POSIX only: a program that is a shell script")

    def write(name: str, script: str) -> Path:
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Open a terminal with a program in it, as often as needed."""
    if sys.platform == "win32":
        pytest.skip("POSIX only: a pseudo-terminal")
    opened: list[Terminal] = []

    def open_terminal(*command: str, **variables: str) -> Terminal:
        opened.append(Terminal(*command, **variables))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()
