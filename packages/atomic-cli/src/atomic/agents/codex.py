"""Codex CLI: skills and sub-agents in `.codex`, hooks in the file shared by the project.

A skill is called by `$commit`, as a command elsewhere by `/commit`; it takes no arguments, the
model sees the message. Hooks run once the person has agreed to them in Codex. Their form is Claude
Code's; for `SessionEnd` more than three seconds are cut to three, with a warning. (Seen with
0.169.0.)
"""

import json
from collections.abc import Sequence

from atomic.agents.agent import HookEntry, Installation, front_matter
from atomic.workflows import ARGUMENTS, Helper, Workflow

COMMAND = "null=/dev/null; atomic hook codex >$null 2>&1; exit 0"  # see `claude`
TIMEOUT = 3

_ARGUMENTS = "(what the user's message says beside the name of this skill; possibly nothing)"


def installation(workflows: Sequence[Workflow], helpers: Sequence[Helper]) -> Installation:
    """What this agent is given."""
    files = {f".codex/skills/{workflow.name}/SKILL.md": _skill(workflow) for workflow in workflows}
    files |= {f".codex/agents/{helper.name}.toml": _helper(helper) for helper in helpers}
    hooks = tuple(
        HookEntry(event, COMMAND, TIMEOUT) for event in ("UserPromptSubmit", "SessionEnd")
    )
    return Installation(files, {".codex/hooks.json": hooks})


def _skill(workflow: Workflow) -> str:
    header = {"name": workflow.name, "description": workflow.description}
    return front_matter(header) + workflow.body.replace(ARGUMENTS, _ARGUMENTS)


def _helper(helper: Helper) -> str:
    """TOML; what it is told as a literal string, in which nothing has a meaning."""
    fields = {"name": helper.name, "description": helper.description, "sandbox_mode": "read-only"}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    return "\n".join([*lines, f"developer_instructions = '''\n{helper.body}'''", ""])
