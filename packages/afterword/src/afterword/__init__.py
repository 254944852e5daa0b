"""Usage telemetry for command-line tools that their users can live with.

Recorded locally while the command runs, sent by a background process after it has ended. Start with
`Telemetry`.
"""

from afterword.telemetry import Telemetry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from afterword.consent import Notice
    from afterword.schema import (
        Agent,
        Count,
        Duration,
        Event,
        Field,
        Flag,
        Id,
        ListOf,
        OneOf,
        Outcome,
        Range,
    )
    from afterword.version import __version__

__all__ = [
    "Agent",
    "Count",
    "Duration",
    "Event",
    "Field",
    "Flag",
    "Id",
    "ListOf",
    "Notice",
    "OneOf",
    "Outcome",
    "Range",
    "Telemetry",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: most commands ask for none."""
    if name == "__version__":
        from afterword.version import __version__

        return __version__
    if name == "Notice":
        from afterword.consent import Notice

        return Notice
    if name in __all__:
        from afterword import schema

        return getattr(schema, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
