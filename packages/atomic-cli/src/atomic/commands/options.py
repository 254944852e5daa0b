"""Options that several commands have, in one wording."""

import click

from atomic.names import AGENTS

AGENT = click.Choice(AGENTS)

yes = click.option("-y", "--yes", is_flag=True, help="Ask nothing.")
dry_run = click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
no_banner = click.option("--no-banner", is_flag=True, help="Leave out the banner.")
here = click.option(
    "--here", is_flag=True, help="Treat this folder as the project, even inside another one."
)
