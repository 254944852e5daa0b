"""Put values into JSON text and take them out again, leaving every other character as it is.

Pure: text in, edits out. Putting in is only ever inserting, so that it can be undone to the byte.
No library for Python does this: those that keep comments write the whole text anew, and the one
that edits in place (jsonc-edit) runs on Node.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from atomic.install.jsonc import JsoncError, Node, parse, skip_space

# Compiled when they are needed: most settings files are not there yet.
_INDENT = r"\n([ \t]+)\S"
_LINE_COMMENT = r"[ \t]*//[^\n]*|[ \t]*/\*[^\n]*?\*/"


class Insertion(NamedTuple):
    """`text`, put in before the character that stands at `at`."""

    at: int
    text: str


def append(text: str, path: Sequence[str], value: object) -> list[Insertion]:
    """What to insert, one after the other, so that the array at `path` ends with `value`.

    The array, and objects on the way there, are made where they are missing; so is the whole object
    in an empty text.

    Raises:
        JsoncError: the text is no JSON, or something else stands on the way.
    """
    if not text.strip().strip("\ufeff"):
        made = json.dumps(_nested(path, value), ensure_ascii=False, indent=2)
        return [Insertion(len(text), made + "\n")]
    node = parse(text)
    for depth, key in enumerate(path):
        if node.kind != "object":
            raise JsoncError(f"{_name(path[:depth])} is no object")
        found = node.get(key)
        if found is None:
            return _insert(text, node, _nested(path[depth + 1 :], value), key=key)
        node = found
    if node.kind != "array":
        raise JsoncError(f"{_name(path)} is no list")
    return _insert(text, node, value)


def insert(text: str, insertions: Sequence[Insertion]) -> str:
    """The text with everything put in, one after the other."""
    for one in insertions:
        text = text[: one.at] + one.text + text[one.at :]
    return text


def undo(text: str, insertions: Sequence[Insertion]) -> str | None:
    """The text as it was before `insert`; None if what was put in does not stand there any more."""
    for one in reversed(insertions):
        end = one.at + len(one.text)
        if text[one.at : end] != one.text:
            return None
        text = text[: one.at] + text[end:]
    return text


def remove(text: str, path: Sequence[str | int], unwanted: Callable[[object], bool]) -> str:
    """The text without the items of the array at `path` that are `unwanted`.

    Raises:
        JsoncError: the text is no JSON.
    """
    while True:
        node = parse(text).at(path)
        if node is None or node.kind != "array":
            return text
        for index, item in enumerate(node.items):
            if unwanted(item.value):
                text = _cut(text, node, index, item.start)
                break
        else:
            return text


def remove_if_empty(text: str, path: Sequence[str]) -> str:
    """The text without the member at `path`, should that be an empty object or array.

    Raises:
        JsoncError: the text is no JSON.
    """
    node = parse(text).at(path[:-1])
    found = node.get(path[-1]) if node is not None else None
    if node is None or found is None or found.kind == "scalar" or found.items:
        return text
    index = node.items.index(found)
    return _cut(text, node, index, node.keys[index][1])


def _insert(text: str, node: Node, value: object, key: str | None = None) -> list[Insertion]:
    """What to insert so that the container ends with `value`, in the manner of what is there."""
    newline = "\r\n" if "\r\n" in text else "\n"
    if _is_compact(text, node):
        written = json.dumps(value, ensure_ascii=False)
        member = written if key is None else f"{json.dumps(key, ensure_ascii=False)}: {written}"
        return _after_last(text, node, member, " " if node.items else "", "")
    unit = _indent_unit(text)
    outer = _indent_at(text, node.start)
    inner = _indent_of_items(text, node, outer + unit)
    written = json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", newline + inner)
    member = written if key is None else f"{json.dumps(key, ensure_ascii=False)}: {written}"
    # Closed on the line of its last item, it gets its bracket on a line of its own.
    before_bracket = text[: node.end - 1].rstrip(" \t")
    closing = "" if before_bracket.endswith("\n") else newline + outer
    return _after_last(text, node, member, newline + inner, closing)


def _after_last(text: str, node: Node, member: str, before: str, closing: str) -> list[Insertion]:
    """Insert after the last item and the comment on its line, or else after the bracket."""
    if not node.items:
        at = _past_comments(text, node.start + 1, node.end - 1)
        return [Insertion(at, before + member + closing)]
    end = node.items[-1].end
    if len(node.commas) == len(node.items):  # a trailing comma: one comes after ours as well
        at = _past_line_comments(text, node.commas[-1] + 1)
        return [Insertion(at, before + member + "," + closing)]
    at = _past_line_comments(text, end)
    if at == end:
        return [Insertion(end, "," + before + member + closing)]
    return [Insertion(at, before + member + closing), Insertion(end, ",")]


def _past_line_comments(text: str, at: int) -> int:
    """Past the comments that stand behind something on its line."""
    while found := re.compile(_LINE_COMMENT).match(text, at):
        at = found.end()
    return at - 1 if text[at - 1 : at] == "\r" else at


def _past_comments(text: str, at: int, end: int) -> int:
    """Past the last comment in an empty container; without any, right behind its bracket."""
    inside = text[at:end].rstrip()
    return at + len(inside) if inside.strip() else at


def _is_compact(text: str, node: Node) -> bool:
    """Is everything written on one line here, so that ours should be as well?"""
    if node.items:
        return "\n" not in text[node.start : node.end]
    return "\n" not in text.strip() and len(text.strip()) > len("{ }")


def _indent_unit(text: str) -> str:
    found = re.search(_INDENT, text)
    return found.group(1) if found else "  "


def _indent_at(text: str, at: int) -> str:
    """The white space with which the line begins that `at` is in."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())].lstrip("\ufeff")


def _indent_of_items(text: str, node: Node, otherwise: str) -> str:
    """The white space before the last item, if it begins its line."""
    if not node.items:
        return otherwise
    start = node.keys[-1][1] if node.keys else node.items[-1].start
    before = text[text.rfind("\n", 0, start) + 1 : start]
    return before if not before.strip() else otherwise


def _cut(text: str, node: Node, index: int, start: int) -> str:
    """Without one item and one comma; a line that is empty then goes as a whole."""
    end = node.items[index].end
    if index < len(node.commas):
        comma = node.commas[index]
        text = text[:comma] + text[comma + 1 :]
        end = comma if not text[end:comma].strip() else end
    elif index:
        comma = node.commas[index - 1]
        text = text[:comma] + text[comma + 1 :]
        start, end = start - 1, end - 1
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip():
        after = re.compile(r"[ \t]*(\r?\n)?").match(text, end)
        assert after is not None  # noqa: S101  # it matches nothing as well
        if after.group(1) or skip_space(text, after.end()) == node.end:
            return text[:line] + text[after.end() :]
    return text[:start].rstrip(" \t") + text[end:]


def _nested(path: Sequence[str], value: object) -> object:
    made: object = [value]
    for key in reversed(path):
        made = {key: made}
    return made


def _name(path: Sequence[str]) -> str:
    return ".".join(path) or "the whole"
