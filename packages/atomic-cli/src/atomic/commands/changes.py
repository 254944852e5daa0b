"""The project that a command works on, and the right to change it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from atomic import __version__, screen
from atomic.install.apply import alone_with, remembered
from atomic.install.manifest import PATH, Manifest, ManifestError
from atomic.install.project import PATIENCE, BlockedError, BusyError, Project
from atomic.install.root import candidates
from atomic.install.versions import is_newer
from atomic.screen import Failure


def find_project(*, here: bool, ask: bool) -> Project:
    """The project that is meant, which is said if it is not the working directory.

    `here`: it is the working directory. `ask`: the person may be asked which of several.
    """
    place = os.getcwd()
    home = os.path.realpath(os.path.expanduser("~"))
    found = [place] if here else candidates(place, home)
    root = found[0]
    if len(found) > 1 and ask and screen.is_interactive():
        from atomic import asking

        shown = [screen.home_shortened(folder) for folder in found]
        root = found[asking.one("Several folders here are set up. Which one?", shown)]
    if root != place:
        screen.say(f"Project: {screen.home_shortened(root)}")
    return Project(root)


def must_not_be_home(project: Project) -> None:
    """Raise Failure for the home folder: an agent's settings in it are those of all projects."""
    if project.root == os.path.realpath(os.path.expanduser("~")):
        raise Failure(
            "This is your home folder: an agent's settings in it are for all projects.",
            "Go to a project's folder first.",
        )


def manifest_of(project: Project, *, force: bool) -> Manifest:
    """What was installed in the project, to read.

    Raises:
        Failure: that cannot be told, or a newer `atomic` has to do it.
    """
    with _failures():
        return _checked(remembered(project), force=force)


@contextmanager
def changing(project: Project, *, force: bool) -> Iterator[Manifest]:
    """Lock the project for changes; gives what is installed there at that time.

    `force`: also where a newer `atomic` was at work.

    Raises:
        Failure: it cannot be changed, and why.
    """

    def say_so() -> None:
        screen.say("Waiting for another atomic that is at work in this project ...")

    with _failures(), alone_with(project, say_so) as known:
        yield _checked(known, force=force)


def _checked(known: Manifest, *, force: bool) -> Manifest:
    if is_newer(known.version, __version__) and not force:
        raise Failure(
            f"A newer atomic ({known.version}) has set this project up; this is {__version__}.",
            "Update atomic (`atomic update`), or say --force to go back to this version's files.",
        )
    return known


@contextmanager
def _failures() -> Iterator[None]:
    """Errors of the manifest and of the lock, as people are told them."""
    try:
        yield
    except ManifestError as error:
        raise Failure(
            f"{PATH}: {error}.", "Bring it back from version control, or remove it."
        ) from error
    except BusyError:
        raise Failure(
            f"Another atomic has been at work in this project for {PATIENCE:.0f} s.",
            "Check what it is doing, then try again.",
        ) from None
    except BlockedError as error:
        raise Failure(f"{PATH}: {error}.") from error
