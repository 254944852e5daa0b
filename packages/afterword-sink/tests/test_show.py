"""An answer as text: tables, bars, JSON and CSV."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword_sink.show import as_csv, as_json, as_table, is_chart


def test_bars() -> None:
    rows: list[list[Any]] = [["a", 8], ["b", 4], [None, 0.01], ["d", 0], ["e", None]]
    assert as_table(["name", "n"], rows, width=30).splitlines() == [
        "name     n",
        "----  ----",
        "a        8  █████████████████",
        "b        4  ████████▌",
        "      0.01  ▏",
        "d        0",
        "e",
    ]
    assert as_table(["name", "n"], rows, width=30, blocks=False).splitlines()[3] == (
        "b        4  #########"
    )
    assert "█" not in as_table(["name", "n"], rows, width=0)
    assert "█" not in as_table(["name", "n"], rows, width=21)  # no room for a bar
    assert "█" not in as_table(["name", "n"], [["a", 0]], width=80)


@pytest.mark.parametrize(
    "rows",
    [[], [["a", -1]], [["a", "b"]], [["a", True]], [[1, 2]], [["a", 1, 2]], [["a", 1], ["b", "c"]]],
)
def test_what_is_no_chart(rows: list[list[Any]]) -> None:
    assert not is_chart(rows)


def test_what_a_terminal_would_obey_is_shown() -> None:
    text = as_table(["a\x1b[2J"], [["\x1b]0;title\x07"], ["two\nlines\tand more"]])
    assert text.splitlines() == [
        "a\\u001b[2J", "--------------------", "\\u001b]0;title\\u0007", "two lines and more",
    ]  # fmt: skip


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())


@given(rows=st.lists(st.lists(VALUES, min_size=2, max_size=2), max_size=5))
def test_whatever_is_answered_can_be_shown(rows: list[list[Any]]) -> None:
    lines = as_table(["a", "b"], rows, width=60).split("\n")
    assert len(lines) == len(rows) + 3
    assert all(line.isprintable() for line in lines)
    assert json.loads(as_json(["a", "b"], rows)) == [{"a": a, "b": b} for a, b in rows]
    read = list(csv.reader(io.StringIO(as_csv(["a", "b"], rows), newline="")))
    assert read[0] == ["a", "b"]
    assert len(read) == len(rows) + 1
    for row, (first, _) in zip(read[1:], rows, strict=True):
        if isinstance(first, str):
            assert row[0] == first
