"""Read JSON with comments into nodes that know their place in the text.

What agents accept in their settings, no more: `//` and `/* */` comments, trailing commas and a byte
order mark. They are made blank, so that every place stays what it was; `json` reads what is left.
So a settings file of a megabyte takes a few hundredths of a second.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Literal

_STRING = r'"(?:[^"\\]|\\.)*"'
_STRING_OR_COMMENT = rf"(?s:{_STRING}|//[^\n]*|/\*.*?\*/)"
_STRING_OR_LAST_COMMA = rf"(?s:{_STRING}|,(?=[ \t\r\n]*[\]}}]))"
_SPACE = r"(?s:\s+|//[^\n]*|/\*.*?\*/)*"
_BLANK = r"[ \t\r\n]*"
_VISIBLE = r"[^\r\n]"
_DECODER = json.JSONDecoder()


class JsoncError(ValueError):
    """The text is no JSON; the message says what is wrong in which line."""


class Node:
    """One value: what it is, and that it stands in `text[start:end]`.

    `value`: as `json.loads` would give it. `items`: an array's values, an object's members' values.
    `keys`: of an object, one for each item, with the place where it begins. `commas`: where the
    commas after items stand, as many as there are.
    """

    def __init__(self, text: "_Text", start: int, end: int, value: object) -> None:
        self._text = text
        self.start = start
        self.end = end
        self.value = value

    @property
    def kind(self) -> Literal["object", "array", "scalar"]:
        """What it is."""
        if isinstance(self.value, dict):
            return "object"
        return "array" if isinstance(self.value, list) else "scalar"

    @property
    def items(self) -> "list[Node]":
        """The values in it."""
        return self._inside[0]

    @property
    def keys(self) -> list[tuple[str, int]]:
        """The names of an object's members, and where they stand."""
        return self._inside[1]

    @property
    def commas(self) -> list[int]:
        """Where the commas after its items stand."""
        return self._inside[2]

    def get(self, key: str | int) -> "Node | None":
        """The member or item; None if there is none. Of two members of one name the last counts."""
        if isinstance(key, int):
            return self.items[key] if self.kind == "array" and key < len(self.items) else None
        if self.kind != "object":
            return None
        for (name, _start), item in zip(reversed(self.keys), reversed(self.items), strict=True):
            if name == key:
                return item
        return None

    def at(self, path: Sequence[str | int]) -> "Node | None":
        """What `get` finds, one after the other."""
        node: Node | None = self
        for key in path:
            node = node.get(key) if node is not None else None
        return node

    @cached_property
    def _inside(self) -> "tuple[list[Node], list[tuple[str, int]], list[int]]":
        items: list[Node] = []
        keys: list[tuple[str, int]] = []
        commas: list[int] = []
        if self.kind == "scalar":
            return items, keys, commas
        text = self._text
        at = text.past_blanks(self.start + 1)
        while at < self.end - 1:
            if self.kind == "object":
                key, end = text.value(at)
                keys.append((str(key), at))
                at = text.past_blanks(text.past_blanks(end) + 1)
            value, end = text.value(at)
            items.append(Node(text, at, end, value))
            at = text.past_blanks(end)
            comma = at if at < self.end - 1 else text.last_comma(end, at)
            if comma is not None:
                commas.append(comma)
            at = text.past_blanks(at + 1) if at < self.end - 1 else at
        return items, keys, commas


class _Text:
    """The text with blanks for what `json` does not know: comments, trailing commas, the mark."""

    def __init__(self, text: str) -> None:
        self._blank = re.compile(_BLANK)  # here and not above: most have no such file yet
        if text.startswith("\ufeff"):
            text = " " + text[1:]
        if "//" in text or "/*" in text:
            text = re.sub(_STRING_OR_COMMENT, _without_comment, text)
        self._last_commas = [
            found.start()
            for found in re.finditer(_STRING_OR_LAST_COMMA, text)
            if found[0] == "," and _ends_a_value(text, found.start())
        ]
        parts, before = [], 0
        for comma in self._last_commas:
            parts += [text[before:comma], " "]
            before = comma + 1
        self.plain = "".join([*parts, text[before:]])

    def document(self) -> Node:
        """The one value that the text holds. Raise JsoncError if it is none."""
        try:
            value = _DECODER.decode(self.plain)
        except json.JSONDecodeError as error:
            raise JsoncError(
                f"line {error.lineno}: {error.msg[0].lower()}{error.msg[1:]}"
            ) from None
        except RecursionError:
            raise JsoncError("it is nested too deeply") from None
        except ValueError:  # a number of more digits than Python reads
            raise JsoncError("a number in it is too long") from None
        start = self.past_blanks(0)
        return Node(self, start, len(self.plain.rstrip(" \t\r\n")), value)

    def value(self, at: int) -> tuple[object, int]:
        """The value that begins there, and where it ends."""
        return _DECODER.raw_decode(self.plain, at)

    def past_blanks(self, at: int) -> int:
        found = self._blank.match(self.plain, at)
        return found.end() if found else at

    def last_comma(self, start: int, end: int) -> int | None:
        """Where between the two a trailing comma stood."""
        place = bisect_left(self._last_commas, start)
        found = self._last_commas[place : place + 1]
        return found[0] if found and found[0] < end else None


@lru_cache(maxsize=8)  # one settings file is looked at ten times, between changes
def parse(text: str) -> Node:
    """The one value that the text holds.

    Raises:
        JsoncError: it is none, or there is something after it.
    """
    return _Text(text).document()


def skip_space(text: str, at: int) -> int:
    """Where the next thing stands that is neither white space nor comment."""
    found = re.compile(_SPACE).match(text, at)
    return found.end() if found else at


def _without_comment(found: re.Match[str]) -> str:
    return found[0] if found[0][0] == '"' else re.sub(_VISIBLE, " ", found[0])


def _ends_a_value(text: str, comma: int) -> bool:
    """Does a value stand before the comma? `[,]` is none."""
    at = comma - 1
    while at >= 0 and text[at] in " \t\r\n":
        at -= 1
    return at >= 0 and text[at] not in "[{,:"
