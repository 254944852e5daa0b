"""Asking for telemetry; what people are told stands in `atomic.telemetry`."""

from atomic.telemetry import telemetry


def ask(*, interactive: bool) -> None:
    """Ask the person if they were not asked yet; `interactive`: False where `--yes` was given."""
    telemetry().ask(interactive=None if interactive else False)
