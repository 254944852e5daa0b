"""The fixtures of these tests; written in `_support`, where mypy can tell them from others."""

from sink_fixtures import call, call_to, envelope, running_sink, sink, track

__all__ = ["call", "call_to", "envelope", "running_sink", "sink", "track"]
