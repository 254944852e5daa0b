"""`atomic telemetry`: the engine's own commands, on atomic's telemetry."""

import click

from afterword.integrations.click import telemetry_command
from atomic import telemetry as ours

telemetry: click.Command = telemetry_command(ours.telemetry(), click.Command("atomic"))
