"""huggingface_hub: `send_telemetry`, by its docstring the way for libraries built on it.

It sends from a daemon thread, which ends with the program.
"""

import os

from huggingface_hub.utils import send_telemetry

send_telemetry(
    "cli/init",
    library_name="bench",
    library_version="1.0.0",
    user_agent={"command": "init", "mark": os.environ["BENCH_MARK"]},
)
