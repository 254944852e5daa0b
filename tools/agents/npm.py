"""Install a client from the npm registry, at its pinned version, into a folder of its own."""

import json
import os
import shutil
import subprocess

from .clients import Client

TIME_LIMIT = 300.0  # seconds; each is some hundred megabytes


class NotInstalledError(Exception):
    """The client cannot be had here; the message says why."""


def install(client: Client, cache: str) -> str:
    """Install the client unless it is there, and return the path of its program.

    Args:
        client: Which.
        cache: The folder that keeps the clients, one folder for each version.

    Raises:
        NotInstalledError: npm is not there or did not do it, or brought no program for this system.
    """
    folder = os.path.join(cache, f"{client.key}-{client.version}")
    modules = os.path.join(folder, "node_modules")
    program = os.path.join(modules, client.program)
    if not (os.path.exists(program) and _version(modules, client) == client.version):
        _npm(folder, f"{client.package}@{client.version}")
    if not os.path.exists(program):
        raise NotInstalledError(f"its package brought no {client.program}")
    return program


def _version(modules: str, client: Client) -> str:
    path = os.path.join(modules, client.package, "package.json")
    try:
        with open(path, encoding="utf-8") as file:
            return str(json.load(file)["version"])
    except FileNotFoundError:
        return ""


def _npm(folder: str, wanted: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalledError("npm is not installed")
    os.makedirs(folder, exist_ok=True)
    # `--prefix`: nothing of the machine's own; `--ignore-scripts`: nothing runs that is not tested.
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
    try:
        done = subprocess.run(
            [npm, "install", "--prefix", folder, *options, wanted],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"npm took longer than {TIME_LIMIT:.0f} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "npm error" in line]
        raise NotInstalledError("; ".join(said[:3]) or f"npm ended with {done.returncode}")
