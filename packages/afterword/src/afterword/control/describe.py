"""What can ever be recorded, in words, made from the declarations themselves."""

from collections.abc import Iterable

from afterword.schema import PLATFORMS, Event

COMMON = (
    ("event_id", "a random id made for this event alone, so that it is counted once"),
    ("timestamp", "when it was recorded (UTC)"),
    ("anonymous_id", "a random id, new with each month; no earlier one is kept"),
    ("platform", "one of " + ", ".join(PLATFORMS)),
    ("version", "the application's version"),
)
"""What every event carries beside its own fields: wire name, and what may stand there."""


def markdown(events: Iterable[Event]) -> str:
    """Every event with every field, as a page's tables."""
    parts = ["Every event carries:\n", _table(COMMON)]
    for event in events:
        rows = [
            (name, field.rule() + (", or absent" if field.optional else ""))
            for name, field in event.fields.items()
        ]
        about = f"{event.about} " if event.about else ""
        parts += [f"**`{event.name}`** {about}It carries also:\n", _table(rows)]
    return "\n".join(parts)


def as_json(events: Iterable[Event]) -> dict[str, object]:
    """The same for scripts: event to field to what it may hold."""
    return {
        event.name: {
            **dict(COMMON),
            **{name: field.rule() for name, field in event.fields.items()},
        }
        for event in events
    }


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = ["| field | what may stand there |", "|---|---|"]
    lines += [f"| `{name}` | {what} |" for name, what in rows]
    return "\n".join(lines) + "\n"
