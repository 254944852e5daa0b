"""The only lists of the agents and of the slash commands that `atomic init` installs.

Nothing is imported here: `atomic run` and hooks need it.
"""

PROGRAMS = {
    "claude": ("Claude Code", "claude", "@anthropic-ai/claude-code"),
    "copilot": ("GitHub Copilot CLI", "copilot", "@github/copilot"),
    "opencode": ("OpenCode", "opencode", "opencode-ai"),
    "gemini": ("Gemini CLI", "gemini", "@google/gemini-cli"),
    "codex": ("Codex CLI", "codex", "@openai/codex"),
}
"""By our name: the maker's name, the program that is run, its package in the npm registry."""

AGENTS = tuple(PROGRAMS)

FOLDERS = {
    "claude": ".claude",
    "copilot": ".github",
    "opencode": ".opencode",
    "gemini": ".gemini",
    "codex": ".codex",
}
"""The folder of a project in which each agent has its files."""

COMMANDS = (
    "research-codebase",
    "create-spec",
    "create-feature-list",
    "implement-feature",
    "commit",
    "create-gh-pr",
    "explain-code",
)
"""The slash commands, and the only ones that are counted; in the order in which one uses them."""
