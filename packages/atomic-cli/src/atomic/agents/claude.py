"""Claude Code: commands and sub-agents in `.claude`, hooks in the settings shared by the project.

Both nested levels of a hook are needed: the flat form never fires, without an error. `timeout` is
needed as well: without one a `SessionEnd` hook is given 1.5 s. (Seen with Claude Code 2.1.330.)
"""

from collections.abc import Sequence

from atomic.agents.agent import HookEntry, Installation, front_matter
from atomic.workflows import ARGUMENTS, Helper, Workflow

# One line for every shell that may read it, also where there is no `atomic`: nothing on stdout
# (which would go to the model), exit code 0. POSIX shells see it silent; PowerShell, in which
# Claude Code without Git Bash and Copilot on Windows run it, knows `$null` itself and goes on
# after a first word that means nothing to it. `&&` and `||` would be syntax errors there.
COMMAND = "null=/dev/null; atomic hook claude >$null 2>&1; exit 0"
TIMEOUT = 5


def installation(workflows: Sequence[Workflow], helpers: Sequence[Helper]) -> Installation:
    """What this agent is given."""
    files = {f".claude/commands/{workflow.name}.md": _command(workflow) for workflow in workflows}
    files |= {f".claude/agents/{helper.name}.md": _helper(helper) for helper in helpers}
    # UserPromptExpansion: an existing slash command. SessionEnd: once; Stop would be each turn.
    events = ("UserPromptExpansion", "SessionEnd")
    hooks = tuple(HookEntry(event, COMMAND, TIMEOUT) for event in events)
    return Installation(files, {".claude/settings.json": hooks})


def _command(workflow: Workflow) -> str:
    header = {"description": workflow.description, "argument-hint": workflow.hint}
    return front_matter(header) + workflow.body.replace(ARGUMENTS, "$ARGUMENTS")


def _helper(helper: Helper) -> str:
    tools = "Read, Grep, Glob, Bash" if helper.runs_git else "Read, Grep, Glob"
    header = {"name": helper.name, "description": helper.description, "tools": tools}
    return front_matter(header) + helper.body
