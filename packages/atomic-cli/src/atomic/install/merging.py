"""Hook entries in a settings file that is the user's as well: put in, found again, taken out. Pure.

An entry is known by its command, whatever else of it was changed.
"""

from collections.abc import Sequence
from typing import Any

from atomic.agents.agent import HookEntry
from atomic.install.jsonc import parse
from atomic.install.jsonedit import Insertion, append, insert, remove, remove_if_empty, undo
from atomic.install.manifest import Merge

_ROOT = "hooks"


def present(text: str, event: str, command: str) -> bool:
    """Is the command among the event's hooks? Raise JsoncError if the text is no JSON."""
    return any(command in _commands(group) for group in _groups(text, event))


def put_in(text: str, entries: Sequence[HookEntry], *, created: bool) -> tuple[str, Merge]:
    """The text with the entries, and what is needed to take them out again.

    Raises:
        JsoncError: the text is no JSON, or has something else where hooks belong.
    """
    inserted: list[Insertion] = []
    made: list[tuple[str, ...]] = []
    for entry in entries:
        for path in ((_ROOT,), (_ROOT, entry.event)):
            if path not in made and not _has(text, path):
                made.append(path)
        more = append(text, (_ROOT, entry.event), entry.group)
        text = insert(text, more)
        inserted += more
    hooks = tuple((entry.event, entry.command) for entry in entries)
    return text, Merge(created, hooks, tuple(made), tuple(inserted))


def take_out(text: str, merge: Merge, *, untouched: bool) -> str:
    """The text without what was put in: to the byte if it is untouched since, else by structure.

    Raises:
        JsoncError: the text is no JSON.
    """
    before = undo(text, merge.inserted) if untouched else None
    if before is not None:
        return before
    for event, command in merge.hooks:
        text = _without_hook(text, event, command)
    for made in sorted(merge.made, key=len, reverse=True):
        text = remove_if_empty(text, made)
    return text


def _without_hook(text: str, event: str, command: str) -> str:
    def is_ours(hook: object) -> bool:
        return isinstance(hook, dict) and hook.get("command") == command

    for index, group in enumerate(_groups(text, event)):
        if len(_commands(group)) > 1:  # the user has put hooks beside ours: only ours goes
            text = remove(text, (_ROOT, event, index, "hooks"), is_ours)
    return remove(text, (_ROOT, event), lambda group: _commands(group) == [command])


def is_empty(text: str) -> bool:
    """Is there nothing left in the object? Raise JsoncError if the text is no JSON."""
    return _is_blank(text) or parse(text).value == {}


def _groups(text: str, event: str) -> list[Any]:
    settings = parse(text).value if not _is_blank(text) else {}
    hooks = settings.get(_ROOT) if isinstance(settings, dict) else None
    groups = hooks.get(event) if isinstance(hooks, dict) else None
    return groups if isinstance(groups, list) else []


def _commands(group: Any) -> list[object]:
    hooks = group.get("hooks") if isinstance(group, dict) else None
    return [hook.get("command") if isinstance(hook, dict) else None for hook in hooks or []]


def _has(text: str, path: Sequence[str]) -> bool:
    return not _is_blank(text) and parse(text).at(path) is not None


def _is_blank(text: str) -> bool:
    return not text.strip().strip("\ufeff")
