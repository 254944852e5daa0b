"""Which coding agent runs this process, told by the variables that agents set.

Only the presence of a variable counts. A value may contain a version, which would split the figures
with every release. Sources: azd, dotnet/sdk, Dart's `AiAgent`, vercel's detect-agent,
std-env. What people have set in their own terminals too is left out (`CURSOR_TRACE_ID`, `REPL_ID`,
`GEMINI_CLI_HOME`, `TERM_PROGRAM`).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_VARIABLE = {
    "claude": ("CLAUDECODE", "CLAUDE_CODE"),
    "codex": ("CODEX_SANDBOX", "CODEX_THREAD_ID", "CODEX_CI"),
    "cursor": ("CURSOR_AGENT",),
    "gemini": ("GEMINI_CLI",),
    "copilot": ("COPILOT_CLI", "COPILOT_AGENT", "GITHUB_COPILOT_CLI_MODE"),  # and AI_AGENT
    "opencode": ("OPENCODE", "OPENCODE_CLIENT"),
    "antigravity": ("ANTIGRAVITY_AGENT",),
    "augment": ("AUGMENT_AGENT",),
    "amp": ("AMP_CURRENT_THREAD_ID",),  # and AGENT=amp
    "goose": (),  # AGENT=goose
    "pi": ("PI_CODING_AGENT",),
    "cline": ("CLINE_ACTIVE",),
    "droid": ("DROID_CLI",),
    "kimi": ("KIMI_CLI",),
}
_COPILOT = "github_copilot_"  # what AI_AGENT begins with


def agent_of(environment: "Mapping[str, str]") -> str:
    """The agent, out of `schema.AGENTS`: the first of the list, `other`, or `none`."""
    ai_agent, agent = environment.get("AI_AGENT", ""), environment.get("AGENT", "")
    for name, variables in _BY_VARIABLE.items():
        for variable in variables:
            if environment.get(variable):
                return name
        if name == "copilot" and ai_agent.startswith(_COPILOT):
            return name
        if name in ("amp", "goose") and agent == name:
            return name
    return "other" if ai_agent or agent else "none"
