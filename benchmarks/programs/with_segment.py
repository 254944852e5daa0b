"""segment-analytics-python in `sync_mode`: track blocks until the message is sent.

The quickest way that delivers. `flush()` at the end, as the documentation has it for scripts, first
waits out an interval: five times as long. A failure is raised into the program, so we catch it.
"""

import contextlib
import os

from segment import analytics

analytics.write_key = "bench"
analytics.host = os.environ["BENCH_ENDPOINT"]
analytics.sync_mode = True
with contextlib.suppress(Exception):
    analytics.track(
        "4f2f7b57-0000-4000-8000-000000000001",
        "command",
        {"command": "init", "success": True, "mark": os.environ["BENCH_MARK"]},
    )
