"""snowplow-tracker: make a tracker, track a structured event, flush before the end.

docs.snowplow.io, Python tracker, "Initialization" and "Tracking specific events".
"""

import os

from snowplow_tracker import Snowplow, StructuredEvent

tracker = Snowplow.create_tracker(namespace="cli", endpoint=os.environ["BENCH_ENDPOINT"])
tracker.track(StructuredEvent(category="command", action="init", label=os.environ["BENCH_MARK"]))
tracker.flush()
