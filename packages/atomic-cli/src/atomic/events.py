"""Everything that `atomic` can ever record: three events, their fields, their words."""

from afterword import Count, Event, Flag, Id, ListOf, OneOf
from atomic.names import AGENTS, COMMANDS

_SOURCE = "Was it started through `atomic`, or reported by a hook?"
_AGENT = "Which agents should be supported best?"
_COMMANDS = "Which slash commands are used, which are not, and in which order?"
_COUNT = "How many slash commands does one session use?"

_LIST = ListOf(*COMMANDS, why=_COMMANDS)

MOST_COMMANDS = _LIST.most
"""So many of the commands of a session are told, in order; their count is the count of all."""

EVENTS = (
    Event(
        "atomic_command",
        "A command of `atomic` itself has ended.",
        source=OneOf("cli", why=_SOURCE),
        command=OneOf("init", "update", "uninstall", "run", why="Which commands are used?"),
        agent_type=OneOf(*AGENTS, optional=True, why=_AGENT),
        success=Flag(why="Which commands fail?"),
    ),
    Event(
        "cli_command",
        "An agent was started through `atomic` with slash commands among its arguments.",
        source=OneOf("cli", why=_SOURCE),
        agent_type=OneOf(*AGENTS, why=_AGENT),
        commands=_LIST,
        command_count=Count(why=_COUNT),
    ),
    Event(
        "agent_session",
        "A session of an agent has ended in which slash commands were used.",
        source=OneOf("session_hook", why=_SOURCE),
        agent_type=OneOf(*AGENTS, why=_AGENT),
        commands=_LIST,
        command_count=Count(why=_COUNT),
        session_id=Id(why="How many sessions were there?"),
    ),
)
