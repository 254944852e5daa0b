"""`make tour`: what atomic does in a real repository, step by step, each with what it must show.

Everything happens in a temporary folder with a home and a sink of its own; nothing is left behind.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from afterword_sink import LocalSink
from atomic import __version__
from atomic.names import AGENTS

ATOMIC = str(Path(sys.executable).parent / "atomic")
PATIENCE = 60.0
RULES = [f"Bash(make target-{number})" for number in range(40_000)]


class Tour:
    """A home, a repository with a folder in a folder, and a sink."""

    def __init__(self, base: Path, sink: LocalSink) -> None:
        self.sink = sink
        self.home, self.repository = base / "home", base / "home" / "shop"
        self.inner = self.repository / "services" / "orders"
        self.inner.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", str(self.repository)], check=True)  # noqa: S607
        self.environment = {
            "HOME": str(self.home),
            "PATH": os.environ.get("PATH", os.defpath),
            "ATOMIC_TELEMETRY_CONNECTION_STRING": sink.connection_string,
        }

    def say(self, number: str, what: str) -> None:
        """Begin a step."""
        print(f"\n{number}. {what}")

    def run(
        self,
        *words: str,
        code: int = 0,
        shows: str = "",
        stdin: str = "",
    ) -> str:
        """Run `atomic`, show it, and hold it against what it must end with and show."""
        print(f"\n  {os.path.relpath(self.inner, self.home)}$ atomic {' '.join(words)}")
        started = time.perf_counter()
        done = subprocess.run(
            [ATOMIC, *words],
            cwd=self.inner,
            env=self.environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        took = time.perf_counter() - started
        print("".join(f"    {line}\n" for line in done.stdout.splitlines()), end="")
        print(f"    exit {done.returncode} after {took:.2f} s")
        if done.returncode != code or shows not in done.stdout:
            raise SystemExit(f"tour: exit {code} and {shows!r} were expected")
        return done.stdout

    def files(self) -> dict[str, bytes]:
        """What is in the repository, git's own apart."""
        return {
            str(path.relative_to(self.repository)): path.read_bytes()
            for path in sorted(self.repository.rglob("*"))
            if path.is_file() and ".git" not in path.relative_to(self.repository).parts
        }

    def must(self, what: str, condition: bool) -> None:
        """Say what is so; end if it is not."""
        print(f"    {'yes' if condition else 'NO '}: {what}")
        if not condition:
            raise SystemExit(f"tour: {what}?")


def root(tour: Tour) -> None:
    """The project is the repository."""
    tour.say("2", "From a subfolder the project's root is found, and said:")
    tour.run("init", "-a", "claude", "-y", "--no-banner", shows="Project: ~/shop")
    tour.must("it is in the root", (tour.repository / ".claude/commands/commit.md").exists())
    tour.run("update", "--project", shows="up to date")


def meant(tour: Tour) -> None:
    """Uninstall by what is meant."""
    tour.say("3", "Done with it here, and nowhere else:")
    tour.run("uninstall", "--dry-run", shows="Nothing was removed.")
    tour.run("uninstall", "--project", shows="remove  .atomic/manifest.json")
    tour.must("nothing of it is left in the project", tour.files() == {})
    data = tour.home / ".local/share/atomic/telemetry.json"
    tour.must("the data folder is untouched", data.exists())


