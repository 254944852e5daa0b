"""Do what was planned, step by step, and remember each: half of a plan is remembered as half."""

import contextlib
from collections.abc import Iterable

from atomic import __version__
from atomic.install import manifest
from atomic.install.manifest import Manifest
from atomic.install.plan import WRITES, Action, Step
from atomic.install.project import BlockedError, Project


def remembered(project: Project) -> Manifest:
    """The project's manifest.

    Raises:
        ManifestError: it cannot be read.
    """
    try:
        return manifest.load(project.read(manifest.PATH))
    except BlockedError as error:
        raise manifest.ManifestError(str(error)) from error


def apply(project: Project, known: Manifest, steps: Iterable[Step]) -> None:
    """Make the changes and write the manifest, which is removed with the last of its files.

    Raises:
        OSError, BlockedError: a file could not be written; the manifest tells of those that were.
    """
    try:
        for step in steps:
            if step.action in WRITES and step.content is not None:
                known.folders += project.write(step.path, step.content)
            elif step.action is Action.REMOVE:
                project.remove(step.path)
            if step.forget:
                known.files.pop(step.path, None)
            elif step.record is not None:
                known.files[step.path] = step.record
    finally:
        _remember(project, known)


def _remember(project: Project, known: Manifest) -> None:
    if known.files:
        content = known.dump(__version__)
        before = project.read(manifest.PATH)
        if before is None or manifest.digest(before) != manifest.digest(content):
            made = project.write(manifest.PATH, content)
            if made:
                known.folders += made
                project.write(manifest.PATH, known.dump(__version__))
        return
    with contextlib.suppress(OSError):
        project.remove(manifest.PATH)
    for folder in sorted(known.folders, key=len, reverse=True):
        project.remove_folder(folder)
