"""Anonymous usage telemetry for command-line tools that users do not resent.

Recorded locally while the command runs, sent after its last word. Start with `Telemetry`.
"""

from afterword.schema import Count, Event, Flag, Id, ListOf, OneOf
from afterword.telemetry import Telemetry

__all__ = ["Count", "Event", "Flag", "Id", "ListOf", "OneOf", "Telemetry"]
