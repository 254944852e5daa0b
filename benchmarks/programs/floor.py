"""The least that background telemetry can cost: append a line, start another Python."""

import os
import sys

file = os.open(
    os.path.join(os.environ["HOME"], "events"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
)
os.write(file, b"x" * 399 + b"\n")
os.close(file)
os.posix_spawn(
    sys.executable,
    (sys.executable, "-c", "pass"),
    os.environ,
    file_actions=[(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1, 2)],
    setsid=True,
)
