"""A program that uses the engine and looks at itself before and after each call.

`python host.py CONNECTION_STRING [EXPORTER]` prints what has changed, as JSON by call and name.
"""

import decimal
import faulthandler
import gc
import json
import locale
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afterword import Telemetry

warnings.simplefilter("error")  # settings of its own, which a library may be tempted to change
logging.getLogger().setLevel(logging.DEBUG)
random.seed(7)
os.umask(0o002)


def snapshot() -> dict[str, Any]:
    """What a program could notice of itself."""
    umask = os.umask(0o77)
    os.umask(umask)
    root = logging.getLogger()
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "umask": umask,
        "logging": (
            root.level, root.disabled, root.manager.disable, [*root.handlers], [*root.filters],
            logging.raiseExceptions, logging.getLogRecordFactory(), logging.getLoggerClass(),
        ),
        "signals": [signal.getsignal(one) for one in sorted(signal.valid_signals())],
        "signal mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "alarm": signal.getitimer(signal.ITIMER_REAL),
        "wakeup": signal.set_wakeup_fd(-1),
        "warnings": ([*warnings.filters], warnings.showwarning),
        "threads": threading.enumerate(),
        "descriptors": sorted(os.listdir("/proc/self/fd")),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "hooks": (
            sys.excepthook, threading.excepthook, sys.unraisablehook, sys.displayhook,
            sys.breakpointhook, sys.gettrace(), sys.getprofile(), threading.gettrace(),
        ),
        "path": ([*sys.path], [*sys.meta_path], [*sys.path_hooks], [*sys.argv]),
        "limits": (sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits()),
        "garbage": (gc.isenabled(), gc.get_threshold(), gc.get_debug(), [*gc.callbacks]),
        "random": random.getstate(),
        "sockets": (socket.getdefaulttimeout(), socket.socket, socket.getaddrinfo),
        "locale": locale.setlocale(locale.LC_ALL),
        "decimal": repr(decimal.getcontext()),
        "faults": faulthandler.is_enabled(),
        "processors": sorted(os.sched_getaffinity(0)),
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "session": (os.getsid(0), os.getpgid(0)),
    }  # fmt: skip


def made(connection_string: str, exporter: str | None) -> "Telemetry":
    from afterword import Event, Flag, OneOf, Telemetry

    done = Event("done", what=OneOf("build", "test"), success=Flag(optional=True))
    return Telemetry(
        "app", version="1.2.3", events=[done],
        connection_string=connection_string, exporter=exporter,
        uploader=[sys.executable, "-c", "pass"],
    )  # fmt: skip


def calls(connection_string: str, exporter: str | None) -> dict[str, Callable[[], object]]:
    """Every public call, in an order in which each has something to do."""
    use: dict[str, Any] = {}

    def make() -> None:
        use["telemetry"] = made(connection_string, exporter)

    def records() -> Any:
        from afterword.control import report

        return report.waiting(use["telemetry"]).records

    def status() -> object:
        from afterword.control import report, words

        return words.status(report.report(use["telemetry"]), time.time(), "app telemetry")

    def envelopes() -> object:
        from afterword.upload import jobs

        return jobs.make_exporter(use["telemetry"]).render(records())

    def schema() -> object:
        from afterword.control import describe

        return describe.as_json(use["telemetry"].events.values())

    def command() -> None:
        with use["telemetry"].command("done", what="test"):
            pass

    def method(name: str, *arguments: object, **fields: object) -> Callable[[], object]:
        return lambda: getattr(use["telemetry"], name)(*arguments, **fields)

    return {
        "made": make,
        "decision": method("decision"),
        "recorded, off": method("record", "done", what="build"),
        "turned on": method("turn_on"),
        "recorded": method("record", "done", what="build"),
        "command": command,
        "start": method("start_upload"),
        "status": status,
        "envelopes": envelopes,
        "schema": schema,
        "uploaded": method("upload"),
        "recorded again": method("record", "done", what="build"),
        "uploaded again": method("upload"),
        **frameworks(lambda: made(connection_string, exporter)),
        "turned on again": method("turn_on"),
        "reset": method("reset"),
        "turned off": method("turn_off"),
    }


def frameworks(make: "Callable[[], Telemetry]") -> dict[str, Callable[[], object]]:
    """A tool of each framework, run before and after its person has said yes."""

    def click() -> None:
        import click

        tool, app = make(), click.Command("app", callback=lambda: None)
        tool.click(app)
        app.main([], standalone_mode=False)
        tool.turn_on()
        app.main([], standalone_mode=False)

    def typer() -> None:
        import typer

        tool, app = make(), typer.Typer()
        app.command()(lambda: None)
        tool.typer(app)
        # `app()` sets an excepthook of Typer's.
        typer.main.get_command(app).main([], standalone_mode=False)

    def argparse() -> None:
        import argparse

        tool, parser = make(), argparse.ArgumentParser()
        tool.argparse(parser)
        tool.run(lambda: parser.parse_args([]))
        tool.ask()

    return {"click": click, "typer": typer, "argparse": argparse}


def main(connection_string: str, exporter: str | None = None, patience: int = 1000) -> None:
    """Make each call and print what it has changed; `patience`: hundredths of a second."""
    found: dict[str, dict[str, str]] = {}
    for name, call in calls(connection_string, exporter).items():
        before = snapshot()
        call()
        for _ in range(patience):  # a thread that has been told to end does so soon
            after = snapshot()
            changed = [key for key in after if after[key] != before[key]]
            if not {"threads", "descriptors"}.issuperset(changed) or not changed:
                break
            time.sleep(0.01)
        if changed:
            found[name] = {key: f"{before[key]!r} -> {after[key]!r}" for key in changed}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if sys.argv[2:] else None)
