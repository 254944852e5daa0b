"""The page for a browser: the tables, the last requests, and a form for a query.

Pure: values in, HTML out. It contains no script and its policy allows none. All values are escaped.
"""

import html
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from afterword_sink.ledger import Entry

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
ROWS = 200  # shown of an answer
_REQUESTS = 25  # shown
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
code, textarea, td { font-family: ui-monospace, monospace; font-size: 13px }
textarea { box-sizing: border-box; width: 100%; height: 6rem; padding: .5rem }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border-bottom: 1px solid #8884; padding: .2rem .8rem .2rem 0; text-align: left;
         vertical-align: top; max-width: 40rem; overflow-wrap: anywhere }
.wrong { color: #b00020 }
:root { color-scheme: light dark }
"""


def render(
    *,
    connection_string: str,
    counts: Mapping[str, int],
    entries: Sequence[Entry],
    question: str,
    answer: tuple[Sequence[str], Sequence[Sequence[Any]]] | None,
    wrong: str,
) -> str:
    """The page.

    Args:
        connection_string: The sink's.
        counts: Rows by table.
        entries: The last requests, oldest first.
        question: The query; empty for none.
        answer: Its columns and rows; None for no answer.
        wrong: Why there is no answer; empty if nothing is wrong.
    """
    parts = [
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>afterword-sink</title>",
        f"<style>{_STYLE}</style></head><body><h1>afterword-sink</h1>",
        f"<p>Send to <code>{html.escape(connection_string)}</code></p>",
        "<h2>Tables</h2>",
        _table(
            ["table", "rows"],
            [[_link(name), str(count)] for name, count in counts.items() if count],
            otherwise="Nothing has arrived yet.",
        ),
        "<h2>Ask</h2><form method=get action=/><textarea name=q autofocus>",
        html.escape(question or "customEvents | summarize count() by name"),
        "</textarea><p><button>Ask</button></p></form>",
    ]
    if wrong:
        parts.append(f"<p class=wrong>{html.escape(wrong)}</p>")
    if answer is not None:
        columns, rows = answer
        shown = [[_text(value) for value in row] for row in rows[:ROWS]]
        parts.append(_table(list(columns), shown, otherwise="No rows."))
        if len(rows) > ROWS:
            parts.append(f"<p>{ROWS} rows of {len(rows)}.</p>")
    parts += [
        "<h2>Last requests</h2>",
        _table(
            ["time", "request", "items", "answered", "fault"],
            [_request(entry) for entry in reversed(entries[-_REQUESTS:])],
            otherwise="None has come yet.",
        ),
        "</body></html>\n",
    ]
    return "".join(parts)


def _table(names: list[str], rows: list[list[str]], *, otherwise: str) -> str:
    """A table; the cells are HTML already."""
    if not rows:
        return f"<p>{otherwise}</p>"
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _link(table: str) -> str:
    question = urlencode({"q": f"{table} | order by timestamp desc | take 50"})
    return f'<a href="/?{html.escape(question)}">{html.escape(table)}</a>'


def _request(entry: Entry) -> list[str]:
    at = datetime.fromtimestamp(entry.time).astimezone()
    status = "no answer" if entry.status is None else str(entry.status)
    said = (f"{at:%H:%M:%S}", f"{entry.method} {entry.path}", str(entry.items or ""), status)
    return [html.escape(text) for text in (*said, entry.fault)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return html.escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
