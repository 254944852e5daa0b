"""sentry-sdk: init and capture; at exit the SDK drains by itself, for two seconds at most.

docs.sentry.io, Python, "Shutdown and Draining".
"""

import os

import sentry_sdk

host = os.environ["BENCH_ENDPOINT"].removeprefix("http://")
sentry_sdk.init(dsn=f"http://0123456789abcdef0123456789abcdef@{host}/1", release="bench@1.0.0")
sentry_sdk.set_tag("mark", os.environ["BENCH_MARK"])
sentry_sdk.capture_message("command init")
