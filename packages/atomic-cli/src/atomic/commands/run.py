"""`atomic run` for click: its help, and its error messages."""

from typing import NoReturn

import click

from atomic import launch, screen
from atomic.agents import AGENTS
from atomic.commands import options
from atomic.screen import Failure
from atomic.telemetry import telemetry

NOT_INSTALLED = 127  # as a shell says it


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    options_metavar="[--here] [-h]",
)
@options.here
@click.argument("agent", type=options.AGENT)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[--] [ARGS]...")
def run(*, here: bool, agent: str, arguments: tuple[str, ...]) -> None:
    """Run an agent with ARGS, as if you had called it directly.

    Terminal, signals and exit code are those of the agent. The exit code is 127 if it is not
    installed.

    In a subfolder of a project the agent is started in the project's root, where its commands
    are. With --here it is started in this folder.
    """
    if arguments[:1] == ("--",):
        arguments = arguments[1:]
    program = launch.program_of(agent)
    if program is None:
        _say_how_to_install(agent)
    root = launch.go_to_project(here=here)
    if root is not None:
        screen.say(launch.words_of(root).rstrip("\n"))
    launch.run(agent, program, arguments)


def _say_how_to_install(agent: str) -> NoReturn:
    found = AGENTS[agent]
    with telemetry().command("atomic_command", source="cli", command="run", agent_type=agent):
        raise Failure(
            f"{found.name} is not installed: there is no program {found.program} on the PATH.",
            f"Install it with: npm install -g {found.package}",
            code=NOT_INSTALLED,
        )
