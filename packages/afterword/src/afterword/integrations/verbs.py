"""The verbs of `TOOL telemetry`, their help, and the call that runs one."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from afterword.control.application import Application

VERBS = {
    "status": "say whether it is on, why, and what waits",
    "show": "print the events that wait, or those that were sent",
    "schema": "print every event and field that can be recorded, and why",
    "on": "turn it on, with a new id",
    "off": "turn it off; delete what waits, the id, the copy of what was sent",
    "reset": "delete the same, and go on with a new id",
    "upload": "send now what waits",
}
OF_OPTION = (*VERBS, "sent")
"""What `TOOL --telemetry VERB` takes, of a tool without subcommands: `sent` is `show --sent`."""

NAME = "telemetry"
HELP = "See what is recorded, turn it on or off."
JSON_HELP = "For scripts: status, show and schema."
SENT_HELP = "With show: what was sent in the last 30 days, and where to."


def run_verb(
    telemetry: "Application", verb: str, *, as_json: bool = False, sent: bool = False
) -> int:
    """Run a verb: print its result, and return the exit code."""
    from afterword.control import commands

    if verb == "sent":
        verb, sent = "show", True
    return commands.run(telemetry, verb, as_json=as_json, sent=sent)
