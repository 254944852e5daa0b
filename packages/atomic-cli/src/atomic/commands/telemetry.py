"""`atomic telemetry`: the engine's own commands, on atomic's telemetry."""

from afterword.integrations.click import telemetry_group
from atomic import telemetry as ours

telemetry = telemetry_group(ours.telemetry())
