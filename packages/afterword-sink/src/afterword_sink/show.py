"""Print an answer as a table, with bars beside it, as JSON or as CSV.

Pure: columns and rows in, text out.
"""

import json
from typing import Any

_EIGHTHS = " ▏▎▍▌▋▊▉█"  # a bar ends in an eighth of a character
_LEAST_BAR = 10  # characters that a chart needs
Rows = list[list[Any]]


def as_json(columns: list[str], rows: Rows) -> str:
    """A JSON array of objects."""
    objects = [dict(zip(columns, row, strict=True)) for row in rows]
    return json.dumps(objects, indent=2) + "\n"


def as_csv(columns: list[str], rows: Rows) -> str:
    """CSV with a header line; null is empty, a dynamic value is JSON.

    Lines end with a newline only. With that, the standard library's writer would not quote a value
    that contains a carriage return.
    """
    texts = [[one if isinstance(one, str) else _text(one) for one in row] for row in rows]
    lines = [columns, *texts]
    return "".join(",".join(map(_quoted, line)) + "\n" for line in lines)


def _quoted(text: str) -> str:
    if not any(mark in text for mark in ',"\r\n'):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def as_table(columns: list[str], rows: Rows, *, width: int = 0, blocks: bool = True) -> str:
    """A table with aligned columns, numbers to the right, and bars beside them if they fit.

    Args:
        columns: Their names.
        rows: Their values.
        width: Of the terminal; 0 for no bars. Bars are drawn where each row is one name (or time)
            and one number that is not negative.
        blocks: Draw bars with block characters; else with `#`.
    """
    cells = [[_cell(name) for name in columns], *([_cell(value) for value in row] for row in rows)]
    places = range(len(columns))
    widths = [max(len(row[place]) for row in cells) for place in places]
    right = [bool(rows) and all(_is_number(row[place]) for row in rows) for place in places]
    lines = [
        "  ".join(
            cell.rjust(size) if to_right else cell.ljust(size)
            for cell, size, to_right in zip(row, widths, right, strict=True)
        )
        for row in [cells[0], ["-" * size for size in widths], *cells[1:]]
    ]
    room = width - sum(widths) - 2 * len(widths) - 1
    if width and room >= _LEAST_BAR and is_chart(rows):
        bars = _bars([row[1] for row in rows], room, blocks=blocks)
        lines[2:] = [f"{line}  {bar}" for line, bar in zip(lines[2:], bars, strict=True)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def is_chart(rows: Rows) -> bool:
    """Whether each row is one name and one number that can be drawn."""
    return bool(rows) and all(
        len(row) == 2  # noqa: PLR2004  # a name and a number
        and (row[0] is None or isinstance(row[0], str))
        and _is_number(row[1])
        and (row[1] or 0) >= 0
        for row in rows
    )


def _bars(values: list[Any], room: int, *, blocks: bool) -> list[str]:
    most = max((value or 0) for value in values)
    bars = []
    for value in values:
        eighths = round((value or 0) / most * room * 8) if most else 0
        if value and not eighths:
            eighths = 1  # more than nothing is always visible
        whole, rest = divmod(eighths, 8)
        bars.append("█" * whole + _EIGHTHS[rest].strip() if blocks else "#" * (whole + (rest > 0)))
    return bars


def _cell(value: Any) -> str:
    """A value in one line; control characters are shown as escapes."""
    text = value if isinstance(value, str) else _text(value)
    text = " ".join(text.split())
    return (
        text
        if text.isprintable()
        else "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
    )


def _text(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
