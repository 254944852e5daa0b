"""Fields that can be added to the event `command`, each with a closed vocabulary."""

import os
import sys

from afterword.integrations.agents import agent_of
from afterword.schema import Agent, Count, Flag, OneOf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from afterword.schema import Field

INSTALLS = ("pip", "pipx", "uv", "brew", "system", "frozen", "source")
_PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15", "other")
_WINDOWS_11 = 22_000  # its first build; it calls itself 10
_DARWIN_OF_26, _DARWIN_OF_11 = 25, 20
"""Darwin's versions of macOS 26, and of 11: in between and after, the two count in step."""


def field_of(name: str) -> "Field":
    """The declaration of one of `run.FACTS`."""
    if name == "agent":
        return Agent(why="How much is run by coding agents, and by which?")
    if name == "install":
        return OneOf(*INSTALLS, why="Which ways of installing it matter?")
    if name == "python":
        return OneOf(*_PYTHONS, other="other", why="Which versions of Python can be dropped?")
    if name == "os_version":
        return Count(most=999, optional=True, why="Which versions of systems can be dropped?")
    return Flag(why="How much is run by scripts?")


def value_of(name: str, environment: "Mapping[str, str]", file: str) -> object:
    """What it is in this process; None where that cannot be told.

    Args:
        name: as for `field_of`.
        environment: the process's.
        file: a source file of the application.
    """
    if name == "agent":
        return agent_of(environment)
    if name == "install":
        return installed_by(file, sys.prefix, frozen=bool(getattr(sys, "frozen", False)))
    if name == "python":
        return f"{sys.version_info[0]}.{sys.version_info[1]}"
    if name == "os_version":
        return major_version()
    return sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty()


def major_version() -> int | None:
    """The system's major version: of macOS, of Windows, elsewhere of the kernel."""
    if sys.platform == "win32":
        found = sys.getwindowsversion()
        return 11 if found.major == 10 and found.build >= _WINDOWS_11 else found.major  # noqa: PLR2004  # Windows 10
    first = os.uname().release.partition(".")[0]
    if not first.isdecimal():
        return None
    major = int(first)
    if sys.platform != "darwin":
        return major
    if major >= _DARWIN_OF_26:
        return major + 1
    return major - 9 if major >= _DARWIN_OF_11 else 10


def installed_by(file: str, prefix: str, *, frozen: bool) -> str:
    """How the application came here, as its files show; out of INSTALLS.

    Args:
        file: a source file of the application.
        prefix: the environment's folder, `sys.prefix`.
        frozen: it is one program, made by PyInstaller or the like.
    """
    if frozen:
        return "frozen"
    if os.path.exists(os.path.join(prefix, "pipx_metadata.json")):
        return "pipx"
    if os.path.exists(os.path.join(prefix, "uv-receipt.toml")):
        return "uv"
    parts = file.replace("\\", "/").split("/")
    if "Cellar" in parts or "homebrew" in parts:
        return "brew"
    if "dist-packages" in parts and prefix == "/usr":
        return "system"
    return "pip" if "site-packages" in parts or "dist-packages" in parts else "source"
