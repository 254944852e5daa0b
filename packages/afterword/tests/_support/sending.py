"""An exporter in a process of its own, under a limit: `sending.py CONNECTION EXPORTER COUNT`.

It sends COUNT records once, and prints the receipt and the most memory that took.
"""

import json
import sys
import tracemalloc
from typing import Any

from afterword.exporters import choose
from afterword.exporters.base import Record

BATCH = [
    Record("done", 1_795_551_596.0, "id", {"event_id": str(number), "what": "build"})
    for number in range(100)
]


def main() -> None:
    connection_string, exporter = sys.argv[1:3]
    made = choose.make(
        connection_string, exporter=exporter or None, role="app", role_version="1", silence=5,
        own_process=True,
    )  # fmt: skip
    made.render(BATCH)  # what is loaded on the way is not an answer's doing
    tracemalloc.start()
    receipt = made.export(BATCH)
    peak = tracemalloc.get_traced_memory()[1]
    made.close()
    told: dict[str, Any] = {
        "taken": sorted(receipt.taken),
        "refused": len(receipt.refused),
        "problem": receipt.problem,
        "peak": peak,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
