"""Promise 5, unfelt: the engine changes nothing in the process of the program that uses it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import host
import pytest
from support import Answer, Server


@pytest.mark.posix("signal masks, /proc")
@pytest.mark.parametrize(
    ("answer", "exporter"),
    [
        (Answer(), None),
        (Answer(402, b""), None),
        (Answer(200, b"<html>"), None),
        (Answer(), "azure_official"),
    ],
)
def test_every_call_leaves_the_process_as_it_was(
    server: Server, answer: Answer, exporter: str | None
) -> None:
    server.script = lambda _number, _request: answer
    theirs = {
        "AZURE_CLIENT_ID": "theirs",
        "OTEL_SERVICE_NAME": "theirs",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "theirs",
    }
    arguments = [server.connection_string, *([exporter] if exporter else [])]
    run = subprocess.run(
        [sys.executable, str(Path(host.__file__)), *arguments],
        env=os.environ | theirs, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout) == {}
    assert server.requests  # it did upload


@pytest.mark.posix("signal masks, /proc")
def test_what_a_call_changes_is_seen() -> None:
    """The look itself: each of these would be told."""
    changing = """
import host, os, logging, random, signal, sys, threading, warnings
def calls(*_):
    return {
        "environment": lambda: os.environ.update(X="1"), "umask": lambda: os.umask(0),
        "logging": lambda: logging.disable(), "random": lambda: random.random(),
        "signals": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
        "warnings": lambda: warnings.simplefilter("ignore"), "folder": lambda: os.chdir("/"),
        "descriptors": lambda: os.open("/dev/null", 0),
        "threads": lambda: threading.Thread(target=threading.Event().wait, daemon=True).start(),
    }
host.calls = calls
host.main("", patience=1)
os._exit(0)
"""
    support = Path(host.__file__).parent
    run = subprocess.run(
        [sys.executable, "-uc", changing], env={"PYTHONPATH": str(support)},
        stdout=subprocess.PIPE, text=True, timeout=50, check=True,
    )  # fmt: skip
    told = json.loads(run.stdout)
    assert {name: [*changed] for name, changed in told.items()} == {name: [name] for name in told}
    assert len(told) == 9
