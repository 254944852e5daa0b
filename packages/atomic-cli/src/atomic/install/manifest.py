"""What `atomic` has put into a project: `.atomic/manifest.json`, to be committed with the project.

It may come with a project from anywhere, so nothing in it is trusted: every path is checked before
it is used (`project.Project`), and only files that still have the hash given here are removed.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from atomic.install.jsonedit import Insertion
from atomic.install.root import FOLDER

PATH = f"{FOLDER}/manifest.json"
BACKUP = f"{FOLDER}/backup"
_FORMAT = 1


class ManifestError(Exception):
    """The manifest is damaged, or of a newer `atomic`."""


class Merge(NamedTuple):
    """What was put into a file that is the user's as well.

    `created`: the file was not there before. `hooks`: event and command of each entry. `made`: the
    objects and lists that were not there before. `inserted`: the text, to be taken out again.
    """

    created: bool
    hooks: tuple[tuple[str, str], ...]
    made: tuple[tuple[str, ...], ...]
    inserted: tuple[Insertion, ...]


class Record(NamedTuple):
    """One file as it was installed.

    `sha256`: of its text, however its lines end. `backup`: where the user's own file is, that stood
    there before. `offered`: the hash of a newer text that was put beside an edited file. `merge`:
    for files that are the user's as well.
    """

    sha256: str
    backup: str | None = None
    offered: str | None = None
    merge: Merge | None = None


class Manifest:
    """What is remembered of a project.

    `agents`: their keys. `files`: by path. `folders`: that were not there before. `version`: of the
    `atomic` that has written it; empty if it is not known.
    """

    def __init__(
        self,
        agents: Iterable[str] = (),
        files: Mapping[str, Record] | None = None,
        folders: Iterable[str] = (),
        version: str = "",
    ) -> None:
        self.agents = list(agents)
        self.files = dict(files or {})
        self.folders = list(folders)
        self.version = version

    def dump(self, version: str) -> bytes:
        """The file's content, `version` being that of `atomic`."""
        files = {path: _dump(self.files[path]) for path in sorted(self.files)}
        content = {
            "format": _FORMAT,
            "atomic": version,
            "agents": self.agents,
            "folders": sorted(self.folders),
            "files": files,
        }
        return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def load(content: bytes | None) -> Manifest:
    """The manifest in the file's content; an empty one if there is no such file.

    Raises:
        ManifestError: it cannot be read.
    """
    if content is None:
        return Manifest()
    try:
        found = json.loads(content)
        if found["format"] > _FORMAT:
            raise ManifestError(f"it was written by a newer atomic ({found['atomic']})")
        files = {str(path): _record(record) for path, record in found["files"].items()}
        agents = [str(agent) for agent in found["agents"]]
        folders = [str(folder) for folder in found["folders"]]
        return Manifest(agents, files, folders, str(found["atomic"]))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ManifestError("it is damaged") from error


def digest(content: bytes) -> str:
    """The hash of a text, the same whether its lines end as on Unix or as on Windows."""
    found: str = _sha256(content.replace(b"\r\n", b"\n")).hexdigest()
    return found


def _sha256(content: bytes) -> Any:
    """What hashlib would give us, without loading OpenSSL, which takes as long as all else here."""
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256
        else:
            from _sha256 import sha256  # type: ignore[import-not-found]
    except ImportError:
        from hashlib import sha256
    return sha256(content)


def _dump(record: Record) -> dict[str, Any]:
    values = record._asdict()
    if record.merge is not None:
        inserted = [one._asdict() for one in record.merge.inserted]
        values["merge"] = record.merge._asdict() | {"inserted": inserted}
    return {key: value for key, value in values.items() if value is not None}


def _record(found: Mapping[str, Any]) -> Record:
    merge = found.get("merge")
    return Record(
        str(found["sha256"]),
        backup=found.get("backup"),
        offered=found.get("offered"),
        merge=None if merge is None else _merge(merge),
    )


def _merge(found: Mapping[str, Any]) -> Merge:
    return Merge(
        bool(found["created"]),
        tuple((str(event), str(command)) for event, command in found["hooks"]),
        tuple(tuple(str(key) for key in path) for path in found["made"]),
        tuple(Insertion(int(one["at"]), str(one["text"])) for one in found["inserted"]),
    )
