"""`atomic run`: run an agent as if it had been called itself."""

import shutil

import click

from atomic import slash
from atomic.agents import AGENTS
from atomic.commands import options
from atomic.running import run_and_wait, take_place
from atomic.screen import Failure
from atomic.telemetry import telemetry

NOT_INSTALLED, CANNOT_BE_RUN = 127, 126  # as a shell says it


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    options_metavar="[-h]",
)
@click.argument("agent", type=options.AGENT)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[--] [ARGS]...")
def run(agent: str, arguments: tuple[str, ...]) -> None:
    """Run an agent with ARGS, as if it had been called itself.

    Terminal, signals and exit code are the agent's own. 127: it is not installed.
    """
    if arguments[:1] == ("--",):
        arguments = arguments[1:]
    found = AGENTS[agent]
    used = telemetry()
    with used.command("atomic_command", source="cli", command="run", agent_type=agent):
        program = shutil.which(found.program)
        if program is None:
            raise Failure(
                f"{found.name} is not installed: there is no program {found.program} on the PATH.",
                f"Install it with: npm install -g {found.package}",
                code=NOT_INSTALLED,
            )
        commands = slash.of_arguments(agent, arguments)
        if commands:
            used.record(
                "cli_command",
                source="cli",
                agent_type=agent,
                commands=commands,
                command_count=len(commands),
            )
        decision = used.decision()
        # With nothing to be recorded at its end, there is nothing to stay for.
        start = run_and_wait if decision.on or decision.log else take_place
        try:
            start(program, [found.program, *arguments])
        except OSError as error:
            raise Failure(
                f"{program} cannot be run: {error.strerror}.", code=CANNOT_BE_RUN
            ) from error
