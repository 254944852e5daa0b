"""Gemini CLI: commands and sub-agents in `.gemini`, hooks in the settings shared by the project.

Its hooks look like Claude Code's, their `timeout` in milliseconds. What a hook is handed is the
prompt after the command was expanded, without the command's name: so our prompts begin with a line
that names them. (Seen with 0.61.0.)
"""

import json
from collections.abc import Sequence

from atomic.agents.agent import HookEntry, Installation, front_matter
from atomic.slash import gemini_mark
from atomic.workflows import ARGUMENTS, Helper, Workflow

COMMAND = "null=/dev/null; atomic hook gemini >$null 2>&1; exit 0"  # see `claude`
TIMEOUT = 5000


def installation(workflows: Sequence[Workflow], helpers: Sequence[Helper]) -> Installation:
    """What this agent is given."""
    files = {f".gemini/commands/{workflow.name}.toml": _command(workflow) for workflow in workflows}
    files |= {f".gemini/agents/{helper.name}.md": _helper(helper) for helper in helpers}
    hooks = tuple(HookEntry(event, COMMAND, TIMEOUT) for event in ("BeforeAgent", "SessionEnd"))
    return Installation(files, {".gemini/settings.json": hooks})


def _command(workflow: Workflow) -> str:
    """TOML: the prompt as a literal string, in which nothing has a meaning."""
    prompt = f"{gemini_mark(workflow.name)}\n\n{workflow.body.replace(ARGUMENTS, '{{args}}')}"
    description = json.dumps(workflow.description, ensure_ascii=False)
    return f"description = {description}\nprompt = '''\n{prompt}'''\n"


def _helper(helper: Helper) -> str:
    tools = ["read_file", "read_many_files", "grep_search", "glob", "list_directory"]
    tools += ["run_shell_command"] * helper.runs_git
    header = {
        "name": helper.name,
        "description": helper.description,
        "kind": "local",
        "tools": tools,
    }
    return front_matter(header) + helper.body
