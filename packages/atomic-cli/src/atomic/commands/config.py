"""`atomic config`: settings kept in the data folder. There is one: whether telemetry is on."""

import click

from atomic import screen
from atomic.telemetry import telemetry

KEY = click.Choice(("telemetry",))


@click.group()
def config() -> None:
    """Read and change settings (telemetry)."""


@config.command("get")
@click.argument("key", type=KEY)
def get(key: str) -> None:  # noqa: ARG001  # there is one so far
    """Print a setting, and the reason on stderr."""
    decision = telemetry().decision()
    click.echo("true" if decision.on else "false")
    screen.say(f"({decision.reason})")


@config.command("set")
@click.argument("key", type=KEY)
@click.argument("value", type=click.BOOL, metavar="true|false")
def change(key: str, value: bool) -> None:  # noqa: ARG001  # there is one so far
    """Change a setting."""
    if value:
        telemetry().turn_on()
        decision = telemetry().decision()
        screen.say("Telemetry is on." if decision.on else f"Kept, but off: {decision.reason}.")
    else:
        telemetry().turn_off()
        screen.say("Telemetry is off; what waited is deleted.")
