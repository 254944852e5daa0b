"""The README, as a newcomer follows it: each command is run, each output is compared."""

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PORT = "8123"


def steps(port: str) -> Iterator[tuple[str, str]]:
    """Each command of the console blocks with the output under it."""
    for block in re.findall(r"```console\n(.*?)```", README.replace(PORT, port), re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = step.splitlines(keepends=True)
            command = lines.pop(0)
            while command.count("'") % 2:
                command += lines.pop(0)
            yield command.rstrip("\n"), "".join(lines)


@pytest.fixture
def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@pytest.mark.skipif(os.name != "posix", reason="the commands are for a POSIX shell")
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_every_command(tmp_path: Path, port: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "AFTERWORD_SINK": f"http://127.0.0.1:{port}/"}
    seen = []
    for command, output in steps(port):
        seen.append(command.split()[0])
        if command.startswith(("pip install", "export")):
            continue
        if command.startswith("afterword-sink serve"):
            sink = subprocess.Popen(
                command.split(), env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path
            )
            assert sink.stdout is not None
            assert sink.stdout.readline() == output
            continue
        done = subprocess.run(
            ["sh", "-c", command], env=environment, cwd=tmp_path, capture_output=True, text=True,
            timeout=30, check=True,
        )  # fmt: skip
        assert done.stdout.rstrip("\n") == output.rstrip("\n"), command
    sink.terminate()
    sink.communicate(timeout=20)
    assert {"pip", "export", "curl", "echo", "afterword-sink"} == set(seen)


def run_my_tool(connection_string: str) -> None:
    """A tool that tries twice."""
    endpoint = connection_string.split(";")[1].partition("=")[2]
    body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"hello"}]}]}]}'
    for _ in range(2):
        request = urllib.request.Request(  # noqa: S310  # ours
            f"{endpoint}v1/logs", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10):  # noqa: S310
                return
        except urllib.error.HTTPError as error:
            error.close()


def test_the_program() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(program, {"run_my_tool": run_my_tool})  # noqa: S102  # that is the test


def test_every_option_and_path_in_it_is_there() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "afterword_sink", "serve", "--help"],
        capture_output=True, text=True, timeout=30, check=True,
    ).stdout  # fmt: skip
    named = set(re.findall(r"`(?:serve )?(--[a-z-]+)", README)) - {"--format"}
    assert {option for option in named if option not in shown} == set()
