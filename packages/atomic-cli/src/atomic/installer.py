"""Which program has installed `atomic`, and how it upgrades and removes it.

What an installer leaves behind tells (PEP 376 `INSTALLER`, PEP 610 `direct_url.json`, PEP 668
`EXTERNALLY-MANAGED`, uv's and pipx's own marks in the environment). Gathering is one function,
deciding another.
"""

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, util
from typing import Any

PACKAGE = "atomic-cli"


@dataclass(frozen=True)
class Facts:
    """What is seen of an installation.

    `prefix`: the environment it is in. `python`: that environment's Python. `marks`: names of the
    files in `prefix` by which tools know their own. `installer`: content of `INSTALLER`, or empty.
    `direct_url`: content of `direct_url.json`: not from an index, but from there. `managed`: the
    environment belongs to the system. `has_pip`: pip is in the environment. `binary`: the folder of
    the program, where it is one of its own; all else is empty then.
    """

    prefix: str
    python: str
    marks: frozenset[str]
    installer: str
    direct_url: dict[str, Any] | None
    managed: bool
    has_pip: bool
    binary: str = ""


@dataclass(frozen=True)
class Installer:
    """How to upgrade and to remove `atomic` here.

    `name`: for people. `upgrade`, `uninstall`: commands to run; None: it is not ours to do.
    `to_upgrade`, `to_uninstall`: what the person does instead. `lookup`: prints pip's report of
    what would be installed, since `pip install --upgrade` succeeds without having looked.
    """

    name: str
    upgrade: tuple[str, ...] | None = None
    uninstall: tuple[str, ...] | None = None
    to_upgrade: str = ""
    to_uninstall: str = ""
    lookup: tuple[str, ...] | None = None


def facts() -> Facts:
    """What is seen of the installation that is running."""
    if getattr(sys, "frozen", False):
        folder = os.path.dirname(os.path.realpath(sys.executable))
        return Facts("", "", frozenset(), "", None, managed=False, has_pip=False, binary=folder)
    installed = metadata.distribution(PACKAGE)
    direct_url = installed.read_text("direct_url.json")
    marks = ("uv-receipt.toml", "pipx_metadata.json", "conda-meta")
    stdlib = sysconfig.get_path("stdlib")
    return Facts(
        prefix=sys.prefix,
        python=sys.executable,
        marks=frozenset(mark for mark in marks if os.path.exists(os.path.join(sys.prefix, mark))),
        installer=(installed.read_text("INSTALLER") or "").strip(),
        direct_url=json.loads(direct_url) if direct_url else None,
        managed=sys.prefix == sys.base_prefix
        and os.path.exists(os.path.join(stdlib, "EXTERNALLY-MANAGED")),
        has_pip=util.find_spec("pip") is not None,
    )


def decide(seen: Facts) -> Installer:
    """Who installed it, by what is seen."""
    if seen.binary:
        return _binary(seen.binary)
    by_hand = f"{seen.python} -m pip uninstall {PACKAGE}"
    if seen.direct_url is not None and seen.direct_url.get("dir_info", {}).get("editable"):
        folder = str(seen.direct_url.get("url", "")).removeprefix("file://")
        return Installer(
            "an editable install",
            to_upgrade=f"It runs from the sources in {folder}: update them there (git pull).",
            to_uninstall=f"Remove it with: {by_hand}",
        )
    if "uv-receipt.toml" in seen.marks:
        return _tool("uv tool", ("uv", "tool"))
    if "pipx_metadata.json" in seen.marks:
        return _tool("pipx", ("pipx",), _lookup(seen))
    if seen.managed or "conda-meta" in seen.marks or seen.installer not in ("pip", "uv", ""):
        manager = seen.installer if seen.installer not in ("pip", "uv", "") else "the system"
        return Installer(
            manager,
            to_upgrade=f"{manager} manages it: upgrade {PACKAGE} with the tool that installed it.",
            to_uninstall=f"{manager} manages it: remove {PACKAGE} with the tool that installed it.",
        )
    base = _pip(seen)
    if base is None:
        return Installer(
            "an unknown tool",
            to_upgrade=f"Upgrade the package {PACKAGE} in {seen.prefix} with what installed it.",
            to_uninstall=f"Remove the package {PACKAGE} from {seen.prefix} with what installed it.",
        )
    name, install, uninstall = base
    if seen.direct_url is not None:
        url = seen.direct_url.get("url", "where it came from")
        again = f"It was not installed from an index; install it anew from {url}."
        return Installer(name, uninstall=uninstall, to_upgrade=again)
    return Installer(name, upgrade=install, uninstall=uninstall, lookup=_lookup(seen))


def _binary(folder: str) -> Installer:
    """A program of its own: `install.sh` beside it has put it there, or somebody by hand."""
    script = os.path.join(folder, "install.sh")
    if not os.path.exists(os.path.join(folder, "installed-from")):
        return Installer(
            "a folder",
            to_upgrade=f"Replace the folder {folder} with a newer one.",
            to_uninstall=f"Remove the folder {folder}.",
        )
    return Installer(
        "install.sh",
        upgrade=("sh", script),
        uninstall=("sh", script, "--uninstall"),
        lookup=("sh", script, "--newest"),
    )


def _tool(name: str, program: Sequence[str], lookup: tuple[str, ...] | None = None) -> Installer:
    return Installer(
        name,
        upgrade=(*program, "upgrade", PACKAGE),
        uninstall=(*program, "uninstall", PACKAGE),
        lookup=lookup,
    )


def _lookup(seen: Facts) -> tuple[str, ...] | None:
    """By pip, which is in pipx's environments as well; uv fails by itself where it cannot look."""
    if not seen.has_pip:
        return None
    return (
        seen.python, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "install",
        "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--report", "-", PACKAGE,
    )  # fmt: skip


def _pip(seen: Facts) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    """Name, and the commands to upgrade and to remove, of what installs into this environment."""
    if seen.has_pip:
        pip = (seen.python, "-m", "pip", "--disable-pip-version-check")
        return (
            "pip",
            (*pip, "install", "--upgrade", PACKAGE),
            (*pip, "uninstall", "--yes", PACKAGE),
        )
    if seen.installer == "uv":
        where = ("--python", seen.python)
        return (
            "uv pip",
            ("uv", "pip", "install", *where, "--upgrade", PACKAGE),
            ("uv", "pip", "uninstall", *where, PACKAGE),
        )
    return None


def is_there(command: Sequence[str]) -> bool:
    """Is the program of the command installed?"""
    return shutil.which(command[0]) is not None
