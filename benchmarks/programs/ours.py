"""A command with afterword: three declared events, one of them recorded, the upload at the end.

`BENCH_MARK` is the run's number, carried by the event. `BENCH_CHILD=pass` starts `python -c pass`
in the uploader's place, as the floor does. `BENCH_TELEMETRY_EXPORTER` names another exporter than
the connection string's.
"""

import os
import sys

from afterword import Telemetry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from afterword import Event


def events() -> "tuple[Event, ...]":
    """Three events, as a tool of some size has them; declared when one is recorded."""
    from afterword import Count, Event, Flag, Id, ListOf, OneOf

    commands = OneOf("init", "run", "config", "update", "uninstall", "chat")
    agents = OneOf("claude", "copilot", "opencode")
    return (
        Event("command", command=commands, success=Flag(), mark=Count(optional=True)),
        Event("chat", agent=agents, commands=ListOf("a", "b", "c", "d"), session_id=Id()),
        Event("workflow", agent=agents, steps=Count(), success=Flag()),
    )


telemetry = Telemetry(
    "bench",
    version="1.0.0",
    events=events,
    # The usual form. Where it is sent somewhere, the harness says where by the variable.
    connection_string=(
        "InstrumentationKey=00000000-0000-4000-8000-000000000001;"
        "IngestionEndpoint=https://ingestion.example/"
    ),
    exporter=os.environ.get("BENCH_TELEMETRY_EXPORTER"),
    uploader=(
        (sys.executable, "-c", "pass")
        if "BENCH_CHILD" in os.environ
        else (sys.executable, "-P", "-c", "import ours; ours.upload()")
    ),
    cap=int(os.environ.get("BENCH_TELEMETRY_CAP", "5000000")),
)


def command() -> None:
    """Be the command."""
    telemetry.record("command", command="init", success=True, mark=int(os.environ["BENCH_MARK"]))


def upload() -> None:
    """Be the uploader; leave a line where the harness counts them."""
    if tally := os.environ.get("BENCH_TELEMETRY_TALLY"):
        file = os.open(tally, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, b"started\n")
        os.close(file)
    telemetry.run_uploader()
