"""The project that a command works on: the folder in which it is run."""

import os

from atomic.install.apply import remembered
from atomic.install.manifest import PATH, Manifest, ManifestError
from atomic.install.project import Project
from atomic.screen import Failure


def project_here() -> Project:
    """The project in the working directory.

    Raises:
        Failure: it is the home folder, whose settings are those of all projects.
    """
    project = Project(os.getcwd())
    if project.root == os.path.realpath(os.path.expanduser("~")):
        raise Failure(
            "This is your home folder: an agent's settings in it are for all projects.",
            "Go to a project's folder first.",
        )
    return project


def manifest_of(project: Project) -> Manifest:
    """What was installed in the project.

    Raises:
        Failure: that cannot be told.
    """
    try:
        return remembered(project)
    except ManifestError as error:
        raise Failure(
            f"{PATH}: {error}.", "Bring it back from version control, or remove it."
        ) from error
