"""What goes wrong before a server can answer: names, certificates, proxies, and other hosts."""

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import backends
import pytest
import trustme
from raw import RawServer, answer
from reliability.application import Application, Upload
from reliability.wires import every_wire
from support import Answer, Server, taken

from afterword_sink import LocalSink

pytestmark = every_wire

COUNT = 250
PATHS = {"azure": "/v2.1/track", "azure_official": "/v2.1/track", "otlp": "/v1/logs"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.fixture
def secure_port(tmp_path: Path) -> Iterator[int]:
    """A server that speaks TLS, with a certificate that nobody's authority has signed."""
    certificate = trustme.CA().issue_cert("127.0.0.1", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the client hangs up
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def arrives_in_the_end(app: Application, sink: LocalSink, recorded: list[str]) -> None:
    """Nothing is lost: with the right destination all of it arrives, once."""
    assert app.waiting() == recorded
    app.aim(sink.connection_string)  # Azure's wire, whatever it was before
    app.telemetry.upload()
    arrived = [event["customDimensions"]["event_id"] for event in sink.events()]
    assert sorted(arrived) == sorted(recorded)
    assert app.files() == []


def test_connection_refused(app: Application, sink: LocalSink, upload: Upload, wire: str) -> None:
    recorded = app.record(COUNT)
    app.aim(backends.connection_string(wire, f"http://127.0.0.1:{free_port()}/"))
    status = upload()
    assert (status.sent, status.kept, status.failures) == (0, COUNT, 1)
    assert status.error == "no answer: the connection was refused"
    arrives_in_the_end(app, sink, recorded)


def test_a_name_that_no_dns_can_know(
    app: Application, sink: LocalSink, upload: Upload, wire: str
) -> None:
    recorded = app.record(COUNT)
    app.aim(backends.connection_string(wire, "https://ingestion.invalid/"))
    status = upload()
    assert (status.sent, status.kept) == (0, COUNT)
    assert status.error == "the endpoint's name ends in .invalid: there is no such host"
    arrives_in_the_end(app, sink, recorded)


def test_tls_with_a_certificate_that_is_not_trusted(
    app: Application, sink: LocalSink, upload: Upload, wire: str, secure_port: int
) -> None:
    recorded = app.record(COUNT)
    app.aim(backends.connection_string(wire, f"https://127.0.0.1:{secure_port}/"))
    status = upload()
    assert (status.sent, status.kept) == (0, COUNT)
    assert status.error is not None
    assert status.error == "no answer: the certificate is not trusted"
    arrives_in_the_end(app, sink, recorded)


def test_tls_with_an_authority_of_the_persons_own(
    app: Application, tmp_path: Path, wire: str
) -> None:
    """The real background process, which gets the variable handed down."""
    authority, bundle = trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    said = b"{}" if wire == "otlp" else taken(3)
    with RawServer(answer("200 OK", said, "Content-Type: application/json"), context=context) as it:
        app.record(3)
        app.aim(backends.connection_string(wire, f"https://127.0.0.1:{it.port}"))
        assert app.run("upload", SSL_CERT_FILE=str(bundle)).returncode == 0
        assert (app.status.sent, app.status.error, len(it.asked)) == (3, None, 1)
    assert app.files() == []


def test_a_server_that_speaks_no_tls(
    app: Application, sink: LocalSink, upload: Upload, wire: str
) -> None:
    recorded = app.record(COUNT)
    app.aim(backends.connection_string(wire, sink.endpoint.replace("http:", "https:")))
    status = upload()
    assert (status.sent, status.kept) == (0, COUNT)
    assert status.error is not None
    assert status.error == "no answer: no secure connection could be made"
    arrives_in_the_end(app, sink, recorded)


def test_a_proxy_that_refuses(
    app: Application, sink: LocalSink, upload: Upload, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = app.record(COUNT)
    app.aim(backends.connection_string(wire, "https://ingestion.example/"))
    with monkeypatch.context() as patch:
        patch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
        status = upload()
    assert (status.sent, status.kept) == (0, COUNT)
    assert status.error == "no answer: the connection was refused"
    assert sink.stats()["requests"] == 0
    arrives_in_the_end(app, sink, recorded)


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(  # noqa: PLR0917  # pytest's fixtures
    app: Application, sink: LocalSink, upload: Upload, server: Server, wire: str, code: int
) -> None:
    """One host: what sends us elsewhere gets nothing there, within Azure's domains or outside."""
    recorded = app.record(COUNT)
    elsewhere = [
        f"{server.endpoint}{PATHS[wire]}",
        "https://westeurope-5.in.applicationinsights.azure.com/",
    ]
    server.script = lambda _number, _request: Answer()
    for number, target in enumerate(elsewhere, 1):
        sink.set_faults(f"redirect {code} to={target}")
        status = upload()
        assert (status.sent, status.kept, status.failures) == (0, COUNT, number)
        assert status.error == f"{code}, which is no answer of this service"
        assert sink.stats()["requests"] == number
    assert server.requests == []
    sink.clear_faults()
    arrives_in_the_end(app, sink, recorded)


def test_the_connection_of_a_laptop_that_slept(
    app: Application, sink: LocalSink, upload: Upload
) -> None:
    """Each answer closes the connection: the next request has to open one."""
    recorded = app.record(COUNT)
    sink.set_faults("close times=1; ok times=1; close times=1")
    assert upload().sent == COUNT
    assert sink.stats()["duplicate_event_ids"] == 0
    assert app.files() == []
    assert sorted(recorded) == sorted(e["customDimensions"]["event_id"] for e in sink.events())
