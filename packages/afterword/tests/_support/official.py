"""The official exporter in a process of its own, which it may change; asked over a pipe.

As a program: for each line, a JSON list of the clock and the records, it prints the envelopes.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self

from afterword.exporters import choose
from afterword.exporters.base import Record


class Official:
    """Renders records by the official exporter."""

    def __init__(self, connection_string: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, connection_string],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)

    def render(self, now: float, records: Sequence[Record]) -> list[Any]:
        """The envelopes that it would send at this time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([now, [asdict(one) for one in records]]) + "\n")
        self._process.stdin.flush()
        return list(json.loads(self._process.stdout.readline()))


def main() -> None:
    now = 0.0
    exporter = choose.make(
        sys.argv[1], exporter=choose.OFFICIAL, role="app", role_version="1.2.3", silence=5,
        own_process=True, clock=lambda: now,
    )  # fmt: skip
    for line in sys.stdin:
        now, records = json.loads(line)
        rendered = exporter.render([Record(**record) for record in records])
        sys.stdout.write(json.dumps(rendered) + "\n")
        sys.stdout.flush()
    exporter.close()


if __name__ == "__main__":
    main()
