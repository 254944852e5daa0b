"""Carry out a plan step by step, and note each step: half of a plan is noted as half."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from atomic import __version__
from atomic.install import manifest
from atomic.install.manifest import Manifest
from atomic.install.plan import WRITES, Action, Step
from atomic.install.project import BlockedError, Project
from atomic.install.root import FOLDER


def remembered(project: Project) -> Manifest:
    """The project's manifest, or what can be told without one.

    Raises:
        ManifestError: it cannot be read.
    """
    try:
        content = project.read(manifest.PATH)
    except BlockedError as error:
        raise manifest.ManifestError(str(error)) from error
    if content is None:
        from atomic.install.adoption import adopt

        return adopt(project)
    return manifest.load(content)


@contextmanager
def alone_with(project: Project, waiting: Callable[[], None]) -> Iterator[Manifest]:
    """Lock the project for changes; gives its manifest as it is then.

    `waiting` is called before another one is waited for.

    Raises:
        BusyError: another one does not come to its end.
        ManifestError: the manifest cannot be read.
        BlockedError, OSError: nothing can be written in the project.
    """
    from atomic.install import lock  # loads the engine, which a dry run does without

    with lock.hold(project, waiting) as held:
        known = remembered(project)
        if held.made and FOLDER not in known.folders:
            known.folders.append(FOLDER)
        held.made = FOLDER in known.folders
        yield known


def apply(project: Project, known: Manifest, steps: Sequence[Step]) -> None:
    """Make the changes and write the manifest, which is removed with the last of its files.

    Raises:
        OSError, BlockedError: a file could not be written; the manifest tells of those that were.
    """
    _announce(project, known, steps)
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


def _announce(project: Project, known: Manifest, steps: Sequence[Step]) -> None:
    """Write down what will be new before the first file is: a kill in the middle forgets nothing.

    A file named there and never made is "gone already" to `uninstall`; one that was known stays as
    it is known, so that its old text is not taken for the user's.
    """
    coming = {
        step.path: step.record
        for step in steps
        if step.record is not None and not step.forget and step.path not in known.files
    }
    if coming:
        folders = [folder for path in (*coming, manifest.PATH) for folder in project.missing(path)]
        planned = Manifest(
            known.agents, known.files | coming, [*known.folders, *dict.fromkeys(folders)]
        )
        known.folders += project.write(manifest.PATH, planned.dump(__version__))


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
