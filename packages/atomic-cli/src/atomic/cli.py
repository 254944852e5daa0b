"""The click application. Loaded only if it is needed.

Hooks, `--version` and `--help` do without it; see `__main__`.
"""

import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from atomic import __version__
from atomic.commands.options import AGENT, no_banner
from atomic.screen import Failure, colours, end_by_failed_call, end_by_failure

WIDTH = 80
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": WIDTH}

COMMANDS = ("init", "run", "update", "uninstall", "telemetry", "config", "completion")
"""Each is in the module of its name, loaded when it is needed; in the order of the help."""


class Application(click.Group):
    """The group of commands; `atomic -a AGENT -- ARGS` stands for `atomic run AGENT -- ARGS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The commands' names."""
        return [*COMMANDS, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None if there is none."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        found = getattr(import_module(f"atomic.commands.{cmd_name}"), cmd_name)
        assert isinstance(found, click.Command)  # noqa: S101  # for the type checker
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with, and the rest of them."""
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches

            close = get_close_matches(args[0], self.list_commands(ctx), n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the command, and put `run` where only an agent is named."""
        if not args and not ctx.resilient_parsing:
            args = ["--help"]
        if args[:1] == ["init"]:  # by its short form click finds it as well, and loads difflib
            args = ["--agent" if word == "-a" else word for word in args]
        if args[:1] and args[0] in COMMANDS:
            return super().parse_args(ctx, args)
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
    epilog="More about a command: atomic COMMAND --help",
)
@click.version_option(__version__, "-v", "--version", message="%(prog)s %(version)s")
@click.option(
    "-a",
    "--agent",
    type=AGENT,
    metavar="AGENT",
    help="Run this agent: atomic -a claude -- ARGS.",
)
@no_banner
def atomic(agent: str | None, no_banner: bool) -> None:
    """Set a project up for coding agents, and run them.

    `atomic init` gives the project workflow commands (/research-codebase,
    /create-spec, /implement-feature, /commit and more) for Claude Code, GitHub Copilot CLI,
    OpenCode, Gemini CLI or Codex CLI; `atomic run` starts the agent in it.
    """


def help_text() -> str:
    """What `atomic --help` prints, 80 columns wide; `ready/help.txt` holds it."""
    width = WIDTH - 2  # click leaves two columns free
    with atomic.make_context("atomic", [], resilient_parsing=True, terminal_width=width) as ctx:
        return atomic.get_help(ctx) + "\n"


def main() -> NoReturn:
    """Run the command line, and exit with its code.

    2: it was not understood; 1: it failed; 130: Ctrl-C; `run`: as the agent.
    """
    try:
        atomic.main(standalone_mode=False, color=colours(os.environ))
        sys.stdout.flush()  # here a full disk can still be told
    except SystemExit as ending:
        from atomic.launch import end_as

        end_as(ending)
    except Exception as error:  # noqa: BLE001  # it is raised again if it is none of ours
        end_by_error(error)
    sys.exit(0)


def end_by_error(error: Exception) -> NoReturn:
    """Say what went wrong, and exit with its code. Raise it again if it is a mistake of ours."""
    if isinstance(error, click.exceptions.Exit):
        sys.exit(error.exit_code)
    if isinstance(error, click.Abort):
        click.echo("\nStopped.", err=True)
        sys.exit(130)
    if isinstance(error, Failure):
        end_by_failure(error, error.code)
    if isinstance(error, click.ClickException):
        end_by_failure(error, error.exit_code)
    from afterword.errors import AfterwordError

    if isinstance(error, AfterwordError):
        end_by_failure(Failure(f"{error}."), 1)
    if isinstance(error, OSError):
        end_by_failed_call(error)
    raise error
