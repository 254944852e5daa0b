"""`atomic init`: set this project up for one or more agents."""

import os
import shutil

import click

from atomic import consent, screen
from atomic.agents import AGENTS, installation
from atomic.commands import options
from atomic.commands.changes import manifest_of, must_not_be_home, preview, project_here, report
from atomic.install.apply import apply
from atomic.install.manifest import Manifest
from atomic.install.plan import WRITES, Action, Step, to_init
from atomic.telemetry import telemetry


@click.command()
@click.option(
    "-a",
    "--agent",
    "agents",
    type=options.AGENT,
    multiple=True,
    help="For this agent; may be given more than once.",
)
@options.yes
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Replace files that differ; a backup is kept and comes back with `atomic uninstall`.",
)
@options.dry_run
@options.no_banner
def init(agents: tuple[str, ...], yes: bool, force: bool, dry_run: bool, no_banner: bool) -> None:
    """Set this project up for coding agents.

    Installs the workflow commands and the session hooks of each agent chosen. Nothing of yours is
    overwritten: settings are merged, other files that differ are left and named.
    """
    if not (no_banner or click.get_current_context().find_root().params.get("no_banner")):
        screen.banner()
    project = project_here()
    must_not_be_home(project)
    known = manifest_of(project)
    chosen = tuple(dict.fromkeys(agents)) or _choose(known, yes=yes)
    if dry_run:
        steps = to_init(installation(chosen), known, project.read, force=force)
        preview(steps, err=False)
        screen.say("\nNothing was written.")
        return
    fields = {"agent_type": chosen[0]} if len(chosen) == 1 else {}
    consent.ask(interactive=not yes)
    with telemetry().command("atomic_command", source="cli", command="init", **fields):
        steps = to_init(installation(chosen), known, project.read, force=force)
        known.agents = list(dict.fromkeys([*known.agents, *chosen]))
        apply(project, known, steps)
    report(steps, nothing="Everything is in place.")
    _say_what_next(chosen, steps)


def _choose(known: Manifest, *, yes: bool) -> tuple[str, ...]:
    """The agents the person means: asked, or those that the project is set up for already."""
    if known.agents and yes:
        return tuple(known.agents)
    if yes or not screen.is_interactive():
        raise click.UsageError(
            "Say for which agent: -a claude, -a copilot or -a opencode; more than one if you like."
        )
    import questionary

    choices = [
        questionary.Choice(
            agent.name if shutil.which(agent.program) else f"{agent.name} (not installed here)",
            value=agent.key,
            checked=agent.key in known.agents,
        )
        for agent in AGENTS.values()
    ]
    answer = questionary.checkbox("Set this project up for:", choices).ask()
    if answer is None:
        raise click.Abort
    if not answer:
        raise screen.Failure("No agent was chosen.", "Space chooses, Enter confirms.")
    return tuple(answer)


def _say_what_next(chosen: tuple[str, ...], steps: list[Step]) -> None:
    if any(step.action in WRITES for step in steps):
        *others, last = (AGENTS[key].name for key in chosen)
        names = f"{', '.join(others)} and {last}" if others else last
        screen.say(f"\n{os.path.basename(os.getcwd())} is set up for {names}.")
        screen.say(f"Start with: atomic run {chosen[0]}, and then /research-codebase")
    if any(step.action is Action.KEEP for step in steps):
        screen.say("Files marked `keep` were left as they are.")
