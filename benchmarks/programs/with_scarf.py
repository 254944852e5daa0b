"""scarf-sdk, as its README shows: a logger and `log_event`, which waits for the answer.

It raises where the server does not answer in its three seconds; a tool has to catch that itself.
"""

import contextlib
import os

from scarf import ScarfEventLogger

logger = ScarfEventLogger(endpoint_url=f"{os.environ['BENCH_ENDPOINT']}/bench/command")
with contextlib.suppress(Exception):
    logger.log_event({"command": "init", "success": True, "mark": os.environ["BENCH_MARK"]})
