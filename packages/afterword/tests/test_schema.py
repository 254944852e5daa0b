"""Promise 2, declared: nothing undeclared is recorded or sent, and no field holds text."""

import json
import re
import time
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword import Count, Duration, Event, Flag, Id, ListOf, OneOf, Range
from afterword.errors import DeclarationError
from afterword.schema import Field, buffer_key, is_uuid4, timestamp, uuid4


class Agent(str, Enum):  # noqa: UP042  # prints as Agent.CLAUDE, which StrEnum does not
    CLAUDE = "claude"


class Number(int, Enum):  # the same
    ONE = 1


EVENT = Event("done", what=OneOf("a", "b"), count=Count(optional=True), run=Id())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"what": "a"}, None),
        ({"what": "a", "count": 3}, None),
        ({"what": "c"}, "must be one of a, b"),
        ({"what": ["a"]}, "must be one of"),
        ({}, "needs its field 'what'"),
        ({"what": "a", "path": "/home/me"}, "declares no field 'path'"),
        ({"what": "a", "run": uuid4()}, "made by the engine"),
        ({"what": "a", "count": -1}, "whole number"),
        ({"what": "a", "count": True}, "whole number"),
        ({"what": "a", "count": 1.5}, "whole number"),
        ({"what": "a", "count": 2**53}, "whole number"),
    ],
)
def test_what_may_be_recorded(values: dict[str, object], says: str | None) -> None:
    why = EVENT.why_not(values, made=False)
    assert why is None if says is None else why is not None and says in why


@pytest.mark.parametrize(
    "word", ["", " edge", "edge ", "tab\tbed", 'quo"te', "comma,", "näh", "x" * 65, "line\n"]
)
def test_a_vocabulary_takes_only_plain_words(word: str) -> None:
    with pytest.raises(DeclarationError):
        OneOf("fine", word)


def test_words_may_be_several() -> None:
    assert OneOf("remote add").accepts("remote add")


@pytest.mark.parametrize(("value", "kept"), [("a", "a"), ("zzz", "other"), ("other", "other")])
def test_an_unknown_word_is_other(value: str, kept: str) -> None:
    field = OneOf("a", other="other")
    assert field.accepts(value)
    assert (field.encode(value), field.wire(value)) == (f'"{kept}"', kept)
    many = ListOf("a", other="other")
    assert many.accepts(["a", value])
    assert many.encode(["a", value]) == f'["a","{kept}"]'
    assert not field.accepts(7)
    assert not OneOf("a").accepts("zzz")


@pytest.mark.parametrize(
    ("number", "kept"),
    [(0, "<10MB"), (10, "10-100MB"), (99.9, "10-100MB"), (100, ">=100MB"), (1e300, ">=100MB")],
)
def test_of_a_number_only_its_range_is_kept(number: float, kept: str) -> None:
    field = Range(10, 100, unit="MB")
    assert field.accepts(number)
    assert field.encode(number) == f'"{kept}"'
    assert field.accepts(kept)  # as it comes back out of the buffer
    assert field.wire(kept) == kept
    assert not field.accepts(True)
    assert not field.accepts("12")


@pytest.mark.parametrize("bounds", [(), (2, 1), (1, 1)])
def test_the_bounds_of_a_range_rise(bounds: tuple[int, ...]) -> None:
    with pytest.raises(DeclarationError):
        Range(*bounds)


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [(0.05, "<100ms"), (0.5, "100ms-1s"), (59, "10s-1min"), (3600, ">1h"), (-5, "<100ms")],
)
def test_durations(seconds: float, kept: str) -> None:
    assert Duration().encode(seconds) == f'"{kept}"'


def test_a_vocabulary_cannot_be_empty() -> None:
    with pytest.raises(DeclarationError):
        OneOf()


@pytest.mark.parametrize(
    "name",
    [
        "timestamp", "anonymous_id", "platform", "version", "Upper",
        "enduser.pseudo.id", "a__b", "platform_", 'a"b', "", "é",
    ],
)  # fmt: skip
def test_the_engines_own_names_are_taken(name: str) -> None:
    with pytest.raises(DeclarationError):
        Event("e", **{name: Flag()})


def test_nobody_adds_a_kind_of_field() -> None:
    with pytest.raises(DeclarationError):
        Field("text")
    with pytest.raises(TypeError):
        type("Text", (Field,), {"accepts": lambda _self, _value: True})


