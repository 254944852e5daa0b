"""Completion for a shell, without click.

`ready/complete.txt` has what can be said, a line for each; `make docs` writes it from the click
application. What takes more to understand (quotes, `=`, `--`) is left to click.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TABLE = os.path.join(os.path.dirname(__file__), "ready", "complete.txt")
VARIABLE = "_ATOMIC_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


class Option:
    """An option: its `names`, `choices` for its value, whether it takes one and may be repeated."""

    def __init__(self, names: str, takes: str, choices: str, help_: str) -> None:
        self.names = names.split()
        self.takes = takes in ("value", "values")
        self.repeated = takes == "values"
        self.choices = choices.split()
        self.help = help_


class Command:
    """A command: its `commands` with their help, its `options`, the choices for its `arguments`."""

    def __init__(self) -> None:
        self.commands: dict[str, str] = {}
        self.options: list[Option] = []
        self.arguments: list[list[str]] = []


def answer(environment: "Mapping[str, str]") -> str | None:
    """What is printed for the shell; None if click has to do it."""
    shell, _, instruction = environment.get(VARIABLE, "").partition("_")
    words = environment.get("COMP_WORDS", "")
    typed = environment.get("COMP_CWORD", "")
    if shell not in SHELLS or instruction != "complete" or set("'\"\\=") & set(words + typed):
        return None
    before = words.split()[1:]
    if shell == "fish":
        incomplete = typed
        if incomplete and before[-1:] == [incomplete]:
            before.pop()
    elif typed.isdecimal():
        place = max(int(typed) - 1, 0)
        incomplete = before[place] if place < len(before) else ""
        before = before[:place]
    else:
        return None
    offered = offers(before, incomplete, load())
    return None if offered is None else "".join(_line(shell, *one) for one in offered)


class _Place:
    """Where one is in a command line: in which command, with which options given."""

    def __init__(self, table: "Mapping[str, Command]") -> None:
        self._table = table
        self.path = ""
        self.given: list[Option] = []
        self.arguments = 0
        self.value_of: Option | None = None  # an option that still wants its value

    @property
    def command(self) -> Command:
        return self._table[self.path]

    def go_on(self, word: str) -> bool:
        """Take in one more word; False if that takes more to understand."""
        if self.value_of is not None:
            understood = word in self.value_of.choices
            self.value_of = None
            return understood
        if word.startswith("-"):
            return self._take_option(word)
        if word in self.command.commands:
            self.path = f"{self.path} {word}".strip()
            self.given = []
            return True
        self.arguments += 1
        return self.path != "run" and self.arguments <= len(self.command.arguments)

    def _take_option(self, word: str) -> bool:
        option = next((one for one in self.command.options if word in one.names), None)
        if option is None or (option.takes and not self.path):
            return False  # `-a claude` before a command means `run claude`
        self.given.append(option)
        self.value_of = option if option.takes else None
        return True


def offers(
    before: "Sequence[str]", incomplete: str, table: "Mapping[str, Command]"
) -> list[tuple[str, str]] | None:
    """What may stand in the place of `incomplete` after these words, each with its help.

    None if that takes more to understand.
    """
    place = _Place(table)
    if not all(place.go_on(word) for word in before):
        return None
    command = place.command
    if incomplete.startswith("-"):
        found = [
            (name, one.help)
            for one in command.options
            if one.repeated or one not in place.given
            for name in one.names
        ]
        return None if place.value_of else _beginning_with(incomplete, found)
    if place.value_of is not None:
        found = [(choice, "") for choice in place.value_of.choices]
    elif command.commands:
        found = list(command.commands.items())
    else:
        choices = command.arguments[place.arguments :][:1]
        found = [(choice, "") for choice in (choices[0] if choices else [])]
    return _beginning_with(incomplete, found)


def load() -> dict[str, Command]:
    """Every command by its path (`config get`); the application itself by the empty one."""
    found: dict[str, Command] = {}
    for path, kind, *rest in _lines():
        command = found.setdefault(path, Command())
        if kind == "command":
            command.commands[rest[0]] = rest[1]
        elif kind == "option":
            command.options.append(Option(*rest))
        else:
            command.arguments.append(rest[0].split())
    return found


def _lines() -> "Iterator[list[str]]":
    with open(TABLE, encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n").split("\t")


def _beginning_with(incomplete: str, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [one for one in found if one[0].startswith(incomplete)]


def _line(shell: str, value: str, help_: str) -> str:
    if shell == "zsh":
        return f"plain\n{value}\n{help_ or '_'}\n"
    return f"plain,{value}\t{help_}\n" if shell == "fish" and help_ else f"plain,{value}\n"
