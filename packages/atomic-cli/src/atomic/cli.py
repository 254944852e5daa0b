"""The click application: what can be said on the command line. Loaded only where that is needed.

Hooks, `--version` and `--help` do without it; see `__main__`.
"""

import os
import sys
from typing import NoReturn

import click

from atomic import __version__
from atomic.commands.completion import completion
from atomic.commands.config import config
from atomic.commands.init import init
from atomic.commands.options import AGENT, no_banner
from atomic.commands.run import run
from atomic.commands.uninstall import uninstall
from atomic.commands.update import update
from atomic.running import KilledError, end_by
from atomic.screen import Failure, colours
from atomic.telemetry import telemetry

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 80}


class Application(click.Group):
    """The group of commands; `atomic -a AGENT -- ARGS` stands for `atomic run AGENT -- ARGS`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the command, and put `run` where only an agent is named."""
        end = args.index("--") if "--" in args else len(args)
        given, words, _ = self.make_parser(ctx).parse_args(args[:end])
        agent = given.get("agent")
        if agent is not None and words:
            said = " ".join(words)
            raise click.UsageError(
                f"Put -- before what is meant for the agent: atomic -a {agent} -- {said}", ctx
            )
        if agent is not None:
            args = [*args[:end], "run", agent, *args[end:]]
        return super().parse_args(ctx, args)


@click.group(
    cls=Application,
    name="atomic",
    context_settings=SETTINGS,
    epilog="Documentation of a command: atomic COMMAND --help",
)
@click.version_option(__version__, "-v", "--version", message="%(prog)s %(version)s")
@click.option(
    "-a", "--agent", type=AGENT, help="Run this agent: atomic -a claude -- ARGS for the agent."
)
@no_banner
def atomic(agent: str | None, no_banner: bool) -> None:
    """Set a project up for coding agents, and run them.

    `atomic init` gives the project workflow commands (/research-codebase, /create-spec, /commit …)
    for Claude Code, GitHub Copilot CLI or OpenCode; `atomic run` starts the agent in it.
    """


for command in (init, run, update, uninstall, config, completion):
    atomic.add_command(command)


def main() -> NoReturn:
    """Run the command that stands on the command line, and exit with its code.

    2: it was not understood; 1: it failed; 130: Ctrl-C; `run`: as the agent.
    """
    try:
        atomic.main(standalone_mode=False, color=colours(os.environ))
    except KilledError as ending:
        telemetry().start_upload()  # at an exit like this nothing does it for us
        end_by(ending.number)
    except click.exceptions.Exit as ending:
        sys.exit(ending.exit_code)
    except click.Abort:
        click.echo("\nStopped.", err=True)
        sys.exit(130)
    except Failure as error:
        error.show()
        sys.exit(error.code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has had enough. Nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        Failure(what).show()
        sys.exit(1)
    sys.exit(0)
