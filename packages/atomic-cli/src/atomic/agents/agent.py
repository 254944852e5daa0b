"""An agent: its names, how it is started, and which files it gets in a project."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class HookEntry(NamedTuple):
    """One hook in a settings file that is the user's as well.

    `event`: the key under `hooks`. `command`: the shell command, by which the entry is known again
    whatever else was changed about it. `timeout`: in the agent's own unit.
    """

    event: str
    command: str
    timeout: int

    @property
    def group(self) -> dict[str, object]:
        """The value in the event's list."""
        hook = {"type": "command", "command": self.command, "timeout": self.timeout}
        return {"hooks": [hook]}


class Installation(NamedTuple):
    """What an agent is given: whole files, and entries in files that are the user's as well.

    Both by path within the project, with forward slashes.
    """

    files: Mapping[str, str]
    hooks: Mapping[str, tuple[HookEntry, ...]] = MappingProxyType({})


class Agent(NamedTuple):
    """One coding agent.

    `key`: its name for us and in events. `name`: as its makers write it. `program`: what is run.
    `package`: in the npm registry, to say how it is installed.
    """

    key: str
    name: str
    program: str
    package: str


def front_matter(fields: Mapping[str, object]) -> str:
    """The YAML header of a prompt file, every value as JSON, so that none can be misread."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    return "\n".join(["---", *lines, "---", "", ""])