def versions(tour: Tour) -> None:
    """Versions side by side, and several at once."""
    tour.say("4", "An older atomic leaves alone what a newer one has installed:")
    tour.run("init", "-a", "claude", "-y", "--no-banner")
    manifest = tour.repository / ".atomic/manifest.json"
    content = manifest.read_text()
    manifest.write_text(content.replace(f'"atomic": "{__version__}"', '"atomic": "7.1"'))
    before = tour.files()
    tour.run("init", "-a", "opencode", "-y", "--no-banner", code=1, shows="newer atomic (7.1)")
    tour.run("uninstall", "--project", code=1, shows="newer atomic (7.1)")
    tour.must("nothing was changed", tour.files() == before)
    manifest.write_text(content)

    print("\n  Twelve at once, three for each agent:")
    started = [
        subprocess.Popen(
            [ATOMIC, "init", "-a", AGENTS[number % len(AGENTS)], "-y"],
            cwd=tour.inner,
            env=tour.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(12)
    ]
    tour.must("all ended with 0", all(one.wait(PATIENCE) == 0 for one in started))
    known = json.loads(manifest.read_text())
    tour.must("the manifest knows all agents", sorted(known["agents"]) == sorted(AGENTS))
    tour.run("uninstall", "--project")
    tour.must("and uninstall leaves nothing", tour.files() == {})


def honest(tour: Tour) -> None:
    """Exit codes and words."""
    tour.say("6", "Broken settings are named, with the line, and it is not `set up` then:")
    settings = tour.repository / ".claude/settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text('{\n  "model": "x",\n  "permissions" {}\n}\n')
    tour.run("init", "-a", "claude", "-y", "--no-banner", code=1, shows="no valid JSON, line 3")
    tour.run("uninstall", "--project")
    print("\n  So is a file that is read-only:")
    settings.write_text('{ "model": "x" }\n')
    settings.chmod(0o444)
    tour.run("init", "-a", "claude", "-y", "--no-banner", code=1, shows="it is read-only")
    tour.run("uninstall", "--project")
    tour.must("it is as it was", settings.read_text() == '{ "model": "x" }\n')
    settings.unlink()
    print("\n  And there is nobody to ask here:")
    tour.run("init", code=2, shows="Say for which agent")
    tour.run("uninstall", code=2, shows="say --project or --yes")


def speed(tour: Tour) -> None:
    """A settings file of 1.3 MB."""
    tour.say("8", "A settings file of 1.3 MB is merged, and comes back to the byte:")
    settings = tour.repository / ".claude/settings.json"
    text = json.dumps({"permissions": {"allow": RULES}, "x": 1}, indent=2) + "  // the end\n"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(text)
    tour.run("init", "-a", "claude", "-y", "--no-banner", shows="lines untouched)")
    tour.run("uninstall", "--project")
    tour.must("every byte is as it was", settings.read_text() == text)
    settings.unlink()


def agents(tour: Tour) -> None:
    """Every agent: what it is given, and a hook that counts."""
    tour.say("9, 10", "Every agent gets commands, sub-agents and hooks in its own form:")
    words = [word for key in AGENTS for word in ("-a", key)]
    tour.run("init", *words, "-y", "--no-banner")
    print()
    for path in sorted(tour.files()):
        if "commit" in path or "locator" in path or "hooks" in path or "plugins" in path:
            print(f"    {path}")
    session = {"session_id": "a-session", "cwd": "/c"}
    prompt = {"hook_event_name": "BeforeAgent", "prompt": "<!-- atomic: /commit -->\n\n# Commit\n"}
    print("\n  What Gemini CLI hands to its hooks:")
    tour.run("hook", "gemini", stdin=json.dumps(session | prompt))
    tour.run("hook", "gemini", stdin=json.dumps(session | {"hook_event_name": "SessionEnd"}))


STEPS: tuple[Callable[[Tour], None], ...] = (root, meant, versions, honest, speed, agents)


def main() -> None:
    """Go through all of it."""
    with tempfile.TemporaryDirectory(prefix="atomic-tour-") as base, LocalSink() as sink:
        tour = Tour(Path(os.path.realpath(base)), sink)
        print("1, 5. Every kind of install, its updates and its end, a binary among them:")
        print("  make test-install")
        print("\n  Here a person agrees to telemetry, so that the end shows rows:")
        tour.run("config", "set", "telemetry", "true")
        for step in STEPS:
            step(tour)
        tour.say("7", "Screens: `atomic init` and `atomic uninstall` on a terminal; try 40x10.")
        print("\n8. Start-up times:  make start-times\n9. The real clients:  make test-agents")
        sessions = "customEvents | where name == 'agent_session' | project customDimensions"
        until = time.monotonic() + PATIENCE
        while not (rows := sink.query(sessions)) and time.monotonic() < until:
            time.sleep(0.1)
        print("\nThe session that the hooks have told of, as a row in the sink:")
        print(f"  {rows}")
        tour.must("one session of Gemini CLI", len(rows) == 1)
        # The uploader of the last command may be at work still: what it works in must stay so long.
        tour.run("uninstall", "-y", shows="atomic itself stays")
    print("\nAll of it was so. Nothing is left behind.")


if __name__ == "__main__":
    main()
