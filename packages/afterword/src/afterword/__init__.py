"""Anonymous usage telemetry for command-line tools that users do not resent.

Recorded locally while the command runs, sent by a background process after it has ended. Start with
`Telemetry`.
"""

from afterword.telemetry import Telemetry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from afterword.schema import Count, Event, Field, Flag, Id, ListOf, OneOf
    from afterword.version import __version__

__all__ = [
    "Count",
    "Event",
    "Field",
    "Flag",
    "Id",
    "ListOf",
    "OneOf",
    "Telemetry",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: most commands ask for none."""
    if name == "__version__":
        from afterword.version import __version__

        return __version__
    if name in __all__:
        from afterword import schema

        return getattr(schema, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
