"""One project's folder: its files read, written and removed, and never one outside of it.

The way to every file is checked: no `..`, nothing that is reached through a link leading out.
"""

import contextlib
import os
import stat

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


PATIENCE = 30.0
"""Seconds that another `atomic` is waited for; one takes less than a second."""


class BlockedError(Exception):
    """The file cannot be handled; the message says why."""


class BusyError(Exception):
    """Another `atomic` has been at work in the project for longer than PATIENCE."""


class NoPathError(BlockedError):
    """That can be no path within a project, whatever is there."""


class Project:
    """The folder at `root`. All paths are relative to it, with forward slashes."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)

    def read(self, path: str) -> bytes | None:
        """The file's content; None if there is none.

        Raises:
            BlockedError: it is no plain file in this project, or cannot be read.
        """
        place = self.locate(path)
        try:
            if not stat.S_ISREG(os.stat(place).st_mode) and not os.path.isdir(place):
                raise BlockedError("it is no plain file")  # a pipe would be waited for
            with open(place, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise BlockedError("a file stands in the place of its folder") from None
        except IsADirectoryError:
            raise BlockedError("a folder stands in its place") from None
        except OSError as error:
            raise BlockedError(f"it cannot be read ({error.strerror})") from None

    def is_there(self, path: str) -> bool:
        """Is there a file, a folder or a link of this name?"""
        return os.path.lexists(os.path.join(self.root, *path.split("/")))

    def why_fixed(self, path: str) -> str | None:
        """Why the file must not be changed; None if it may be, or is not there.

        The folder may allow to replace it all the same, but nobody expects that.
        """
        place = self.locate(path)
        try:
            mode = os.stat(place).st_mode
        except OSError:
            return None
        if not mode & _WRITABLE:
            return "it is read-only"
        return None if os.access(place, os.W_OK) else "you have no right to write to it"

    def write(self, path: str, content: bytes) -> list[str]:
        """Replace the file as a whole, keeping its mode; return the folders that were made for it.

        Raises:
            BlockedError, OSError: it could not be written, and is as it was.
        """
        target = self.locate(path)
        folders = self.make_folders(os.path.dirname(path))
        beside = f"{target}.{os.getpid()}.tmp"
        try:
            with open(beside, "xb") as file:
                file.write(content)
            with contextlib.suppress(FileNotFoundError):
                os.chmod(beside, stat.S_IMODE(os.stat(target).st_mode))
            os.replace(beside, target)
        except BaseException as error:
            if isinstance(error, OSError):
                error.filename = target  # a full disk names no file
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise
        return folders

    def missing(self, path: str) -> list[str]:
        """The folders that `write` would have to make for the file."""
        parts = path.split("/")[:-1]
        folders = ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        return [one for one in folders if not os.path.isdir(os.path.join(self.root, one))]

    def remove(self, path: str) -> None:
        """Remove the file, if it is there. Raise BlockedError or OSError if it cannot be."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.locate(path))

    def remove_folder(self, path: str) -> None:
        """Remove the folder if it is empty."""
        with contextlib.suppress(OSError, BlockedError):
            os.rmdir(self.locate(path))

    def make_folders(self, path: str) -> list[str]:
        """Make the folder and those above it; return those that were not there before."""
        made = []
        parts = path.split("/") if path else []
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(self.root, folder))
                made.append(folder)
        return made

    def locate(self, path: str) -> str:
        """The real place of the file: a link within the project is followed, others are refused.

        Raises:
            BlockedError: it would be outside of the project.
        """
        parts = path.split("/")
        if "" in parts or "." in parts or ".." in parts or "\\" in path or ":" in parts[0]:
            raise NoPathError("that is no path within a project")
        place = os.path.realpath(os.path.join(self.root, *parts))
        if os.path.commonpath([self.root, place]) != self.root:
            raise BlockedError("it leads out of this project")
        return place
