"""Install the clients, go where there is no network, run each of them, say what came of it."""

import argparse
import os
import subprocess
import sys
import time

from . import session
from .clients import CLIENTS, Client
from .isolation import NotIsolatedError, isolated, must_be_isolated
from .npm import NotInstalledError, install

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIME_LIMIT = 900.0  # seconds for all sessions together


def main() -> int:
    """Run it; the exit code: 1 if something failed, 0 if not, skipped or done."""
    parser = argparse.ArgumentParser(prog="python -m tools.agents", description=__doc__)
    keys = [client.key for client in CLIENTS]
    parser.add_argument("agents", nargs="*", help=f"which of {', '.join(keys)}; all if none")
    parser.add_argument("--payloads", action="store_true", help="show what hooks were handed")
    parser.add_argument("--cache", default=os.path.join(ROOT, ".cache", "agents"))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.agents) - set(keys):
        parser.error(f"no such agent: {', '.join(sorted(unknown))}")
    chosen = [client for client in CLIENTS if client.key in (options.agents or keys)]
    if options.inside:
        try:
            must_be_isolated()
        except NotIsolatedError as reason:
            parser.error(str(reason))
        return _run_all(chosen, options.cache, recording=options.payloads)
    _ignore_in_git(options.cache)
    installed = [client for client in chosen if _installed(client, options.cache)]
    return _go_inside(installed, options.cache, payloads=options.payloads) if installed else 0


def _ignore_in_git(cache: str) -> None:
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, ".gitignore"), "w", encoding="utf-8") as file:
        file.write("*\n")


def _installed(client: Client, cache: str) -> bool:
    """Install it, and say so if that cannot be."""
    try:
        install(client, cache)
    except NotInstalledError as reason:
        _say(client.name, client.version)
        _say("  skipped ", f"not installed: {reason}")
        return False
    return True


def _go_inside(clients: list[Client], cache: str, *, payloads: bool) -> int:
    """Run this program again, where there is no network."""
    again = [sys.executable, "-m", "tools.agents", "--inside", "--cache", cache]
    again += ["--payloads"] * payloads + [client.key for client in clients]
    try:
        command = isolated(again)
    except NotIsolatedError as reason:
        for client in clients:
            _say(client.name, client.version)
            _say("  skipped ", str(reason))
        return 0
    try:
        return subprocess.run(command, cwd=ROOT, timeout=TIME_LIMIT, check=False).returncode
    except subprocess.TimeoutExpired:
        _say("failed: longer than", f"{TIME_LIMIT:.0f} s")
        return 1


def _run_all(clients: list[Client], cache: str, *, recording: bool) -> int:
    outcomes = []
    for client in clients:
        program = install(client, cache)
        _say(client.name, client.version)
        for form in session.Form:
            started = time.monotonic()
            report = session.run(client, program, form, recording=recording)
            outcomes.append(report.outcome)
            _say(f"  {report.outcome:<8}", f"{form.value} ({time.monotonic() - started:.0f} s):")
            _say("          ", report.words)
            for line in (*report.details, *report.payloads):
                _say("            |", line)
    counts = {name: outcomes.count(name) for name in ("ok", "failed", "skipped")}
    _say(", ".join(f"{count} {name}" for name, count in counts.items()))
    if counts["failed"] and not recording:
        _say("What the hooks were handed is shown by: python -m tools.agents --payloads AGENT")
    return 1 if counts["failed"] else 0


def _say(*words: str) -> None:
    print(*words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
