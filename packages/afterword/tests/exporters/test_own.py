"""An exporter of one's own, any OpenTelemetry exporter wrapped, and the console."""

import http.server
import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    LogRecordExporter,
    LogRecordExportResult,
)

from afterword import Telemetry
from afterword.errors import AfterwordError
from afterword.exporters import choose, wrap
from afterword.exporters.base import Record
from afterword.exporters.console import ConsoleExporter

DOCS = Path(__file__).parents[4] / "docs/exporters.md"
WEBHOOK, _WRAPPED = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
BATCH = [
    Record("done", 1_795_551_596.5, "id", {"event_id": str(number), "session_id": "s", "n": number})
    for number in range(3)
]
Make = Callable[..., Telemetry]


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any]]]:
    """A service of one's own: its address, and what it was sent."""
    got: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.extend(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"stored": len(got)}).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_webhook_of_the_documentation(
    make: Make, webhook: tuple[str, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shipit_webhook.py").write_text(WEBHOOK)
    monkeypatch.syspath_prepend(tmp_path)
    url, got = webhook
    telemetry = make(connection_string=url, exporter="shipit_webhook:make")
    telemetry.turn_on()
    telemetry.record("done", what="build", how_many=3)
    status = telemetry.upload()
    assert status is not None
    assert (status.sent, status.error) == (1, None)
    assert [(one["event"], one["what"], one["how_many"]) for one in got] == [("done", "build", 3)]
    assert len(WEBHOOK.splitlines()) < 45
    sys.modules.pop("shipit_webhook")


@pytest.mark.parametrize("name", ["nothing_here:make", "json:nothing_here", "json", ":make", ""])
def test_one_that_cannot_be_imported_is_said(name: str) -> None:
    with pytest.raises(AfterwordError, match="cannot be imported"):
        choose.make("x", exporter=name, role="app", role_version="1", silence=1)


class Failing(LogRecordExporter):
    def __init__(self, *, loudly: bool) -> None:
        self._loudly = loudly

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:  # noqa: ARG002
        if self._loudly:
            raise RuntimeError("somebody's secret")
        return LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 10_000) -> bool:  # noqa: ARG002
        return True

    def shutdown(self) -> None:
        """Nothing is held."""


def test_any_opentelemetry_exporter_wrapped() -> None:
    memory = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # untyped there
    exporter = wrap(memory, role="app", role_version="1.2.3")
    assert exporter.export(BATCH).taken == {0, 1, 2}
    first = memory.get_finished_logs()[0]
    assert first.resource.attributes == {"service.name": "app", "service.version": "1.2.3"}
    assert first.log_record.event_name == "done"
    assert first.log_record.timestamp == 1_795_551_596_500_000_000
    assert first.log_record.attributes is not None
    assert dict(first.log_record.attributes) == {
        "microsoft.custom_event.name": "done", "enduser.pseudo.id": "id", "event_id": "0",
        "session_id": "s", "n": 0, "session.id": "s",
    }  # fmt: skip
    assert len(exporter.render(BATCH)) == 3
    exporter.close()
    assert exporter.export(BATCH).taken == frozenset()  # shut down


@pytest.mark.parametrize("loudly", [True, False])
def test_its_failure_keeps_the_batch(loudly: bool) -> None:
    receipt = wrap(Failing(loudly=loudly), role="app", role_version="1").export(BATCH)
    assert (receipt.taken, receipt.refused) == (frozenset(), {})
    assert receipt.problem is not None
    assert "secret" not in receipt.problem


def test_the_console_shows_and_settles() -> None:
    stream = io.StringIO()
    exporter = ConsoleExporter(role="app", stream=stream)
    assert exporter.export(BATCH).taken == {0, 1, 2}
    assert stream.getvalue().splitlines()[:4] == [
        "app: done at 2026-11-24 20:19:56.500+00:00",
        "  event_id    0",
        "  session_id  s",
        "  n           0",
    ]
    stream.close()
    assert exporter.export(BATCH).problem == "it cannot be shown: an error within it"
