"""Record a thousand events when the gate opens: by the engine, by hand, or by bare appends.

`recorder.py KIND COUNT FIRST_MARK READY GATE`: the last two are file descriptors; a byte on READY
says that all is imported, and the end of GATE that it may begin.
"""

import os
import sys

kind, count, first_mark, ready, gate = sys.argv[1], *map(int, sys.argv[2:])
if kind == "ours":
    os.environ["BENCH_TELEMETRY_UPLOAD"] = "1"  # nobody is to upload meanwhile
    from ours import telemetry

    def record(mark: int) -> None:
        """Record one event through the engine."""
        telemetry.record("command", command="init", success=True, mark=mark)

elif kind == "by hand":
    import json
    import uuid
    from datetime import UTC, datetime

    path = os.path.join(os.environ["HOME"], "events")
    anonymous_id = str(uuid.uuid4())

    def record(mark: int) -> None:
        """Record the same event as one would without an engine: unasked, undeclared, unlocked."""
        event = {
            "eventId": str(uuid.uuid4()),
            "eventType": "command",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "anonymousId": anonymous_id,
            "platform": sys.platform,
            "benchVersion": "1.0.0",
            "command": "init",
            "success": True,
            "mark": mark,
        }
        with open(path, "a") as file:
            file.write(json.dumps(event) + "\n")

else:
    path = os.path.join(os.environ["HOME"], "events")

    def record(mark: int) -> None:
        """Append as many bytes, as a command would that has nothing open: open, write, close."""
        line = f'{{"mark":{mark}'.ljust(269) + "}\n"
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if kind == "locked append":
            os.lockf(file, os.F_LOCK, 0)
        os.write(file, line.encode())
        os.close(file)


os.write(ready, b"r")
os.read(gate, 1)
for mark in range(first_mark, first_mark + count):
    record(mark)
