"""Everything that `atomic` can ever record: three events, their fields, their words."""

from afterword import Count, Event, Flag, Id, ListOf, OneOf
from atomic.names import AGENTS, COMMANDS

EVENTS = (
    Event(
        "atomic_command",
        "A command of `atomic` itself has ended.",
        source=OneOf("cli"),
        command=OneOf("init", "update", "uninstall", "run"),
        agent_type=OneOf(*AGENTS, optional=True),
        success=Flag(),
    ),
    Event(
        "cli_command",
        "An agent was started through `atomic` with slash commands among its arguments.",
        source=OneOf("cli"),
        agent_type=OneOf(*AGENTS),
        commands=ListOf(*COMMANDS),
        command_count=Count(),
    ),
    Event(
        "agent_session",
        "A session of an agent has ended in which slash commands were used.",
        source=OneOf("session_hook"),
        agent_type=OneOf(*AGENTS),
        commands=ListOf(*COMMANDS),
        command_count=Count(),
        session_id=Id(),
    ),
)
