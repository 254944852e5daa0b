"""The lines of a buffer, for tests: those that wait, oldest first."""

import json
import os
from typing import Any

from afterword.folder import DataFolder


def lines_of(path: str) -> list[dict[str, Any]]:
    """The events recorded in the data folder at `path`, with their keys as in the buffer."""
    try:
        with open(DataFolder(path).events, encoding="utf-8") as file:
            return [json.loads(line) for line in file.read().splitlines()]
    except FileNotFoundError:
        return []


def applications(base: str) -> list[str]:
    """The data folders of the applications that have recorded below `base`."""
    try:
        return [os.path.join(base, name) for name in sorted(os.listdir(base))]
    except FileNotFoundError:
        return []
