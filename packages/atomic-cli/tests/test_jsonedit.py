import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomic.agents.agent import HookEntry
from atomic.install import merging
from atomic.install.jsonc import JsoncError, parse
from atomic.install.jsonedit import append, insert, remove, remove_if_empty, undo

VALUE = {"hooks": [{"type": "command", "command": "x"}]}
PATH = ("hooks", "End")


def put(text: str, value: Any = VALUE) -> str:
    return insert(text, append(text, PATH, value))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n  "hooks": {\n    "End": [\n      1\n    ]\n  }\n}'),
        ("{\n}\n", '{\n  "hooks": {\n    "End": [\n      1\n    ]\n  }\n}\n'),
        ("", '{\n  "hooks": {\n    "End": [\n      1\n    ]\n  }\n}\n'),
        ('{"a":1}', '{"a":1, "hooks": {"End": [1]}}'),
        ('{"hooks": {"End": []}}\n', '{"hooks": {"End": [1]}}\n'),
        ('{"hooks": {"End": [0,]}}', '{"hooks": {"End": [0, 1,]}}'),
        (
            '{\n\t"a": 1, // one\n\t"b": 2 // two\n}\n',
            (
                '{\n\t"a": 1, // one\n\t"b": 2, // two\n'
                '\t"hooks": {\n\t\t"End": [\n\t\t\t1\n\t\t]\n\t}\n}\n'
            ),
        ),
        (
            '{\n    "hooks": {\n        "End": [\n            0,\n        ],\n    },\n}',
            (
                '{\n    "hooks": {\n        "End": [\n            0,\n'
                "            1,\n        ],\n    },\n}"
            ),
        ),
        ("{\n  // mine\n}", '{\n  // mine\n  "hooks": {\n    "End": [\n      1\n    ]\n  }\n}'),
        (
            '{\r\n  "a": 1\r\n}\r\n',
            '{\r\n  "a": 1,\r\n  "hooks": {\r\n    "End": [\r\n      1\r\n    ]\r\n  }\r\n}\r\n',
        ),
        (
            '\ufeff{\n  "a": 1\n}',
            '\ufeff{\n  "a": 1,\n  "hooks": {\n    "End": [\n      1\n    ]\n  }\n}',
        ),
    ],
)
def test_what_is_put_in_looks_like_what_is_there(before: str, after: str) -> None:
    assert put(before, 1) == after


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "line 1"),
        ('{\n"a" 1}', "line 2: expecting ':'"),
        ("[1, 2", "expecting ',' delimiter"),
        ('{"a": nul}', "expecting value"),
        ("{a: 1}", "expecting property name"),
        ('{"a": 1} x', "extra data"),
        ("{,}", "line 1"),
        ('{"hooks": {"End": [,]}}', "line 1"),
        ('{"a": 1,,}', "line 1"),
        ('// "x\n{"a": "b\n"}', "line 2: invalid control character"),
        ("[" + "1" * 5000 + "]", "too long"),
        ("[" * 5000, "too deeply"),
        ('{"hooks": []}', "hooks is no object"),
        ('{"hooks": {"End": {}}}', "hooks.End is no list"),
        ("[]", "the whole is no object"),
    ],
)
def test_what_cannot_be_edited_is_said(text: str, why: str) -> None:
    with pytest.raises(JsoncError, match=why):
        append(text, PATH, 1)


def test_comments_and_commas_may_stand_anywhere() -> None:
    text = '/* a */ { // b\n "x" /*c*/ : /*d*/ [ 1 /*,*/ , "//", "/*" , ] /* e */, } // f'
    assert parse(text).value == {"x": [1, "//", "/*"]}


