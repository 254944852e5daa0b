"""posthog: a client and a capture; at exit it makes a short attempt to flush by itself.

`shutdown()` would wait longer; we take what delays the command less.
"""

import os

from posthog import Posthog

posthog = Posthog("phc_bench", host=os.environ["BENCH_ENDPOINT"])
posthog.capture(
    "command",
    distinct_id="4f2f7b57-0000-4000-8000-000000000001",
    properties={"command": "init", "success": True, "mark": os.environ["BENCH_MARK"]},
)
