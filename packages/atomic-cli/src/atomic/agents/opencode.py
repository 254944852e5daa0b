"""OpenCode: commands in `.opencode/commands`, and a plugin that says when one of them is used.

The plugin is the file `opencode_plugin.ts` beside this one, installed as it is.
"""

from collections.abc import Sequence
from importlib.resources import files

from atomic.agents.agent import Agent, Installation, front_matter
from atomic.workflows import ARGUMENTS, Workflow


def _installation(workflows: Sequence[Workflow]) -> Installation:
    written = {
        f".opencode/commands/{workflow.name}.md": _command(workflow) for workflow in workflows
    }
    plugin = (files("atomic.agents") / "opencode_plugin.ts").read_text("utf-8")
    written[".opencode/plugins/atomic-telemetry.ts"] = plugin
    return Installation(written)


def _command(workflow: Workflow) -> str:
    header = {"description": workflow.description}
    return front_matter(header) + workflow.body.replace(ARGUMENTS, "$ARGUMENTS")


AGENT = Agent("opencode", "OpenCode", "opencode", "opencode-ai", _installation)
