"""One host over HTTP: what is sent, read and trusted, against servers of every kind."""

import base64
import contextlib
import gzip
import socket
import ssl
import subprocess
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import trustme
from raw import Asked, RawServer, answer
from support import needs

from afterword.exporters import trust
from afterword.exporters.http import MOST_ANSWER, WORTH_PACKING, Host, NoAnswerError

OK = answer("200 OK", b"{}", "Content-Type: application/json")
SILENCE = 5.0


MakeHost = Callable[..., Host]


@pytest.fixture
def at() -> Iterator[MakeHost]:
    """Makes hosts, and closes them."""
    made: list[Host] = []

    def make(url: str, silence: float = SILENCE, **more: Any) -> Host:
        made.append(Host(url, silence=silence, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def url(server: RawServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def test_the_headers_are_ours_and_the_connection_is_kept(at: MakeHost) -> None:
    with RawServer(OK) as server:
        one = at(f"{url(server)}/pre/fix/", headers={"authorization": "Bearer x"})
        for _ in range(3):
            reply = one.post("/v1/logs", b"[]")
            assert (reply.status, reply.body, reply.whole, reply.size) == (200, b"{}", True, 2)
        one.close()
        assert server.connections == 1
        assert [asked.line for asked in server.asked] == ["POST /pre/fix/v1/logs HTTP/1.1"] * 3
        assert server.asked[0].headers == {
            "host": f"127.0.0.1:{server.port}",
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": "afterword/0.1.0",
            "authorization": "Bearer x",
            "content-length": "2",
        }


@pytest.mark.parametrize("length", [WORTH_PACKING, WORTH_PACKING + 1, 500_000])
def test_a_long_body_is_packed(at: MakeHost, length: int) -> None:
    body = b"x" * length
    with RawServer(OK) as server:
        reply = at(url(server)).post("/", body)
        (asked,) = server.asked
        packed = asked.headers.get("content-encoding") == "gzip"
        assert packed is (length > WORTH_PACKING)
        assert (gzip.decompress(asked.body) if packed else asked.body) == body
        assert reply.size == len(asked.body) == int(asked.headers["content-length"])
        assert asked.body[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00" or not packed  # no time in it


X = b"x" * 65536
OK_LINE = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_LINE + b"Transfer-Encoding: chunked\r\n\r\n"
WITH_A_BODY = {
    "chunked": (CHUNKED, b"10000\r\n" + X + b"\r\n"),
    "length": (OK_LINE + b"Content-Length: 99999999999\r\n\r\n", X),
    "close": (OK_LINE + b"\r\n", X),
}
WITHOUT = {
    "status": (b"HTTP/1.1 200 ", X),
    "header": (OK_LINE + b"X: ", X),
    "lines": (OK_LINE, b"X: y\r\n" * 10_000),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "marks": (CHUNKED, b"1;" + X[:60_000] + b"\r\n{\r\n"),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 10_000),
}


def endless(asked: Asked, stream: BinaryIO) -> None:
    """Never stops, in the way that the path names."""
    begin, more = (WITH_A_BODY | WITHOUT)[asked.line.split()[1].strip("/")]
    stream.write(begin)
    while True:  # until nobody listens
        stream.write(more)
        stream.flush()


@pytest.mark.parametrize("how", [*WITH_A_BODY, *WITHOUT])
def test_an_endless_answer_costs_no_more_than_the_bound(at: MakeHost, how: str) -> None:
    with RawServer(endless) as server:
        one = at(url(server))
        tracemalloc.start()
        try:
            if how in WITHOUT:
                with pytest.raises(NoAnswerError, match="no answer: "):
                    one.post(f"/{how}", b"")
            else:
                reply = one.post(f"/{how}", b"")
                assert (len(reply.body), reply.whole) == (MOST_ANSWER, False)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 4 * 1024 * 1024
        with contextlib.suppress(NoAnswerError):  # and the next request has a connection of its own
            one.post("/length", b"")
        assert server.connections == 2


def test_a_packed_answer_is_not_unfolded(at: MakeHost) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    with RawServer(answer("200 OK", bomb, "Content-Encoding: gzip")) as server:
        assert at(url(server)).post("/", b"").body == bomb


@pytest.mark.parametrize(
    "said",
    [
        b"", b"\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 2xx OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    ],
)  # fmt: skip
def test_an_answer_cut_short_or_none_at_all(at: MakeHost, said: bytes) -> None:
    def say(_asked: Asked, stream: BinaryIO) -> str:
        stream.write(said)
        return "close"

    with RawServer(say) as server:
        one = at(url(server))
        for _ in range(2):  # it can be used again
            with pytest.raises(NoAnswerError, match=r"^no answer: "):
                one.post("/", b"")
        assert server.connections == 2


def test_who_refuses_a_body_before_it_is_through_is_heard(at: MakeHost) -> None:
    def refuse(_asked: Asked, stream: BinaryIO) -> str:
        stream.write(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return "close"

    with RawServer(refuse, read_body=False) as server:
        try:
            assert at(url(server)).post("/", b"x" * 50_000_000, pack=False).status == 413
        except NoAnswerError as error:  # the system may have thrown the answer away
            lost = ("no answer: the connection was closed",)
            assert str(error) in lost  # noqa: PT017  # either is right


def test_a_server_that_hung_up_meanwhile_costs_nothing(at: MakeHost) -> None:
    def once(asked: Asked, stream: BinaryIO) -> str:
        OK(asked, stream)
        return "close"

    with RawServer(once) as server:
        one = at(url(server))
        assert one.post("/", b"1").status == 200
        wait_for_hang_up(one)
        assert one.post("/", b"2").status == 200
        assert [asked.body for asked in server.asked] == [b"1", b"2"]


def wait_for_hang_up(one: Host) -> None:
    connection = one._connection
    if connection is not None and connection.sock is not None:
        assert connection.sock.recv(1, socket.MSG_PEEK) == b""


def test_silence_is_given_up(at: MakeHost) -> None:
    with RawServer(lambda _asked, _stream: server.stopping.wait(20)) as server:
        one = at(url(server), silence=0.2)
        with pytest.raises(NoAnswerError, match="no answer: nothing came in time"):
            one.post("/", b"")


def test_closed_by_another_thread_it_comes_back(at: MakeHost) -> None:
    with RawServer(lambda _asked, _stream: server.stopping.wait(20)) as server:
        one = at(url(server), silence=30)
        failed: list[BaseException] = []

        def ask() -> None:
            try:
                one.post("/", b"")
            except NoAnswerError as error:
                failed.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not server.asked:
            thread.join(0.01)
        one.close()
        thread.join(10)
        assert not thread.is_alive()
        assert failed


def test_no_redirect_is_followed_and_no_cookie_kept(at: MakeHost) -> None:
    with RawServer(OK) as elsewhere:
        moved = answer(
            "307 Moved", b"", f"Location: http://127.0.0.1:{elsewhere.port}/", "Set-Cookie: who=you"
        )
        with RawServer(moved) as server:
            one = at(url(server))
            assert [one.post("/", b"").status for _ in range(2)] == [307, 307]
            assert "cookie" not in server.asked[1].headers
        assert elsewhere.asked == []


@pytest.mark.parametrize("name", ["invalid", "a.invalid", "A.Invalid", "a.invalid."])
def test_a_name_that_cannot_exist_is_asked_of_nobody(
    at: MakeHost, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("DNS was asked")

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # nor is a proxy asked for it
    with pytest.raises(NoAnswerError, match=r"^the endpoint's name ends in \.invalid") as error:
        at(f"https://{name}/").post("/", b"")
    assert error.value.retry is False


def test_plain_http_does_not_leave_the_machine(
    at: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name such as `localhost` can be led elsewhere; here the socket says that it was."""
    with RawServer(OK) as server:
        monkeypatch.setattr(socket.socket, "getpeername", lambda _self: ("192.0.2.1", 80))
        one = at(f"http://localhost:{server.port}")
        with pytest.raises(NoAnswerError, match="another machine"):
            one.post("/", b"")
        assert server.asked == []


AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def secure() -> Iterator[RawServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1", "localhost", "telemetry.example").configure_cert(context)
    with RawServer(OK, context=context) as server:
        yield server


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return path


def test_an_authority_nobody_named_is_not_trusted(at: MakeHost, secure: RawServer) -> None:
    one = at(f"https://127.0.0.1:{secure.port}")
    with pytest.raises(NoAnswerError, match=r"^no answer: the certificate is not trusted$"):
        one.post("/", b"")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_persons_own_authority_is(
    at: MakeHost, secure: RawServer, bundle: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(bundle))
    one = at(f"https://127.0.0.1:{secure.port}")
    assert one.post("/", b"").status == 200
    assert one.post("/", b"").status == 200


@needs("openssl")
@pytest.mark.parametrize("variable", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_also_out_of_a_folder(
    at: MakeHost, secure: RawServer, bundle: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.rename(bundle.parent / f"{hashed(bundle)}.0")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle.parent / "none"))
    monkeypatch.setenv(variable, str(bundle.parent))
    assert at(f"https://127.0.0.1:{secure.port}").post("/", b"").status == 200


def hashed(bundle: Path) -> str:
    """The name under which OpenSSL looks for an authority in a folder."""
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(bundle)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_bundle_that_is_not_there_trusts_nobody(
    at: MakeHost, secure: RawServer, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))  # which would be enough
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    with pytest.raises(NoAnswerError, match="names no certificates that can be read"):
        at(f"https://127.0.0.1:{secure.port}").post("/", b"")


def test_an_interpreter_that_knows_no_authorities_looks_where_systems_keep_them(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen one, built on another system: its default path does not exist here."""
    nowhere = ssl.get_default_verify_paths()._replace(cafile=None, capath=None)  # type: ignore[arg-type]  # as it is where there is none
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    monkeypatch.setattr(trust, "_AUTHORITIES", ("/nonexistent", str(bundle)))
    assert trust.trusting({}).cert_store_stats()["x509_ca"] == 1
    # But where the person has said where to look, nowhere else.
    assert trust.trusting({"SSL_CERT_FILE": "/nonexistent"}).cert_store_stats()["x509_ca"] == 0


class ProxyServer(RawServer):
    """Leads every CONNECT to one port, whatever name was asked for; or answers with a status."""

    def __init__(self, port: int, status: str = "200 OK") -> None:
        self._to, self._status = port, status
        super().__init__(self._tunnel)

    def _tunnel(self, _asked: Asked, stream: BinaryIO) -> str:
        stream.write(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
        stream.flush()
        if not self._status.startswith("200"):
            return "close"
        client = self._open[-1]
        with socket.create_connection(("127.0.0.1", self._to)) as there:
            threading.Thread(target=_pour, args=(there, client), daemon=True).start()
            _pour(client, there)
        return "close"


def _pour(source: socket.socket, into: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            into.sendall(data)
        into.shutdown(socket.SHUT_WR)


def test_by_the_persons_proxy_with_its_password(
    at: MakeHost, secure: RawServer, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is the proxy's to resolve; its password is not the service's to see."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    before = len(secure.asked)
    with ProxyServer(secure.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
        one = at("https://telemetry.example")
        assert [one.post("/v1", b"{}").status for _ in range(2)] == [200, 200]
        one.close()
        (asked,) = proxy.asked
    assert asked.line.startswith("CONNECT telemetry.example:443 ")
    token = base64.b64encode(b"me:secret").decode()
    assert asked.headers["proxy-authorization"] == f"Basic {token}"
    for served in secure.asked[before:]:
        assert "proxy-authorization" not in served.headers
        assert served.headers["host"] == "telemetry.example"


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 No", "502 Bad"])
def test_a_proxy_that_refuses_says_so(
    at: MakeHost, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyServer(0, status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(NoAnswerError, match=f"^no answer: the proxy answered {status[:3]}$"):
            at("https://telemetry.example").post("/", b"")


def test_a_proxy_of_another_kind_is_not_gone_round(
    at: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(NoAnswerError, match="is no HTTP proxy"):
        at("https://telemetry.example").post("/", b"")