def test_a_field_must_be_a_field() -> None:
    with pytest.raises(DeclarationError):
        Event("e", text=str)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value", "wire"),
    [
        (OneOf("a.b-c_d:e+f"), "a.b-c_d:e+f", "a.b-c_d:e+f"),
        (ListOf("a", "b"), ["b", "a", "b"], "b,a,b"),
        (Count(), 0, 0),
        (Flag(), True, True),
        (Flag(), False, False),
        (OneOf("claude"), Agent.CLAUDE, "claude"),
        (ListOf("claude"), [Agent.CLAUDE], "claude"),
        (Count(), Number.ONE, 1),
    ],
)
def test_encoded_values_are_json_and_come_out_as_declared(
    field: Field, value: object, wire: object
) -> None:
    assert field.accepts(value)
    assert json.loads(field.encode(value)) == value
    assert field.wire(value) == wire


def test_a_list_is_bounded() -> None:
    assert ListOf("a").accepts(["a"] * 1000)
    assert not ListOf("a").accepts(["a"] * 1001)
    assert not ListOf("a").accepts([])
    assert not ListOf("a").accepts("a")


@pytest.mark.parametrize("length", [1, 7, 8, 19, 64])
def test_a_list_of_the_longest_words_fits_into_a_property(length: int) -> None:
    """Application Insights cuts a value after 8,192 characters, in the midst of a word."""
    words = ListOf("x" * length, "short")
    fits = ["x" * length] * words.most
    assert words.accepts(fits)
    assert len(str(words.wire(fits))) <= 8192
    more = [*fits, "x" * length]
    assert not words.accepts(more)
    assert len(more) > 1000 or len(",".join(more)) > 8192
    why = Event("e", words=words).why_not({"words": more})
    assert f"at most {words.most:,} words" in str(why)


def test_a_retired_word_is_sent_and_not_recorded() -> None:
    for one, value in (
        (OneOf("new", retired=("old",)), "old"),
        (ListOf("new", retired=["old"]), ["new", "old"]),
    ):
        event = Event("e", word=one)
        assert not one.accepts(value)
        assert "of older versions also old" in str(event.why_not({"word": value}))
        assert event.why_not({"word": value}, made=True) is None
        assert one.wire(value) == (value if isinstance(value, str) else "new,old")
    other = OneOf("new", other="other", retired=("old",))
    assert (other.encode("old"), other.encode("x")) == ('"other"', '"other"')
    assert (other.wire("old"), other.wire("x")) == ("old", "other")


@pytest.mark.parametrize(("words", "retired"), [(("a",), ("a",)), (("a",), ("b,",)), ((), ("a",))])
def test_a_retired_word_is_a_word_and_not_in_use(
    words: tuple[str, ...], retired: tuple[str, ...]
) -> None:
    with pytest.raises(DeclarationError):
        OneOf(*words, retired=retired)


@pytest.mark.parametrize("bound", [float("inf"), float("nan"), 1e300])
def test_bounds_are_numbers_one_can_write(bound: float) -> None:
    with pytest.raises(DeclarationError):
        Range(0, bound)
    assert not Range(0, 1).accepts(float("nan"))


class _SaysYes(str):
    __slots__ = ()

    def __eq__(self, _other: object) -> bool:
        return True

    __hash__ = str.__hash__


class _Small(int):
    def __le__(self, _other: int) -> bool:
        return True

    __ge__ = __le__


def test_a_subclass_has_no_say_in_what_it_equals() -> None:
    assert not OneOf("word").accepts(_SaysYes("free text"))
    assert not ListOf("word").accepts([_SaysYes("free text")])
    assert not Count().accepts(_Small(-1))
    assert OneOf("word").accepts(_SaysYes("word"))


@given(st.text() | st.none() | st.floats() | st.lists(st.text()) | st.binary())
def test_no_field_takes_free_text(value: object) -> None:
    for field in (OneOf("word"), ListOf("word"), Count(), Flag(), Id()):
        if value not in ("word", ["word"], ["word", "word"]) and not is_uuid4(value):
            assert field.accepts(value) is (isinstance(value, list) and {*value} == {"word"})


def test_ids_are_random_uuids_of_version_4() -> None:
    form = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    ids = {uuid4() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(form.fullmatch(one) and is_uuid4(one) for one in ids)
    assert not is_uuid4("00000000-0000-1000-8000-000000000000")
    assert not is_uuid4(uuid4().upper())


@pytest.mark.posix("time.tzset")
def test_timestamps_are_utc_with_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    assert timestamp(1_700_000_000.1239) == "2023-11-14T22:13:20.123Z"
    monkeypatch.delenv("TZ")
    time.tzset()


def test_buffer_keys_are_camel_case() -> None:
    assert [buffer_key(name) for name in ("agent_type", "success")] == ["agentType", "success"]
