"""Anonymous usage telemetry for command-line tools that users do not resent.

Recorded locally while the command runs, sent after its last word. Start with `Telemetry`.
"""

from afterword.telemetry import Telemetry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from afterword.schema import Count, Event, Flag, Id, ListOf, OneOf

__all__ = ["Count", "Event", "Flag", "Id", "ListOf", "OneOf", "Telemetry"]


def __getattr__(name: str) -> object:
    """What declarations are made of, loaded when one is made."""
    if name in __all__:
        from afterword import schema

        return getattr(schema, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
