"""The agents' names: ours, their makers', their programs', their packages' in the npm registry.

The one list of them. Nothing is imported here: `atomic run` needs it.
"""

PROGRAMS = {
    "claude": ("Claude Code", "claude", "@anthropic-ai/claude-code"),
    "copilot": ("GitHub Copilot CLI", "copilot", "@github/copilot"),
    "opencode": ("OpenCode", "opencode", "opencode-ai"),
}
"""By our name: the maker's name, the program that is run, the package that it comes in."""
