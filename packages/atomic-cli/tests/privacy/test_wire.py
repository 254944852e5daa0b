"""Promise 6: the whole request of the real `atomic`, byte for byte, against a golden file."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from backends import connection_string
from support import KEY, Request, Server, wait_until

GOLDEN = {
    "azure_official": Path(__file__).parent / "golden-request.txt",
    "otlp": Path(__file__).parent / "golden-request-otlp.txt",
}


def masked(request: Request) -> str:
    """The request with what must differ from run to run replaced."""
    lines = [f"POST {request.path}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    text = "\n".join(lines) + "\n\n" + request.body.decode() + "\n"
    text = text.replace(KEY, "<key>")
    text = re.sub(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", "<uuid>", text
    )
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z", "<time>", text)
    text = re.sub(r'(?<="timeUnixNano":")\d{19}', "<time>", text)
    text = re.sub(r"(?<=Content-Length: )\d+", "<length>", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "<host>", text)
    return re.sub(r"(linux|darwin|win32)", "<platform>", text)


@pytest.mark.parametrize("wire", GOLDEN)
def test_the_request_of_an_init(
    atomic: Callable[..., subprocess.CompletedProcess[str]], server: Server, data: Path, wire: str
) -> None:
    where = {"ATOMIC_TELEMETRY_CONNECTION_STRING": connection_string(wire, server.endpoint)}
    atomic("config", "set", "telemetry", "true", **where)
    atomic("init", "-a", "claude", "-y", **where)
    wait_until(lambda: server.requests and not list(data.glob("telemetry-events*")))
    (request,) = server.requests
    assert masked(request) == GOLDEN[wire].read_text()
