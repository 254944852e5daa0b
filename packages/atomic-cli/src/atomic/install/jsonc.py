"""Read JSON with comments into nodes that know where they stand in the text.

What agents accept in their settings, no more: `//` and `/* */` comments, trailing commas and a byte
order mark. `json` reads the single values; this file only finds where they begin and end.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

_SPACE = re.compile(r"\s+|//[^\n]*|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORD = re.compile(r"[-+.\w]+")
_DEEPEST = 200
_SHOWN = 20  # characters of a bad value: it may be a key that somebody forgot to quote


class JsoncError(ValueError):
    """The text is no JSON; the message says what is wrong in which line."""


@dataclass(frozen=True)
class Node:
    """One value: what it is, and that it stands in `text[start:end]`.

    `items`: an array's values, an object's members' values. `keys`: of an object, one for each
    item, with the place where it begins. `commas`: where the commas after items stand, as many as
    there are. `value`: of everything else, as Python has it.
    """

    kind: Literal["object", "array", "scalar"]
    start: int
    end: int
    items: list["Node"] = field(default_factory=list)
    keys: list[tuple[str, int]] = field(default_factory=list)
    commas: list[int] = field(default_factory=list)
    value: object = None

    def get(self, key: str | int) -> "Node | None":
        """The member or item; None if there is none. Of two members of one name the last counts."""
        if isinstance(key, int):
            return self.items[key] if self.kind == "array" and key < len(self.items) else None
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

    def plain(self) -> object:
        """The value as `json.loads` would give it."""
        if self.kind == "object":
            return {key: item.plain() for (key, _), item in zip(self.keys, self.items, strict=True)}
        if self.kind == "array":
            return [item.plain() for item in self.items]
        return self.value


def parse(text: str) -> Node:
    """The one value that the text holds.

    Raises:
        JsoncError: it is none, or there is something after it.
    """
    return _Parser(text).document()


def skip_space(text: str, at: int) -> int:
    """Where the next thing stands that is neither white space nor comment."""
    while found := _SPACE.match(text, at):
        at = found.end()
    return at


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text

    def document(self) -> Node:
        node = self.value(skip_space(self.text, 1 if self.text.startswith("\ufeff") else 0), 0)
        rest = skip_space(self.text, node.end)
        if rest < len(self.text):
            raise self.error(rest, "nothing more was expected")
        return node

    def value(self, at: int, depth: int) -> Node:
        if depth > _DEEPEST:
            raise self.error(at, "it is nested too deeply")
        opening = self.text[at : at + 1]
        if opening == "{":
            return self.container("object", "}", at, depth)
        if opening == "[":
            return self.container("array", "]", at, depth)
        found = (_STRING if opening == '"' else _WORD).match(self.text, at)
        if found is None:
            raise self.error(at, "a value was expected")
        return Node("scalar", at, found.end(), value=self.scalar(at, found.group()))

    def container(
        self, kind: Literal["object", "array"], closing: str, start: int, depth: int
    ) -> Node:
        node = Node(kind, start, start)
        at = skip_space(self.text, start + 1)
        while self.text[at : at + 1] != closing:
            if len(node.commas) < len(node.items):
                raise self.error(at, f"a comma or {closing} was expected")
            if kind == "object":
                at = self.key(node, at)
            item = self.value(at, depth + 1)
            node.items.append(item)
            at = skip_space(self.text, item.end)
            if self.text[at : at + 1] == ",":
                node.commas.append(at)
                at = skip_space(self.text, at + 1)
        return Node(kind, start, at + 1, node.items, node.keys, node.commas)

    def key(self, node: Node, at: int) -> int:
        found = _STRING.match(self.text, at)
        if found is None:
            raise self.error(at, "a key in quotes was expected")
        node.keys.append((str(self.scalar(at, found.group())), at))
        at = skip_space(self.text, found.end())
        if self.text[at : at + 1] != ":":
            raise self.error(at, "a colon was expected")
        return skip_space(self.text, at + 1)

    def scalar(self, at: int, text: str) -> object:
        try:
            return json.loads(text)
        except ValueError:
            raise self.error(at, f"{text[:_SHOWN]!r} is no value") from None

    def error(self, at: int, what: str) -> JsoncError:
        breaks = [found.start() for found in re.finditer("\n", self.text)]
        line = bisect_right(breaks, at - 1) + 1
        return JsoncError(f"line {line}: {what}")
