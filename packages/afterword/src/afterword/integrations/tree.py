"""The commands of a click or Typer application: their names, and whose they are."""

from afterword.integrations.own import Own, module_of
from afterword.integrations.verbs import NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any


class ClickTree:
    """The commands of a click application, as far as they are loaded.

    Args:
        root: the root command.
        module: the name of the module that adds telemetry; its package is the application's own,
            as is that of the root's callback. What is defined elsewhere is a plugin, whose name is
            not told.
    """

    def __init__(self, root: "Any", module: str) -> None:
        self.root = root
        self._own = Own(module)
        self._own.add(command_module(root))
        self.file = self._own.file

    def paths(self) -> "Iterator[str]":
        """Every command, as words separated by spaces."""
        return (path for path, _ in self._walk(self.root, ""))

    def options(self) -> "Iterator[str]":
        """Every option's name."""
        for _, command in (("", self.root), *self._walk(self.root, "")):
            for param in command.params:
                if param.param_type_name == "option":
                    yield option_name(param)

    def is_own(self, command: "Any") -> bool:
        """Is it defined by the application, and not by a plugin?"""
        module = command_module(command)
        if module:
            return self._own.has(module)
        # A group without a function of its own: what it is, or what it has, tells.
        below = getattr(command, "commands", {}).values()
        return self._own.has(type(command).__module__) or any(map(self.is_own, below))

    def name_of(self, group: "Any", command: "Any", said: str, listed: "Iterable[str]") -> str:
        """The command's own name, whatever alias it was called by."""
        commands: dict[str, Any] = getattr(group, "commands", {})
        if commands.get(command.name, self) is command:
            names = [name for name, found in commands.items() if _is_one(found, command)]
            shown = [name for name in names if not commands[name].hidden] or names
            return str(command.name) if command.name in shown else shown[0]
        for name, found in commands.items():
            if found is command:
                return str(name)
        return said if said in listed else str(command.name)

    def _walk(self, group: "Any", above: str) -> "Iterator[tuple[str, Any]]":
        commands = getattr(group, "commands", {})
        seen: list[str] = []
        for name, command in commands.items():
            own = self.name_of(group, command, name, ())
            if (not above and name == NAME) or own in seen or not self.is_own(command):
                continue
            seen.append(own)
            yield f"{above}{own}", command
            yield from self._walk(command, f"{above}{own} ")
        for name in listed_by(group):
            if name not in commands:  # loaded only when it is called
                yield f"{above}{name}", _NOTHING


class _Nothing:
    params: "Sequence[Any]" = ()


_NOTHING = _Nothing()


def _is_one(one: "Any", other: "Any") -> bool:
    """Are these one command? In Typer an alias is another command of the same function."""
    function = getattr(one.callback, "__wrapped__", one)
    return one is other or function is getattr(other.callback, "__wrapped__", other)


def listed_by(group: "Any") -> "list[str]":
    """The names that a group of the application's own kind lists without having loaded them."""
    kind = type(group)
    if not hasattr(kind, "list_commands") or is_of_click(kind.list_commands.__module__):
        return []
    try:
        ctx = kind.context_class(group, info_name=group.name, resilient_parsing=True)
        return [str(name) for name in group.list_commands(ctx)]
    except Exception:  # noqa: BLE001  # the application's own code, which did not expect us
        return []


def option_name(param: "Any") -> str:
    """An option's name without dashes: its longest spelling."""
    return str(max(param.opts, key=len)).lstrip("-/")


def is_of_click(module: str) -> bool:
    """Is a module of this name click's, Typer's, or of a click that is drawn otherwise?"""
    return module.partition(".")[0] in ("click", "typer", "rich_click")


def command_module(command: "Any") -> str:
    """Where a command is defined, by its callback; empty where it has none."""
    return module_of(getattr(command, "callback", None))
