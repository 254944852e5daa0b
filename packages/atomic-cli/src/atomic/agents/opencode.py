"""OpenCode: commands and sub-agents in `.opencode`, and a plugin that says when one is used.

The plugin is the file `opencode_plugin.ts` beside this one, installed as it is.
"""

import os
from collections.abc import Sequence

from atomic.agents.agent import Installation, front_matter
from atomic.workflows import ARGUMENTS, Helper, Workflow

_PLUGIN = os.path.join(os.path.dirname(__file__), "opencode_plugin.ts")


def installation(workflows: Sequence[Workflow], helpers: Sequence[Helper]) -> Installation:
    """What this agent is given."""
    written = {
        f".opencode/commands/{workflow.name}.md": _command(workflow) for workflow in workflows
    }
    written |= {f".opencode/agents/{helper.name}.md": _helper(helper) for helper in helpers}
    with open(_PLUGIN, encoding="utf-8", newline="\n") as file:
        written[".opencode/plugins/atomic-telemetry.ts"] = file.read()
    return Installation(written)


def _command(workflow: Workflow) -> str:
    header = {"description": workflow.description}
    return front_matter(header) + workflow.body.replace(ARGUMENTS, "$ARGUMENTS")


def _helper(helper: Helper) -> str:
    denied = {"edit": "deny"} if helper.runs_git else {"edit": "deny", "bash": "deny"}
    header = {"description": helper.description, "mode": "subagent", "permission": denied}
    return front_matter(header) + helper.body
