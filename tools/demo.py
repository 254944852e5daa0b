"""The main job, step by step and for real: from `atomic init` to a row in `customEvents`.

Everything happens in a temporary folder with an environment of its own; nothing is left behind.
"""

import contextlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from afterword_sink import LocalSink

ATOMIC = Path(sys.executable).parent / "atomic"
KQL = (
    "customEvents | extend command = tostring(customDimensions.command), "
    "agent = tostring(customDimensions.agent_type) "
    "| summarize events = count(), people = dcount(user_Id) by name, agent, command"
)
PATIENCE = 60.0


class Demo:
    """A home, a project and a sink; runs `atomic` in them and tells what happens."""

    def __init__(self, base: Path, sink: LocalSink) -> None:
        self.sink = sink
        self.home, self.project, tools = base / "home", base / "project", base / "bin"
        for folder in (self.home, self.project, tools):
            folder.mkdir()
        agent = tools / "claude"  # stands in for the agent, which need not be installed
        agent.write_text('#!/bin/sh\necho "(the agent runs: claude $*)"\n')
        agent.chmod(agent.stat().st_mode | stat.S_IXUSR)
        # Not ours but made here: `CI` or `DO_NOT_TRACK` around the demo must not change it.
        self.environment = {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)]),
            "ATOMIC_TELEMETRY_CONNECTION_STRING": sink.connection_string,
        }
        if system_root := os.environ.get("SYSTEMROOT"):
            self.environment |= {"SYSTEMROOT": system_root, "LOCALAPPDATA": str(self.home)}

    @property
    def data(self) -> Path:
        """The folder that `atomic` keeps its data in."""
        local = self.home if "LOCALAPPDATA" in self.environment else self.home / ".local" / "share"
        return local / "atomic"

    def run(self, *arguments: str) -> None:
        """Run `atomic`, show what it says and how long it took."""
        print(f"\n$ atomic {' '.join(arguments)}")
        started = time.perf_counter()
        done = subprocess.run(
            [ATOMIC, *arguments],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        print(indented(done.stdout), end="")
        print(f"  exit {done.returncode} after {time.perf_counter() - started:.2f} s")
        if done.returncode:
            raise SystemExit("demo: that should have worked")

    def waiting(self) -> list[str]:
        """The lines that wait on disk."""
        found = sorted(self.data.glob("telemetry-events*.jsonl"))
        return [line for path in found for line in read(path).splitlines() if line.strip()]

    def uploaders(self) -> Iterator[psutil.Process]:
        """The background processes that this demo's commands have left."""
        for process in psutil.process_iter():
            try:
                if "--upload-telemetry" in process.cmdline():
                    variables = process.environ()
                    if variables.get("HOME") == str(self.home) or str(self.home) in variables.get(
                        "LOCALAPPDATA", ""
                    ):
                        yield process
            except psutil.Error:
                continue


def read(path: Path) -> str:
    """What stands in a file; nothing if it has just gone."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def indented(text: str) -> str:
    """The text, each line moved to the right."""
    return "".join(f"  {line}\n" for line in text.splitlines())


def table(rows: list[dict[str, object]]) -> str:
    """Rows as an aligned table."""
    columns = list(rows[0]) if rows else []
    cells = [columns] + [[str(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    return "".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + "\n"
        for line in cells
    )


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    """Wait until it is so."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"demo: waited in vain for {what}")
        time.sleep(0.05)


def main() -> None:
    """Run the demo."""
    with tempfile.TemporaryDirectory(prefix="atomic-demo-") as base, LocalSink() as sink:
        print("1. A local Application Insights listens:")
        print(f"  {sink.connection_string}")
        demo = Demo(Path(base), sink)

        sink.set_faults("delay=2")  # slow enough to be watched
        print("\n2. The person agrees, sets a project up, and runs an agent through atomic:")
        demo.run("config", "set", "telemetry", "true")
        demo.run("init", "--agent", "claude", "--yes", "--no-banner")
        demo.run("run", "claude", "--", "/commit", "fix the thing")

        lines = demo.waiting()
        print("\n3. The commands are over. What they left in the buffer:")
        for line in lines:
            print(f"  {line}")
        expected = len(lines)

        print("\n4. And the process that sends it, detached, after they have ended:")
        senders = list(demo.uploaders())
        for process in senders:
            with contextlib.suppress(psutil.Error), process.oneshot():  # it may end meanwhile
                where = f"  pid {process.pid}, parent {process.ppid()}, in {process.cwd()}:"
                print(f"{where}\n    {' '.join(process.cmdline()[-2:])}")
        if not lines or not senders:
            raise SystemExit("demo: there should be events waiting, and a process to send them")
        wait_for("the upload", lambda: not demo.waiting())
        wait_for("the uploader's end", lambda: not list(demo.uploaders()))
        print("  It has sent them and ended by itself; the buffer is empty.")

        print("\n5. One event as it went over the wire:")
        print(indented(json.dumps(sink.requests()[0].envelopes[0], indent=2)), end="")

        rows = sink.query(
            "customEvents | project timestamp, name, user_Id, cloud_RoleName, "
            "cloud_RoleInstance, application_Version, customDimensions"
        )
        print("\n6. The rows in customEvents:")
        for row in rows:
            print(indented("\n".join(f"{name:<20} {value}" for name, value in row.items())))

        print(f"7. A question in KQL:\n  {KQL}\n")
        print(table(sink.query(KQL)), end="")
        if len(rows) != expected:
            raise SystemExit(f"demo: {expected} events waited, {len(rows)} rows arrived")
        print(f"\n{expected} events recorded, {len(rows)} rows arrived. Nothing is left behind.")


if __name__ == "__main__":
    main()
