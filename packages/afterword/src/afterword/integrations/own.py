"""Which code is the application's own: the names of its commands are told, those of plugins not."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Own:
    """An application, as the module that adds telemetry to it shows.

    What is defined in the same package is its own; of a tool of few files, what lies in its folder.

    Args:
        module: that module's name.
    """

    def __init__(self, module: str) -> None:
        self.file = _file_of(module)
        self._packages = {_package_of(module)} if module else set()

    def add(self, module: str) -> None:
        """What is defined in this module's package is the application's as well."""
        if module:
            self._packages.add(_package_of(module))

    def has(self, module: str) -> bool:
        """Is a module of this name the application's own?"""
        return _package_of(module) in self._packages or self._lies_beside(module)

    def _lies_beside(self, module: str) -> bool:
        folder = self.file.rpartition("/")[0]
        if not folder or folder.endswith(("site-packages", "dist-packages")):
            return False
        path = _file_of(module)
        return path.startswith(folder + "/") and "site-packages" not in path[len(folder) :]


def module_of(function: "Any") -> str:
    """The name of the module in which a function is defined; empty where there is none."""
    return str(getattr(function, "__module__", "") or "")


def _package_of(module: str) -> str:
    if module == "__main__":  # `python -m package`, or a script
        module = getattr(sys.modules.get(module), "__package__", "") or module
    return module.partition(".")[0]


def _file_of(module: str) -> str:
    return str(getattr(sys.modules.get(module), "__file__", "") or "").replace("\\", "/")
