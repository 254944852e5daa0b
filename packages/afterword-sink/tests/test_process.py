"""The commands and the process: first line, end, files, and what is said to mistakes."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pytest

from afterword_sink import LocalSink, SinkClient, SinkError
from afterword_sink.client import endpoint_of

Envelope = Callable[..., dict[str, Any]]
COMMAND = [sys.executable, "-m", "afterword_sink"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command; whatever still runs is killed at the end."""
    processes = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, "serve", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("columns", ["60", "80"])
def test_the_example_in_the_help_can_be_copied(columns: str) -> None:
    shown = run("query", "--help", COLUMNS=columns)
    assert "\n  afterword-sink query 'customEvents | summarize count() by name'\n" in shown.stdout
    for command in ([], ["serve"], ["query"]):
        assert "\\b" not in run(*command, "--help").stdout


@pytest.mark.parametrize("command", ["--help", "serve", "serve --explain-faults"])
def test_output_that_finds_no_room_is_said(command: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, *command.split()],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "afterword-sink: No space left on device\n")


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def send(endpoint: str, *envelopes: object) -> None:
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request("POST", "/v2.1/track", json.dumps(envelopes))
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_first_line_and_the_end(
    started: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    envelope: Envelope,
    signum: signal.Signals,
) -> None:
    file = tmp_path / "events.duckdb"
    process = started("--database", str(file), "--fault", "hang chance=0")
    connection_string = line(process.stdout)
    assert connection_string.startswith(
        "InstrumentationKey=00000000-0000-4000-8000-000000000001;"
        "IngestionEndpoint=http://127.0.0.1:"
    )
    ingestion, live = connection_string.split(";")[1:]
    assert live.partition("=")[0] == "LiveEndpoint"  # or SDKs turn to Microsoft's host for it
    assert live.partition("=")[2] == ingestion.partition("=")[2]
    assert live.endswith("/")
    send(endpoint_of(connection_string), envelope("kept"))
    process.send_signal(signum)
    rest, said = process.communicate(timeout=10)
    assert (process.returncode, rest, said) == (0, "", "")
    assert set(tmp_path.iterdir()) == {tmp_path / "home", file}
    question = "customEvents | project e = customDimensions.event_id"
    asked = run("query", question, "--database", str(file), "--format", "json")
    assert json.loads(asked.stdout) == [{"e": "kept"}]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_hanging_request_does_not_hold_the_end(
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    process = started("--fault", "hang")
    client = SinkClient(endpoint_of(line(process.stdout)))
    port = int(client.endpoint.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            b"POST /v2.1/track HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n[]"
        )
        while client.stats()["requests"] == 0:
            time.sleep(0.01)
        process.terminate()
        assert connection.recv(100) == b""
    assert process.wait(timeout=10) == 0


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_long_queries_do_not_hold_the_end(started: Callable[..., subprocess.Popen[str]]) -> None:
    process = started()
    client = SinkClient(endpoint_of(line(process.stdout)))
    said: list[str] = []

    def ask() -> None:
        try:
            client.query(
                "let t = range x from 1 to 100000 step 1 | extend k = 1;"
                "t | join kind=inner (t) on k | summarize sum(x * x1)"
            )
        except SinkError as error:
            said.append(str(error))

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    assert client.query("print x = 1") == [{"x": 1}]
    process.terminate()
    assert process.communicate(timeout=40) == ("", "")
    assert process.returncode == 0
    for thread in asking:
        thread.join()
    assert len(said) == 4


def test_it_ends_with_its_parent(started: Callable[..., subprocess.Popen[str]]) -> None:
    process = started("--until-stdin-closes")
    line(process.stdout)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=10) == 0
    process.stdin = None


def test_requests_are_printed_on_the_terminal(
    started: Callable[..., subprocess.Popen[str]], envelope: Envelope
) -> None:
    process = started("--log-requests", "--fault", "503 times=1")
    client = SinkClient(endpoint_of(line(process.stdout)))
    body = json.dumps([envelope("a"), envelope("b")])
    for path in ("//v2.1/track", "/v2.1/track", "/odd%0Apath"):
        connection = http.client.HTTPConnection(urlsplit(client.endpoint).netloc, timeout=10)
        connection.request("POST", path, body)
        connection.getresponse().read()
        connection.close()
    process.terminate()
    hint, *told = process.communicate(timeout=20)[1].splitlines()
    assert f"open {client.endpoint} in a browser" in hint
    assert [text.split("  ", 1)[1] for text in told] == [
        "POST //v2.1/track, 2 items: 503 (fault: 503 times=1)",
        "POST /v2.1/track, 2 items: 200",
        "POST /odd%0Apath: 404",
    ]


