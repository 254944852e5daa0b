"""Settings of every test run: Hypothesis asserts no durations, and in CI repeats its choices."""

import os

from hypothesis import settings

settings.register_profile("ours", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("ours")
