"""Decide what to do to a project's files, from what is wanted, what is noted, and what is there.

Pure but for reading. Every plan follows one rule: what its user has written or changed is never
lost. A plan is a list of steps; each says what the manifest remembers once it is done.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Concatenate, NamedTuple, ParamSpec, Protocol

from atomic.agents import HookEntry, Installation
from atomic.install import merging
from atomic.install.jsonc import JsoncError
from atomic.install.manifest import BACKUP, PATH, Manifest, Merge, Record, digest
from atomic.install.project import BlockedError, NoPathError

BESIDE = ".new"
"""Ends the name of a newer text that is put beside an edited file. No agent reads such files."""

Read = Callable[[str], bytes | None]
P = ParamSpec("P")


class Files(Protocol):
    """What a plan looks at: `project.Project`, or what a test puts in its place."""

    def read(self, path: str) -> bytes | None:
        """The file's content; None if there is none. Raise BlockedError if it cannot be read."""

    def why_fixed(self, path: str) -> str | None:
        """Why the file must not be changed; None if it may be."""

    def is_there(self, path: str) -> bool:
        """Is there a file, a folder or a link of this name?"""


class Action(Enum):
    """What a step does, in the word that people are shown."""

    CREATE = "create"
    REPLACE = "replace"
    MERGE = "merge"
    BACK_UP = "back up"
    OFFER = "offer"
    REMOVE = "remove"
    RESTORE = "restore"
    TAKE_OUT = "take out"
    KEEP = "keep"
    BLOCKED = "blocked"
    UNCHANGED = "unchanged"


WRITES = frozenset(
    {
        Action.CREATE,
        Action.REPLACE,
        Action.MERGE,
        Action.BACK_UP,
        Action.OFFER,
        Action.RESTORE,
        Action.TAKE_OUT,
    }
)


CHANGES = WRITES | {Action.REMOVE}


class Step(NamedTuple):
    """One thing done to one file.

    `content`: what is written. `note`: for people. `record`: what the manifest remembers of the
    file afterwards; `forget`: that it remembers nothing of it; neither: what it did before.
    """

    action: Action
    path: str
    content: bytes | None = None
    note: str = ""
    record: Record | None = None
    forget: bool = False


def to_init(wanted: Installation, known: Manifest, files: Files, *, force: bool) -> list[Step]:
    """Put into the project what is wanted.

    `force`: also over files that differ, which are kept as a backup.
    """
    steps: list[Step] = []
    for path, text in wanted.files.items():
        steps += _guarded(files, _init_file, path, text.encode(), known, files.read, force)
    for path, entries in wanted.hooks.items():
        steps += _guarded(files, _merge, path, entries, known, files.read, True)
    return steps


def to_update(wanted: Installation, known: Manifest, files: Files) -> list[Step]:
    """Bring what is in the project to what is wanted now."""
    steps: list[Step] = []
    for path, text in wanted.files.items():
        record = known.files.get(path)
        if record is not None:
            steps += _guarded(files, _update_file, path, text.encode(), record, files.read)
        else:
            steps += _guarded(files, _init_file, path, text.encode(), known, files.read, False)
    for path, entries in wanted.hooks.items():
        steps += _guarded(files, _merge, path, entries, known, files.read, False)
    dropped = [path for path in known.files if path not in {**wanted.files, **wanted.hooks}]
    return steps + _take_away(dropped, known, files)


def to_uninstall(known: Manifest, files: Files) -> list[Step]:
    """Take out of the project what the manifest remembers, and give back what was there before."""
    return _take_away(known.files, known, files)


def of_manifest(known: Manifest, steps: Sequence[Step], files: Files) -> list[Step]:
    """What happens to the manifest when the steps are done, for the lists that people are shown."""
    left = {*known.files, *(step.path for step in steps if step.record is not None)}
    left -= {step.path for step in steps if step.forget}
    there = files.read(PATH) is not None
    if left and not there:
        return [Step(Action.CREATE, PATH, note="remembers what was installed")]
    return [Step(Action.REMOVE, PATH)] if there and not left else []


