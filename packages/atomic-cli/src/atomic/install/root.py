"""Which folder is the project: looked for from the working directory upwards. Only `os` is needed.

`atomic run` uses it as well, so nothing is imported here.
"""

import os

FOLDER = ".atomic"


def candidates(here: str, home: str) -> list[str]:
    """The folders that may be meant as the project, the likeliest first; never empty.

    Folders with `.atomic`, the nearest first; else the root of the git repository; else `here`. The
    search ends at the repository's root, below the home folder, and where a folder belongs to
    somebody else, since anybody may put a `.atomic` into a shared folder such as `/tmp`.

    Args:
        here: the working directory, without links in it.
        home: the home folder, without links in it; empty if there is none.
    """
    set_up: list[str] = []
    git = ""
    folder, owner = here, _owner(here)
    while not git and (folder == here or folder != home):
        if os.path.isdir(os.path.join(folder, FOLDER)):
            set_up.append(folder)
        if os.path.exists(os.path.join(folder, ".git")):  # a file in work trees and submodules
            git = folder
        above = os.path.dirname(folder)
        if above == folder or _owner(above) != owner:
            break
        folder = above
    return set_up or [git or here]


def _owner(folder: str) -> int:
    try:
        return os.stat(folder).st_uid
    except OSError:
        return -1
