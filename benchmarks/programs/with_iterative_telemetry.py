"""iterative-telemetry (of DVC and MLEM), as its README shows for a command line: `send_cli_call`.

It starts a process that imports `requests` and sends, and does not wait for it.
"""

import os

from iterative_telemetry import IterativeTelemetryLogger

logger = IterativeTelemetryLogger("bench", "1.0.0", url=f"{os.environ['BENCH_ENDPOINT']}/event")
logger.send_cli_call("init", error=None, mark=os.environ["BENCH_MARK"])