def test_a_large_file_is_read_a_few_times_and_not_a_hundred(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """1.3 MB took 12 s once. What counts is how often its text is gone through."""
    from atomic.install import jsonc

    rules = [f"Bash(make target-{number})" for number in range(40_000)]
    text = json.dumps({"permissions": {"allow": rules}, "x": 1}, indent=2)
    text = text.replace('  "x"', '  // a comment\n  "x"')
    decoded: list[int] = []
    real = jsonc._DECODER.raw_decode

    def raw_decode(text: str, idx: int = 0) -> tuple[Any, int]:
        value, end = real(text, idx)
        decoded.append(end - idx)
        return value, end

    monkeypatch.setattr(jsonc._DECODER, "raw_decode", raw_decode)
    merged, merge = merging.put_in(text, ENTRIES, created=False)
    assert merging.take_out(merged, merge, untouched=False).replace("\n", "") == text.replace(
        "\n", ""
    )
    assert sum(decoded) < 40 * len(text)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
comments = st.sampled_from(["", " ", "\n", "\r\n", "\t", " /* c */ ", " // c\n", "\n  "])


def written(draw: st.DrawFn, value: Any) -> str:
    """The value as JSON with comments, somehow laid out."""

    def gap() -> str:
        return draw(comments)

    if isinstance(value, dict):
        items = [
            f"{json.dumps(key)}{gap()}:{gap()}{written(draw, item)}" for key, item in value.items()
        ]
        pair = "{}"
    elif isinstance(value, list):
        items, pair = [written(draw, item) for item in value], "[]"
    else:
        return json.dumps(value)
    inside = ",".join(f"{gap()}{item}{gap()}" for item in items)
    trailing = "," + gap() if draw(st.booleans()) and items else ""
    return f"{pair[0]}{inside or gap()}{trailing}{pair[1]}"


lists = st.lists(plain, max_size=2)


@st.composite
def settings(draw: st.DrawFn) -> tuple[Any, str]:
    value: Any = draw(st.dictionaries(st.text(max_size=3), plain, max_size=3))
    if draw(st.sampled_from([True, False])):
        value["hooks"] = draw(st.dictionaries(st.sampled_from(["A", "B", "End"]), lists))
    return value, draw(comments) + written(draw, value) + draw(comments)


@given(settings())
def test_reading_gives_what_was_written(made: tuple[Any, str]) -> None:
    value, text = made
    assert parse(text).value == value


@given(settings())
def test_putting_in_adds_the_value_alone_and_is_undone_to_the_byte(made: tuple[Any, str]) -> None:
    value, text = made
    insertions = append(text, PATH, VALUE)
    edited = insert(text, insertions)
    value.setdefault("hooks", {}).setdefault("End", []).append(VALUE)
    assert parse(edited).value == value
    assert undo(edited, insertions) == text


@given(settings())
def test_taking_out_by_structure_leaves_the_rest(made: tuple[Any, str]) -> None:
    value, text = made
    had_hooks, had_end = "hooks" in value, "End" in value.get("hooks", {})
    edited = remove(put(text), PATH, lambda item: item == VALUE)
    if not had_end:
        edited = remove_if_empty(edited, PATH)
    if not had_hooks:
        edited = remove_if_empty(edited, PATH[:1])
    assert parse(edited).value == value
    assert edited.count("/*") == text.count("/*")  # no comment is lost


def test_undo_refuses_what_was_changed_since() -> None:
    insertions = append('{"a": 1}', PATH, 1)
    assert undo('{"a": 2}', insertions) is None


ENTRIES = (HookEntry("Begin", "ours begin", 5), HookEntry("End", "ours end", 5))


def test_ours_is_found_again_whatever_was_changed_about_it() -> None:
    text, merge = merging.put_in('{\n  "a": 1\n}\n', ENTRIES, created=False)
    changed = json.loads(text)
    changed["hooks"]["End"][0]["hooks"][0]["timeout"] = 60
    changed["hooks"]["Begin"][0]["hooks"].append({"type": "command", "command": "theirs"})
    changed["b"] = 2
    left = merging.take_out(json.dumps(changed), merge, untouched=False)
    theirs = {"Begin": [{"hooks": [{"type": "command", "command": "theirs"}]}]}
    assert json.loads(left) == {"a": 1, "hooks": theirs, "b": 2}


def test_what_was_empty_before_stays() -> None:
    before = '{\n  "hooks": {\n    "End": []\n  }\n}\n'
    text, merge = merging.put_in(before, ENTRIES, created=False)
    left = merging.take_out(text + " ", merge, untouched=False)
    assert json.loads(left) == {"hooks": {"End": []}}