def _guarded(
    files: Files,
    plan: Callable[Concatenate[str, P], list[Step]],
    path: str,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> list[Step]:
    """The plan for one file; to leave it alone if it is none that can be handled."""
    try:
        steps = plan(path, *args, **kwargs)
        changed = any(step.path == path and step.action in CHANGES for step in steps)
        why_not = files.why_fixed(path) if changed else None
    except BlockedError as error:
        why_not = str(error)
    except JsoncError as error:
        why_not = f"no valid JSON, {error}"
    return steps if why_not is None else [Step(Action.BLOCKED, path, note=why_not)]


def _init_file(path: str, content: bytes, known: Manifest, read: Read, force: bool) -> list[Step]:
    record, found = known.files.get(path), read(path)
    installed = Record(digest(content), backup=record.backup if record else None)
    if found is None:
        return [Step(Action.CREATE, path, content, record=installed)]
    if digest(found) == digest(content):
        # Ours only if we remember it: the same text may be somebody else's, and stays then.
        if record is None:
            return [Step(Action.UNCHANGED, path, note="already there, not put there by atomic")]
        return [Step(Action.UNCHANGED, path, record=installed)]
    if record is not None and digest(found) == record.sha256:
        return [Step(Action.REPLACE, path, content, record=installed)]
    if not force:
        whose = "not atomic's" if record is None else "edited since"
        note = f"{whose}; --force replaces it and keeps a backup"
        return [Step(Action.KEEP, path, note=note)]
    backup = _free_name(f"{BACKUP}/{path}", read)
    if record is None:  # what was there before us is given back by `uninstall`
        installed = installed._replace(backup=backup)
    return [
        Step(Action.BACK_UP, backup, found),
        Step(Action.REPLACE, path, content, note=f"backup: {backup}", record=installed),
    ]


def _update_file(path: str, content: bytes, record: Record, read: Read) -> list[Step]:
    found, new = read(path), digest(content)
    current = record._replace(sha256=new, offered=None)
    if found is None:
        return [Step(Action.KEEP, path, note="removed by you; `atomic init` brings it back")]
    if digest(found) == new:  # nothing new, or the user has taken it over
        return [Step(Action.UNCHANGED, path, record=current), *_withdraw(path, record, read)]
    if digest(found) == record.sha256:
        return [Step(Action.REPLACE, path, content, record=current)]
    if new in (record.sha256, record.offered):
        return [Step(Action.UNCHANGED, path, note="edited by you")]
    beside = path + BESIDE
    there = read(beside)
    if there is not None and digest(there) not in (record.offered, new):
        return [Step(Action.KEEP, path, note=f"edited by you; {beside} is in the way")]
    note = f"the new version; your edited {path} stays"
    offered = record._replace(offered=new)
    return [
        Step(Action.OFFER, beside, content, note=note),
        Step(Action.KEEP, path, note="edited by you", record=offered),
    ]


def _withdraw(path: str, record: Record, read: Read) -> list[Step]:
    """Remove what was offered beside the file, unless it was edited."""
    beside = path + BESIDE
    there = read(beside) if record.offered is not None else None
    if there is None or digest(there) != record.offered:
        return []
    return [Step(Action.REMOVE, beside)]


def _merge(
    path: str, entries: Iterable[HookEntry], known: Manifest, read: Read, missing_too: bool
) -> list[Step]:
    """Put hook entries into a file; those once put in and removed by the user if `missing_too`."""
    record, found = known.files.get(path), read(path)
    text = _text(found)
    before = record.merge if record is not None else None
    once = set(before.hooks) if before else set()
    wanted = [
        entry
        for entry in entries
        if missing_too
        or (entry.event, entry.command) not in once
        or merging.present(text, entry.event, entry.command)
    ]
    base = text
    if record is not None and before is not None:
        if _is_complete(text, wanted, before):
            return [Step(Action.UNCHANGED, path)]
        base = merging.take_out(text, before, untouched=digest(text.encode()) == record.sha256)
    # What somebody else has put there (a colleague, an earlier manifest) is not ours to count.
    new = [entry for entry in wanted if not merging.present(base, entry.event, entry.command)]
    created = before.created if before else found is None
    merged, merge = merging.put_in(base, new, created=created)
    if merged == text:
        return [Step(Action.UNCHANGED, path)]
    note = _hooks(new) + (f" (its other {_lines(base)} untouched)" if found is not None else "")
    content = merged.encode()
    action = Action.CREATE if found is None else Action.MERGE
    return [Step(action, path, content, note, Record(digest(content), merge=merge))]


def _is_complete(text: str, wanted: Iterable[HookEntry], before: Merge) -> bool:
    """Does everything wanted stand there, and nothing of ours that is wanted no more?"""
    pairs = {(entry.event, entry.command) for entry in wanted}
    return all(merging.present(text, *pair) for pair in pairs) and all(
        pair in pairs or not merging.present(text, *pair) for pair in before.hooks
    )


def _take_away(paths: Iterable[str], known: Manifest, files: Files) -> list[Step]:
    steps: list[Step] = []
    for path in paths:
        steps += _guarded(files, _take_away_one, path, known.files[path], files.read)
    return steps


def _take_away_one(path: str, record: Record, read: Read) -> list[Step]:
    try:
        found = read(path)
    except NoPathError as error:  # in a manifest that somebody has made by hand
        return [Step(Action.KEEP, path, note=str(error), forget=True)]
    if found is None:
        return [Step(Action.UNCHANGED, path, note="gone already", forget=True)]
    if record.merge is not None:
        return [_take_hooks_out(path, found, record, record.merge)]
    withdrawn = _withdraw(path, record, read)
    if digest(found) != record.sha256:
        note = "edited by you"
        if record.backup is not None:
            note += f"; what was there before is in {record.backup}"
        return [Step(Action.KEEP, path, note=note, forget=True), *withdrawn]
    saved = read(record.backup) if record.backup is not None else None
    if record.backup is None or saved is None:
        return [Step(Action.REMOVE, path, forget=True), *withdrawn]
    return [
        Step(Action.RESTORE, path, saved, note="as it was before", forget=True),
        Step(Action.REMOVE, record.backup),
        *withdrawn,
    ]


def _take_hooks_out(path: str, found: bytes, record: Record, merge: Merge) -> Step:
    text = _text(found)
    left = merging.take_out(text, merge, untouched=digest(found) == record.sha256)
    if merge.created and merging.is_empty(left):
        return Step(Action.REMOVE, path, forget=True)
    if left == text:
        return Step(Action.UNCHANGED, path, note="its hooks are gone already", forget=True)
    return Step(Action.TAKE_OUT, path, left.encode(), note="atomic's hooks", forget=True)


def _text(found: bytes | None) -> str:
    try:
        return found.decode() if found is not None else ""
    except UnicodeDecodeError:
        raise BlockedError("it is no UTF-8 text") from None


def _hooks(entries: list[HookEntry]) -> str:
    return f"{len(entries)} hook{'s' if len(entries) != 1 else ''}"


def _lines(text: str) -> str:
    count = text.count("\n") + 1
    return f"{count} line{'s' if count != 1 else ''}"


def _free_name(path: str, read: Read) -> str:
    name, number = path, 1
    while read(name) is not None:
        number += 1
        name = f"{path}.{number}"
    return name
