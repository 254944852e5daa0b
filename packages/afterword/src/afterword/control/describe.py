"""Everything that can be recorded, as data and as text, made from the declarations."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from afterword.schema import PLATFORMS, Event, Field

COMMON = (
    ("event_id", "a random id made for this event alone, so that it is counted once"),
    ("timestamp", "when it was recorded (UTC)"),
    ("anonymous_id", "a random id, replaced each month"),
    ("platform", "one of " + ", ".join(PLATFORMS)),
    ("version", "the application's version"),
)
"""What every event carries beside its own fields: wire name, and what may be in it."""

_HEAD = ("field", "what may be in it", "why")
_UUID4 = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_COMMON_VALUES: Mapping[str, Mapping[str, object]] = {
    "event_id": {"type": "string", "pattern": _UUID4},
    "timestamp": {
        "type": "string",
        "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
    },
    "anonymous_id": {"type": "string", "pattern": _UUID4},
    "platform": {"enum": list(PLATFORMS)},
    "version": {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}$"},
}
_SPECIAL = frozenset(r"\.+*?()[]{}|^$")


def as_json(events: Iterable[Event]) -> dict[str, object]:
    """Every event and field as data, and a JSON Schema of what may be on the wire."""
    declared = list(events)
    return {
        "every_event": [{"name": name, "about": about} for name, about in COMMON],
        "events": [_event(event) for event in declared],
        "wire": wire_schema(declared),
    }


def wire_schema(events: Iterable[Event]) -> dict[str, object]:
    """A JSON Schema (draft 2020-12) of an event's name and properties on the wire.

    It holds for both protocols: OTLP has typed values, Application Insights has text for all
    (`True`, `3`).
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event on the wire: its name and its properties",
        "oneOf": [_wire(event) for event in events],
    }


def markdown(events: Iterable[Event]) -> str:
    """Every event with every field, as the tables of a page."""
    parts = ["Every event carries:\n", _rows_of_page(_HEAD[:2], COMMON)]
    for event in events:
        about = [event.about, *_reasons(event.why, event.until), "It also carries:"]
        parts.append(f"**`{event.name}`** {' '.join(part for part in about if part)}\n")
        rows = [
            (name, _rule(field), " ".join((field.why, *_reasons("", field.until))).strip())
            for name, field in event.fields.items()
        ]
        given = any(why for _, _, why in rows)
        parts.append(_rows_of_page(_HEAD, rows) if given else _rows_of_page(_HEAD[:2], rows))
    return "\n".join(parts)


def table(events: Iterable[Event], width: int) -> str:
    """The same for a terminal that is `width` columns wide."""
    declared = list(events)
    names = [name for name, _ in COMMON] + [name for one in declared for name in one.fields]
    column = max(map(len, names)) + 4
    lines = ["Every event"]
    for name, about in COMMON:
        lines += _row(name, [about], column, width)
    for event in declared:
        lines += ["", event.name]
        for text in (event.about, *_reasons(event.why, event.until)):
            lines += textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="  ")
        for name, field in event.fields.items():
            texts = [_rule(field), *_reasons(field.why, field.until)]
            lines += _row(name, texts, column, width)
    return "\n".join(lines)


def _event(event: Event) -> dict[str, object]:
    return {
        "name": event.name,
        "about": event.about,
        "why": event.why or None,
        "until": event.until or None,
        "fields": [_field(name, field) for name, field in event.fields.items()],
    }


def _field(name: str, field: Field) -> dict[str, object]:
    found: dict[str, object] = {"name": name, "kind": field.kind, "optional": field.optional}
    if field.words:
        found["words"] = list(field.words)
    if field.other:
        found["other"] = field.other
    if field.bounds:
        found["bounds"] = list(field.bounds)
    if field.kind in ("count", "words"):
        found["most"] = field.most
    return found | {"why": field.why or None, "until": field.until or None}


def _wire(event: Event) -> dict[str, object]:
    own = {name: _value(field) for name, field in event.fields.items()}
    needed = [name for name, field in event.fields.items() if not (field.optional or field.until)]
    properties = {
        "type": "object",
        "properties": {**_COMMON_VALUES, **own},
        "required": [*_COMMON_VALUES, *needed],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"name": {"const": event.name}, "properties": properties},
        "required": ["name", "properties"],
    }


def _value(field: Field) -> dict[str, object]:
    if field.kind in ("word", "range"):
        return {"enum": list(field.words)}
    if field.kind == "words":
        word = "(?:" + "|".join(_escaped(one) for one in field.words) + ")"
        return {"type": "string", "pattern": f"^{word}(?:,{word})*$"}
    if field.kind == "count":
        number = {"type": "integer", "minimum": 0, "maximum": field.most}
        return {"anyOf": [number, {"type": "string", "pattern": "^[0-9]{1,16}$"}]}
    if field.kind == "flag":
        return {"enum": [True, False, "True", "False"]}
    return {"type": "string", "pattern": _UUID4}


def _escaped(word: str) -> str:
    """The word within a pattern of ECMAScript, which knows fewer escapes than `re.escape`."""
    return "".join(f"\\{mark}" if mark in _SPECIAL else mark for mark in word)


def _rule(field: Field) -> str:
    if field.kind == "word" and len(field.words) == 1:
        return f"always {field.words[0]}" + (", or absent" if field.optional else "")
    return field.rule() + (", or absent" if field.optional else "")


def _reasons(why: str, until: str) -> Iterator[str]:
    if why:
        yield f"Why: {why}"
    if until:
        yield f"Until {until}."


def _row(name: str, texts: Iterable[str], column: int, width: int) -> list[str]:
    lines: list[str] = []
    for text in texts:
        first = f"  {name:<{column - 2}}" if not lines else " " * column
        lines += textwrap.wrap(
            text, max(width, column + 20), initial_indent=first, subsequent_indent=" " * column
        )
    return lines


def _rows_of_page(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown with the columns that the head has."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, *rest in rows:
        cells = [f"`{name}`", *(cell.replace("|", r"\|") for cell in rest)][: len(head)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
