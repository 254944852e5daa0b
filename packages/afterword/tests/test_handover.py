"""The declarations as data: what is handed to the background process is what was declared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword import (
    Count,
    Duration,
    Event,
    Field,
    Flag,
    Id,
    ListOf,
    OneOf,
    Range,
    handover,
)

EVENTS = (
    Event("none"),
    Event(
        "all",
        word=OneOf("a", "remote add", optional=True),
        other=OneOf("a", other="else"),
        words=ListOf("a", "b", retired=("c", "d e")),
        size=Range(0.5, 10, 1e9, unit="MB"),
        took=Duration(),
        count=Count(most=255),
        flag=Flag(),
        run=Id(),
    ),
)


def described(field: Field) -> tuple[object, ...]:
    names = ("kind", "words", "most", "optional", "other", "bounds", "retired", "until")
    return tuple(getattr(field, name) for name in names)


def test_events_come_back() -> None:
    back = handover.read(handover.text_of({}, EVENTS))["events"]
    assert [event.name for event in back] == ["none", "all"]
    for event, original in zip(back, EVENTS, strict=True):
        assert {name: described(field) for name, field in event.fields.items()} == {
            name: described(field) for name, field in original.fields.items()
        }


@given(st.text(st.characters(exclude_categories=()), max_size=50) | st.none() | st.integers())
def test_every_text_comes_back(value: str | int | None) -> None:
    """Also a path that is no text, as `os.fsdecode` gives it."""
    text = handover.text_of({"folder": value}, ())
    assert text.isascii()
    assert handover.read(text)["folder"] == value


@pytest.mark.parametrize("name", ["python3.11", "python", "pypy3", "PYTHON.EXE", ".python-wrapped"])
def test_what_is_python(name: str) -> None:
    assert handover.why_not(f"/usr/bin/{name}", frozen=False) is None


def test_what_is_too_large_is_said() -> None:
    many = [Event("e", word=OneOf(*(f"word{number}" for number in range(20_000))))]
    declared = handover.text_of({}, many)
    assert handover.environment({}, declared, here="/x/afterword/y.py", frozen=False) is None
    assert "too large" in str(handover.why_too_large(declared))


def test_a_frozen_program_hands_on_nothing_of_its_packers() -> None:
    reduced = {"PATH": "/bin", "LD_LIBRARY_PATH": "/unpacked/_MEI1", "PYTHONPATH": "/theirs"}
    reduced |= {"_MEIPASS2": "/unpacked/_MEI1", "_PYI_ARCHIVE_FILE": "/opt/tool"}
    assert handover.environment(reduced, "{}", here="", frozen=True) == {
        "PATH": "/bin",
        handover.HANDED: "{}",
        "PYINSTALLER_RESET_ENVIRONMENT": "1",
    }
    assert handover.command("/opt/tool", frozen=True) == ("/opt/tool",)