def test_health_and_live_metrics(sink: LocalSink, call: Callable[..., Any]) -> None:
    for path in ("/", "/health"):
        assert call("GET", path).json == {"status": "ok", "sink": "afterword-sink"}
    ping = call("POST", "/QuickPulseService.svc/ping?ikey=x", "{}")
    assert (ping.status, ping.headers["x-ms-qps-subscribed"]) == (200, "false")
    assert sink.stats()["requests"] == 0


@pytest.mark.parametrize("host", ["::1", "127.0.0.2", "0.0.0.0"])  # noqa: S104  # to be tried
def test_other_addresses(started: Callable[..., subprocess.Popen[str]], host: str) -> None:
    process = started("--host", host)
    connection_string = line(process.stdout)
    if not connection_string:
        pytest.skip(f"this machine has no {host}")
    client = SinkClient(endpoint_of(connection_string))
    assert client.stats()["requests"] == 0
    expected = {"::1": "[::1]", "0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104
    assert client.endpoint.startswith(f"http://{expected}:")
    process.terminate()
    told = process.communicate(timeout=20)[1]
    assert ("everybody" in told) == (host == "0.0.0.0")  # noqa: S104


def test_tls(tmp_path: Path, envelope: Envelope) -> None:
    folder = tmp_path / "certificate"
    with LocalSink(tls=str(folder)) as sink:
        assert sink.endpoint.startswith("https://127.0.0.1:")
        assert sink.query("print x = 1") == [{"x": 1}]
        with pytest.raises(SinkError, match="CERTIFICATE_VERIFY_FAILED"):
            SinkClient(sink.endpoint).stats()
        done = run(
            "query", "print x = 2", "--format", "json", "--endpoint", sink.connection_string,
            SSL_CERT_FILE=str(folder / "ca.pem"),
        )  # fmt: skip
        assert json.loads(done.stdout) == [{"x": 2}]
        sink.set_faults("refuse for=0.1 times=1; close times=1")
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        for _ in range(2):
            connection = http.client.HTTPSConnection(
                urlsplit(sink.endpoint).netloc, timeout=10, context=context
            )
            connection.request("POST", "/v2.1/track", "[]")
            with pytest.raises((http.client.HTTPException, OSError)):
                connection.getresponse()
            connection.close()
            until_answers(sink)
        authority = (folder / "ca.pem").read_bytes()
    assert {path.name for path in folder.iterdir()} == {"ca.pem", "server.pem"}
    if os.name == "posix":
        assert (folder / "server.pem").stat().st_mode & 0o777 == 0o600
    with LocalSink(tls=str(folder)) as again:  # who trusts it once need not do it again
        assert again.stats()["requests"] == 0
    assert (folder / "ca.pem").read_bytes() == authority


def until_answers(sink: LocalSink) -> None:
    while True:
        try:
            sink.stats()
        except SinkError:
            time.sleep(0.02)
        else:
            return


def test_it_listens_on_loopback_only(sink: LocalSink) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; picks the address others would see
        except OSError:
            pytest.skip("no address but loopback")
        own = probe.getsockname()[0]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((own, sink.port), timeout=2)


def test_mistakes_are_reported_without_a_traceback(sink: LocalSink, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.duckdb"
    nonsense.write_text("this is no database, but it is long enough to be looked at " * 100)
    cases = [
        (["serve", "--port", str(sink.port)], 1, f"cannot listen on 127.0.0.1:{sink.port}"),
        (["serve", "--host", "localhost"], 2, "'localhost' is no IP address"),
        (["serve", "--tls", str(nonsense)], 1, "nonsense.duckdb"),
        (["serve", "--fault", "explode"], 1, "'explode' is unknown"),
        (["serve", "--database", str(nonsense)], 1, "cannot be used as a database"),
        (["serve", "--database", str(tmp_path / "no" / "folder")], 1, "cannot be used as a"),
        (["query", "print 1"], 2, "AFTERWORD_SINK"),
        (["query", "print 1", "--endpoint", "http://127.0.0.1:9/"], 1, "no sink answers at"),
        (["query", "print 1", "--endpoint", "elsewhere"], 1, "neither the URL nor"),
        (["query", "nowhere", "--endpoint", sink.endpoint], 1, "nowhere"),
        (["query", "print 1", "--database", str(tmp_path / "none")], 1, "no such file"),
        (["query", "print 1", "--database", str(nonsense)], 1, "cannot be used as a database"),
    ]  # fmt: skip
    for arguments, code, reason in cases:
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (code, ""), arguments
        assert reason in done.stderr, arguments
        assert "Traceback" not in done.stderr, arguments


def test_a_database_in_use_is_named(tmp_path: Path) -> None:
    file = str(tmp_path / "events.duckdb")
    with LocalSink(database=file):
        done = run("query", "print 1", "--database", file)
    assert done.returncode == 1
    assert "is in use: ask the sink that has it" in done.stderr


def test_query_prints_a_table(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    track(envelope("a"), envelope("b"), envelope("c", event="cli_command"))
    question = "customEvents | summarize n = count() by name | order by name asc"
    done = run("query", question, AFTERWORD_SINK=sink.connection_string)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "name            n\n"
        "--------------  -\n"
        "atomic_command  2\n"
        "cli_command     1\n"
    )  # fmt: skip
    as_json = run("query", question, "--format", "json", "--endpoint", sink.endpoint)
    assert json.loads(as_json.stdout) == [
        {"name": "atomic_command", "n": 2},
        {"name": "cli_command", "n": 1},
    ]


def test_questions_in_files(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope, tmp_path: Path
) -> None:
    track(envelope("a"), envelope("b"), envelope("c", event="cli_command"))
    file = tmp_path / "names.kql"
    file.write_text("// How often is what done?\ncustomEvents\n| summarize n = count() by name\n")
    asked = {"AFTERWORD_SINK": sink.connection_string}
    done = run("query", str(file), "--format", "csv", **asked)
    assert done.stdout.splitlines() == ["name,n", "atomic_command,2", "cli_command,1"]
    by_stdin = subprocess.run(
        [*COMMAND, "query", "-", "--format", "json"], input=file.read_text(),
        env=os.environ | asked, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert json.loads(by_stdin.stdout)[0] == {"name": "atomic_command", "n": 2}
    missing = run("query", str(tmp_path / "none.kql"), **asked)
    assert (missing.returncode, "none.kql: No such file" in missing.stderr) == (1, True)


def test_a_chart_in_a_terminal(
    sink: LocalSink, track: Callable[..., Any], envelope: Envelope
) -> None:
    track(envelope("a"), envelope("b"), envelope("c", event="cli_command"))
    question = "customEvents | summarize n = count() by name | order by name asc"
    asked = {"AFTERWORD_SINK": sink.connection_string, "COLUMNS": "39", "PYTHONUTF8": "1"}
    drawn = (
        "name            n\n"
        "--------------  -\n"
        "atomic_command  2  ███████████████████\n"
        "cli_command     1  █████████▌\n"
    )
    assert run("query", question, "--chart", **asked).stdout == drawn
    assert "█" not in run("query", question, **asked).stdout  # a pipe
    if os.name == "posix":
        import pty

        outer, inner = pty.openpty()
        with subprocess.Popen(
            [*COMMAND, "query", question], stdout=inner, env=os.environ | asked
        ) as process:
            os.close(inner)
            text = b""
            with contextlib.suppress(OSError):  # the terminal's end
                while part := os.read(outer, 4096):
                    text += part
        os.close(outer)
        assert process.returncode == 0
        assert text.decode().replace("\r\n", "\n") == drawn


def test_faults_are_explained() -> None:
    done = run("serve", "--explain-faults")
    assert done.returncode == 0
    for word in ("hang", "drip", "malformed-206", "after=store", "chance=P"):
        assert word in done.stdout


def test_a_local_sink_keeps_its_port_and_its_file(tmp_path: Path, envelope: Envelope) -> None:
    sink = LocalSink(database=str(tmp_path / "events.duckdb"), faults=["500 times=0"], seed=3)
    with pytest.raises(SinkError):
        sink.stats()
    sink.start()
    try:
        sink.start()  # runs already
        assert sink.faults() == [{"fault": "500 times=0", "left": 0}]
        send(sink.endpoint, envelope())
        port = sink.port
        sink.stop()
        with pytest.raises(SinkError, match="no sink answers"):
            sink.stats()
        sink.start()
        assert sink.port == port
        assert len(sink.events()) == 1
    finally:
        sink.stop()
        sink.stop()  # does not run


def test_a_local_sink_that_cannot_start_says_why(sink: LocalSink) -> None:
    with pytest.raises(SinkError, match="cannot listen on"):
        LocalSink(port=sink.port).start()
    with pytest.raises(SinkError, match="it said nothing in time"):
        LocalSink(start_seconds=0.001).start()


def test_what_is_no_sink_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SinkError, match="is no sink"):
            SinkClient(f"http://127.0.0.1:{other.getsockname()[1]}/").stats()
        thread.join()


def test_endpoints() -> None:
    assert endpoint_of("InstrumentationKey=k;IngestionEndpoint=http://127.0.0.1:1/") == (
        "http://127.0.0.1:1/"
    )
    assert endpoint_of(" http://127.0.0.1:1/ ") == "http://127.0.0.1:1/"
    for text in ("", "k=v", "ftp://x/", "127.0.0.1:1"):
        with pytest.raises(ValueError, match="neither"):
            endpoint_of(text)


def test_talking_to_a_sink_needs_the_standard_library_only() -> None:
    """Importing `LocalSink` is cheap: the server's libraries load in its own process."""
    heavy = "{'click', 'starlette', 'uvicorn', 'duckdb', 'orjson'}"
    code = f"import sys, afterword_sink; sys.exit(str({heavy} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
