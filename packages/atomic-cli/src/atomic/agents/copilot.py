"""GitHub Copilot CLI: skills and agents in `.github`, hooks in a file of their own.

Copilot reads every `.github/hooks/*.json`, so there is nothing to merge. The payload of
its camelCase events does not name the event, so each hook's command does. (Seen with 1.0.102.)
"""

import json
from collections.abc import Sequence

from atomic.agents.agent import Installation, front_matter
from atomic.workflows import ARGUMENTS, Helper, Workflow

TIMEOUT = 5

# Not `$ARGUMENTS`: Copilot fills it in on its screen alone. With `-p` the model gets the message as
# typed and asks for the skill, which takes no arguments. These words are true both ways: a skill
# without `$ARGUMENTS` gets the line `ARGUMENTS: ...` as its last on the screen.
_ARGUMENTS = (
    "(what follows `ARGUMENTS:` at the end of this text, or else what the user's message says "
    "beside the name of this skill; possibly nothing)"
)


def installation(workflows: Sequence[Workflow], helpers: Sequence[Helper]) -> Installation:
    """What this agent is given."""
    files = {f".github/skills/{workflow.name}/SKILL.md": _skill(workflow) for workflow in workflows}
    files |= {f".github/agents/{helper.name}.agent.md": _helper(helper) for helper in helpers}
    hooks = {"userPromptSubmitted": [_hook("prompt")], "sessionEnd": [_hook("end")]}
    files[".github/hooks/atomic-telemetry.json"] = (
        json.dumps({"version": 1, "hooks": hooks}, indent=2) + "\n"
    )
    return Installation(files)


def _hook(event: str) -> dict[str, object]:
    """A hook that is silent and harmless where there is no `atomic`, too."""
    command = f"atomic hook copilot {event}"
    return {
        "type": "command",
        "bash": f"{command} >/dev/null 2>&1; exit 0",
        "powershell": f"try {{ {command} *>$null }} catch {{ }}; exit 0",
        "cwd": ".",
        "timeoutSec": TIMEOUT,
    }


def _skill(workflow: Workflow) -> str:
    header = {"name": workflow.name, "description": workflow.description}
    return front_matter(header) + workflow.body.replace(ARGUMENTS, _ARGUMENTS)


def _helper(helper: Helper) -> str:
    tools = ["read", "search", "execute"] if helper.runs_git else ["read", "search"]
    header = {"name": helper.name, "description": helper.description, "tools": tools}
    return front_matter(header) + helper.body
