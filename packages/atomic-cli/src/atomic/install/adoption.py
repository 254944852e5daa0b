"""A project without a manifest: recognise what `atomic` has installed there by its content.

So it is where git ignores `.atomic`: a colleague's clone has the files and no manifest.
`texts.txt` has the hash of every text that was ever installed, `make docs` adds to it.
"""

import os

from atomic.agents import AGENTS, HookEntry, installation
from atomic.install import merging
from atomic.install.jsonc import JsoncError
from atomic.install.manifest import Manifest, Merge, Record, digest
from atomic.install.plan import Files
from atomic.install.project import BlockedError
from atomic.names import FOLDERS

TEXTS = os.path.join(os.path.dirname(__file__), "texts.txt")


def adopt(files: Files) -> Manifest:
    """The manifest that says what of `atomic`'s is found in the project."""
    known = Manifest()
    there = [key for key in AGENTS if files.is_there(FOLDERS[key])]
    ours = texts() if there else {}
    for key in there:
        given = installation([key])
        hooks = {path: _hooks(path, entries, files) for path, entries in given.hooks.items()}
        found = {path: record for path, record in hooks.items() if record is not None}
        earlier = {path for path in ours if path.startswith(f"{FOLDERS[key]}/")}
        for path in sorted({*given.files, *earlier}):
            text = _read(path, files)
            if text is not None and digest(text) in ours.get(path, ()):
                found[path] = Record(digest(text))
        if found:
            known.agents.append(key)
            known.files |= found
    # Git keeps no empty folders: a clone has these for the files in them.
    parts = [path.split("/")[:-1] for path in known.files]
    made = ("/".join(way[:depth]) for way in parts for depth in range(1, len(way) + 1))
    known.folders = list(dict.fromkeys(made))
    return known


def texts() -> dict[str, set[str]]:
    """By path the hashes of all texts that any version has installed there."""
    found: dict[str, set[str]] = {}
    with open(TEXTS, encoding="ascii") as file:
        for line in file:
            sha256, _, path = line.strip().partition(" ")
            found.setdefault(path, set()).add(sha256)
    return found


def _hooks(path: str, entries: tuple[HookEntry, ...], files: Files) -> Record | None:
    """What would be remembered if these entries had been put into the file by us."""
    found = _read(path, files)
    if found is None:
        return None
    alone, merge = merging.put_in("", entries, created=True)
    if digest(found) == digest(alone.encode()):
        return Record(digest(found), merge=merge)
    try:
        text = found.decode()
        pairs = [(one.event, one.command) for one in entries]
        there = tuple(pair for pair in pairs if merging.present(text, *pair))
    except (UnicodeDecodeError, JsoncError):
        return None
    # No hash: it is taken out by structure, as its place in the text is not known.
    return Record("", merge=Merge(False, there, merge.made, ())) if there else None


def _read(path: str, files: Files) -> bytes | None:
    try:
        return files.read(path)
    except BlockedError:
        return None
