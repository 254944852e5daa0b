"""Which of our slash commands are in a prompt or among arguments. Pure, and nothing is imported.

An agent expands a command only where a prompt begins with it: text that merely mentions one, a path
that ends like one and a longer name that begins like one are none.
"""

from atomic.names import COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# What Copilot's screen makes of `/commit hello` before a hook sees it (1.0.102).
_COPILOT_BEFORE = 'The user explicitly invoked the "/'
_COPILOT_AFTER = '" skill.'


def of_prompt(prompt: str, sign: str = "/") -> str | None:
    """The command with which the prompt begins, without its slash; None if it is none of ours."""
    if not prompt.startswith(sign):
        return None
    words = prompt[1:].split(maxsplit=1)
    # "/ commit" splits into the same words, and is no command.
    if words and words[0] in COMMANDS and prompt.startswith(words[0], 1):
        return words[0]
    return None


def of_copilot_prompt(prompt: str) -> str | None:
    """The same for what Copilot hands over, in either form: typed raw, or wrapped by its screen."""
    if prompt.startswith(_COPILOT_BEFORE):
        name, ended, _ = prompt[len(_COPILOT_BEFORE) :].partition(_COPILOT_AFTER)
        return name if ended and name in COMMANDS else None
    return of_prompt(prompt)


def of_codex_prompt(prompt: str) -> str | None:
    """The same for Codex CLI, whose skills are called by a dollar sign: `$commit`."""
    return of_prompt(prompt, "$")


def gemini_mark(command: str) -> str:
    """The line with which our prompts for Gemini CLI begin, so that they are known again."""
    return f"<!-- atomic: /{command} -->"


def of_gemini_prompt(prompt: str) -> str | None:
    """The command whose prompt this is, as Gemini CLI hands it over: expanded."""
    first = prompt.partition("\n")[0].strip()
    return next((name for name in COMMANDS if first == gemini_mark(name)), None)


def of_arguments(agent: str, arguments: "Iterable[str]") -> list[str]:
    """Every command among the arguments for an agent, in order, repeats included.

    OpenCode is told by `--command commit` as well.
    """
    found = []
    before = ""
    for argument in arguments:
        name = of_codex_prompt(argument) if agent == "codex" else of_prompt(argument)
        if name is None and agent == "opencode":
            flag, _, value = argument.rpartition("=")
            if (flag or before) == "--command" and value in COMMANDS:
                name = value
        if name is not None:
            found.append(name)
        before = argument
    return found
