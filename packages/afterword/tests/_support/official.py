"""The official exporter in a process of its own, which it may change; asked over a pipe.

As a program: for each line, a JSON list of the clock and the records, it prints the body of the
request that the exporter makes of them.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self

from support import taken

from afterword.exporters.azure_official import OfficialAzureExporter
from afterword.exporters.base import Record
from afterword.exporters.http import Reply


class Official:
    """Says what the official exporter sends."""

    def __init__(self, key: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, key],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)

    def sent(self, now: float, records: Sequence[Record]) -> list[Any]:
        """The envelopes that it sends at this time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([now, [asdict(one) for one in records]]) + "\n")
        self._process.stdin.flush()
        return list(json.loads(self._process.stdout.readline()))


class Listening:
    """Stands where the exporter's host stands: keeps what is posted, and takes it."""

    def __init__(self) -> None:
        self.body = b""

    def post(self, path: str, body: bytes) -> Reply:
        assert path == "/v2.1/track"
        self.body = body
        return Reply(200, {"content-type": "application/json"}, taken(len(json.loads(body))))

    def close(self) -> None:
        """Nothing is open."""


def main() -> None:
    now, host = 0.0, Listening()
    exporter = OfficialAzureExporter(
        host,  # type: ignore[arg-type]  # it stands in for one
        endpoint="https://ingestion.example", key=sys.argv[1], role="app", role_version="1.2.3",
        clock=lambda: now,
    )  # fmt: skip
    for line in sys.stdin:
        now, records = json.loads(line)
        batch = [Record(**record) for record in records]
        assert len(exporter.export(batch).taken) == len(batch)
        sys.stdout.write(host.body.decode() + "\n")
        sys.stdout.flush()
    exporter.close()


if __name__ == "__main__":
    main()
