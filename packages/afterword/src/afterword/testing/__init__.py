"""For an application's own tests: see what it records, without consent, disk or network.

with recorded(telemetry) as events:
    run_the_command()
assert events == [{"event": "greeting", "word": "hello", "success": True}]
"""

from afterword.testing.recording import recorded

__all__ = ["recorded"]
