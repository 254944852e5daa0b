"""The real exporter: switched off what it does of its own, and no reply it would read wrongly."""

import json
import os
import subprocess
import sys

import pytest
from reliability.application import Application

from afterword.exporters.azure import Reply, read_reply
from afterword_sink import LocalSink

# A program whose environment is emptied between the import and the first exporter.
FORGETFUL = """
import os, sys, threading
import afterword.exporters.azure
for name in list(os.environ):
    if name.startswith("APPLICATIONINSIGHTS"):
        del os.environ[name]
from reliability.application import make
status = make(sys.argv[1]).upload()
print(status.error, [thread.name for thread in threading.enumerate()])
"""


def test_its_own_telemetry_stays_off_whatever_became_of_the_environment(
    app: Application, sink: LocalSink
) -> None:
    """With it on, a 400 blocks `export` for half a minute, and two other hosts are called."""
    app.record(1)
    sink.set_faults("400")
    done = subprocess.run(
        [sys.executable, "-c", FORGETFUL, sink.connection_string],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "the service refuses every event ['MainThread']\n"


def said(received: object, accepted: object, *errors: object) -> bytes:
    return json.dumps(
        {"itemsReceived": received, "itemsAccepted": accepted, "errors": list(errors)}
    ).encode()


def item(index: object, status: object) -> dict[str, object]:
    return {"index": index, "statusCode": status, "message": "m"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(said(4, 3, item(0, 503), item(0, 400)), id="one item, two stories"),
        pytest.param(said(4, 3, item(0, 400), item(0, 503)), id="the same, in the other order"),
        pytest.param(said(4, 3, item(0, 1)), id="a status that is none"),
        pytest.param(said(4, 3, item(0, -400)), id="a negative status"),
        pytest.param(said(4, 3, item(0, True)), id="a true status"),
        pytest.param(said(4, 3, item(0, 400.5)), id="half a status"),
        pytest.param(said(4, 3, item(0, float("inf"))), id="an endless status"),
        pytest.param(said(4, 3, item(True, 400)), id="a true index"),
        pytest.param(said(4, 3, item(1.0, 400)), id="an index with a point"),
        pytest.param(said(True, True), id="true counts"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"itemsReceived":' + b"9" * 5000 + b"}", id="huge"),
        pytest.param(b'{"itemsReceived":4,"itemsAccepted":4,"errors":{"a":1}}', id="no list"),
        pytest.param(b"\xff\xfe{}", id="not text"),
    ],
)
def test_a_reply_that_contradicts_itself_settles_nothing(body: bytes) -> None:
    receipt = read_reply(Reply(206, {}, body), 1 if body == said(True, True) else 4)
    assert (receipt.taken, receipt.refused, receipt.retry) == (frozenset(), {}, False)
    assert receipt.problem is not None
