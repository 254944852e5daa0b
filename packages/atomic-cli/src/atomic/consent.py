"""What people are told before they are asked for telemetry, and the asking."""

from afterword.integrations.click import Notice, ask_consent
from atomic.telemetry import telemetry

NOTICE = Notice(
    collected="which atomic and workflow commands are used, with which agent, and if they work",
    never="prompts, arguments, code, file names, paths, addresses, your name or your machine's",
    where="this project's Azure Application Insights, over TLS, kept there for 90 days",
    more="atomic telemetry schema lists every field there is",
)
"""When more is collected, raise `notice` in `atomic.telemetry`: people are asked again."""


def ask(*, interactive: bool) -> None:
    """Ask the person if they were not asked yet; `interactive`: False where `--yes` was given."""
    ask_consent(telemetry(), NOTICE, interactive=None if interactive else False)
