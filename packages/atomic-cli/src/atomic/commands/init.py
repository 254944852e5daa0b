"""`atomic init`: set this project up for one or more agents."""

import os
from collections.abc import Sequence

import click

from atomic import screen
from atomic.agents import AGENTS, installation
from atomic.commands import lists, options
from atomic.commands.changes import changing, find_project, manifest_of, must_not_be_home
from atomic.install.apply import apply
from atomic.install.manifest import Manifest
from atomic.install.plan import WRITES, Action, Step, of_manifest, to_init
from atomic.install.project import Project
from atomic.screen import Failure


@click.command()
@click.option(
    "-a",
    "--agent",
    "agents",
    type=options.AGENT,
    multiple=True,
    metavar="AGENT",
    help=f"For this agent; may be given more than once: {', '.join(AGENTS)}.",
)
@options.yes
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Replace files that differ (a backup is kept, and comes back with `atomic uninstall`), "
    "also those of a newer atomic.",
)
@options.here
@options.dry_run
@options.no_banner
def init(
    *, agents: tuple[str, ...], yes: bool, force: bool, here: bool, dry_run: bool, no_banner: bool
) -> None:
    """Set this project up for coding agents.

    Installs the workflow commands and the session hooks of each agent chosen. Nothing of yours is
    overwritten: settings are merged, other files that differ are left and named.

    The project is the nearest folder upwards that has .atomic in it, else the git repository.
    """
    if not (no_banner or click.get_current_context().find_root().params.get("no_banner")):
        screen.banner()
    project = find_project(here=here, ask=not yes)
    must_not_be_home(project)
    known = manifest_of(project, force=force)
    chosen = tuple(dict.fromkeys(agents)) or _choose(known, yes=yes)
    wanted = installation(chosen)
    if dry_run:
        steps = to_init(wanted, known, project, force=force)
        lists.preview([*steps, *of_manifest(known, steps, project)], err=False)
        screen.say("\nNothing was written.")
        return
    fields = {"agent_type": chosen[0]} if len(chosen) == 1 else {}
    from atomic import consent  # loads more than all of the above
    from atomic.telemetry import telemetry

    consent.ask(interactive=not yes)
    with telemetry().command("atomic_command", source="cli", command="init", **fields):
        with changing(project, force=force) as known:
            steps = to_init(wanted, known, project, force=force)
            more = of_manifest(known, steps, project)
            known.agents = list(dict.fromkeys([*known.agents, *chosen]))
            apply(project, known, steps)
        lists.report([*steps, *more], nothing="Everything is in place.")
        _say_what_next(project, chosen, steps)


def _choose(known: Manifest, *, yes: bool) -> tuple[str, ...]:
    """The agents the person means: asked, or those that the project is set up for already."""
    if known.agents and yes:
        return tuple(known.agents)
    if yes or not screen.is_interactive():
        raise click.UsageError(
            f"Say for which agent: {', '.join(f'-a {key}' for key in AGENTS)}; more if you like."
        )
    import shutil

    from atomic import asking

    keys = list(AGENTS)
    installed = [bool(shutil.which(agent.program)) for agent in AGENTS.values()]
    names = [
        agent.name if there else f"{agent.name} (not installed)"
        for agent, there in zip(AGENTS.values(), installed, strict=True)
    ]
    before = [at for at, key in enumerate(keys) if key in known.agents]
    default = before or [at for at, there in enumerate(installed) if there]
    return tuple(keys[at] for at in asking.many("Set this project up for:", names, default))


def _say_what_next(project: Project, chosen: Sequence[str], steps: Sequence[Step]) -> None:
    """Say what the project is now.

    Raises:
        Failure: not everything could be installed.
    """
    *others, last = (AGENTS[key].name for key in chosen)
    names = f"{', '.join(others)} and {last}" if others else last
    name = os.path.basename(project.root) or project.root
    actions = {step.action for step in steps}
    if Action.KEEP in actions:
        screen.say("Files marked `keep` were left as they are.")
    if not actions & (WRITES | {Action.UNCHANGED}):
        raise Failure(f"Nothing could be installed for {names}.", "The list above says why.")
    if Action.BLOCKED in actions:
        raise Failure(
            f"{name} is not set up for {names} yet: some files are blocked.",
            "The list above says why. Then run `atomic init` again.",
        )
    if actions & WRITES:
        screen.say(f"\n{name} is set up for {names}.")
        sign = "$" if chosen[0] == "codex" else "/"
        screen.say(f"Start with: atomic run {chosen[0]}, and then {sign}research-codebase")
