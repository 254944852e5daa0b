"""What `ours` declares: three events, as a tool of some size has them."""

from afterword import Count, Event, Flag, Id, ListOf, OneOf

COMMANDS = ("init", "run", "config", "update", "uninstall", "chat")
AGENTS = ("claude", "copilot", "opencode")
EVENTS = (
    Event("command", command=OneOf(*COMMANDS), success=Flag(), mark=Count(optional=True)),
    Event("chat", agent=OneOf(*AGENTS), commands=ListOf(*COMMANDS), session_id=Id()),
    Event("workflow", agent=OneOf(*AGENTS), steps=Count(), success=Flag()),
)
