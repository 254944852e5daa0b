"""argparse: `telemetry.argparse(parser)` asks and adds `TOOL telemetry VERB`; `run` records.

argparse itself is not imported: the caller has it. Only parsers of this application are observed,
through their attributes.
"""

import sys

from afterword.integrations.own import Own, module_of
from afterword.integrations.run import CTRL_C, Run, Watch
from afterword.integrations.verbs import (
    HELP,
    JSON_HELP,
    NAME,
    OF_OPTION,
    SENT_HELP,
    VERBS,
    run_verb,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn, Protocol

    from afterword.control.application import Application
    from afterword.integrations.run import Recording

    class Used(Application, Recording, Protocol):
        """The part of a `Telemetry` that is needed here."""


def watch(
    telemetry: "Used",
    parser: "Any",
    *,
    fields: "Sequence[str]" = (),
    errors: "Sequence[type[BaseException]]" = (),
    commands: "Sequence[str] | None" = None,
    ask: bool = True,
    module: str = "",
) -> Watch:
    """Observe what this parser parses; see `Telemetry.argparse`."""
    _base_of(parser)
    tree = ParserTree(parser, Own(module))
    state = Watch(
        telemetry,
        tree,
        fields=fields,
        errors=errors,
        commands=commands,
        ask=ask,
        file=tree.own.file,
    )
    _see_root(state, parser, tree)
    return state


def add_commands(state: Watch, parser: "Any") -> None:
    """Add `telemetry VERB`; where there are no subcommands, the option `--telemetry VERB`.

    A command `telemetry` of the application's own stays as it is.
    """
    module = sys.modules[_base_of(parser).__module__]
    subcommands = subparsers_of(parser)
    if subcommands is None:
        _add_option(state, parser, module)
    elif NAME not in subcommands.choices:
        _add_subcommand(state, subcommands, module)


def _add_option(state: Watch, parser: "Any", module: "Any") -> None:
    telemetry = state.telemetry
    telemetry.spelled = f"{telemetry.name} --{NAME}"

    def act(_action: "Any", _parser: "Any", _space: "Any", verb: str, _said: "Any" = None) -> None:
        _do(state, verb)

    parser.add_argument(
        f"--{NAME}",
        action=type("Do", (module.Action,), {"__call__": act}),
        choices=list(OF_OPTION),
        metavar="VERB",
        default=module.SUPPRESS,
        dest=module.SUPPRESS,
        help=f"{HELP[:1].lower()}{HELP[1:-1]}: {', '.join(OF_OPTION)}",
    )


def _add_subcommand(state: Watch, subcommands: "Any", module: "Any") -> None:
    described = "\n".join(f"  {verb:<8}{what}" for verb, what in VERBS.items())
    added = subcommands.add_parser(
        NAME,
        help=HELP,
        description=f"{HELP}\n\n{described}",
        formatter_class=module.RawDescriptionHelpFormatter,
    )
    added.add_argument("verb", choices=list(VERBS), metavar="VERB")
    added.add_argument("--json", action="store_true", help=JSON_HELP)
    added.add_argument("--sent", action="store_true", help=SENT_HELP)
    parse = added.parse_known_args

    def parse_known_args(*args: "Any", **kwargs: "Any") -> "Any":
        if state.run is not None:
            state.run.path[:] = [NAME]
        found, rest = parse(*args, **kwargs)
        if rest:
            added.error(f"unrecognized arguments: {' '.join(rest)}")
        _do(state, found.verb, as_json=found.json, sent=found.sent)

    added.parse_known_args = parse_known_args


def _do(state: Watch, verb: str, *, as_json: bool = False, sent: bool = False) -> "NoReturn":
    if state.run is not None:
        state.run.path[:] = [NAME]
    telemetry: Any = state.telemetry  # also an Application: `watch` takes nothing less
    sys.exit(run_verb(telemetry, verb, as_json=as_json, sent=sent))


class ParserTree:
    """The commands of a parser: its subparsers, by their first names.

    `own`: what is the application's own. Whose functions (`set_defaults(func=…)`) are all defined
    elsewhere is a plugin's.
    """

    def __init__(self, parser: "Any", own: Own) -> None:
        self.parser = parser
        self.own = own

    def paths(self) -> "Iterator[str]":
        """Every command, as words separated by spaces."""
        return (path for path, parser in walk(self.parser) if path and self.is_own(parser))

    def is_own(self, parser: "Any") -> bool:
        """Is it defined by the application, as far as can be seen?"""
        functions = [one for one in parser._defaults.values() if callable(one)]  # noqa: SLF001  # there is no public way
        if functions:
            return any(self.own.has(module_of(one)) for one in functions)
        subcommands = subparsers_of(parser)
        below = subcommands.choices.values() if subcommands is not None else ()
        return not below or any(map(self.is_own, below))

    def options(self) -> "Iterator[str]":
        """Every option's name."""
        for _, parser in walk(self.parser):
            for action in parser._actions:  # noqa: SLF001  # there is no public way
                if action.option_strings and f"--{NAME}" not in action.option_strings:
                    yield option_name(action)


def _see_root(state: Watch, root: "Any", tree: ParserTree) -> None:
    """Tell the run at work which parsers and options the arguments come to, and when they are read.

    Parsers below the root are looked up when it parses: they may be added later than this. Then
    `telemetry VERB` is added too, as a command or, where there is none, as an option.
    """
    parse_args, parse_known_args = root.parse_args, root.parse_known_args
    inside: list[bool] = []
    added: list[bool] = []

    def see_args(*args: "Any", **kwargs: "Any") -> "Any":
        inside.append(True)
        try:
            found = parse_args(*args, **kwargs)
        finally:
            inside.pop()
        _reach(state.run)
        return found

    def see_known_args(*args: "Any", **kwargs: "Any") -> "Any":
        run = state.run
        try:
            if not added:
                added.append(True)
                add_commands(state, root)
            if run is not None:
                for path, parser in walk(root):
                    _see(parser, path, run, foreign=not tree.is_own(parser))
        except Exception:  # noqa: BLE001, S110  # an argparse that we do not know: the tool goes on
            pass
        found = parse_known_args(*args, **kwargs)
        if not inside:  # called by the application itself, which takes what is left over
            _reach(run)
        return found

    root.parse_args, root.parse_known_args = see_args, see_known_args


def _reach(run: Run | None) -> None:
    if run is not None:
        try:
            run.reach()
        except KeyboardInterrupt:  # at our question: the command stops, without a traceback
            sys.exit(CTRL_C)


def _see(parser: "Any", path: str, run: Run, *, foreign: bool) -> None:
    """Let a parser note that it was used, its options, and the mistakes that it found."""
    parse, complain, values_of = (
        _original(parser, name) for name in ("parse_known_args", "error", "_get_values")
    )

    def parse_known_args(*args: "Any", **kwargs: "Any") -> "Any":
        run.path[:] = path.split()
        run.foreign = run.foreign or foreign
        return parse(*args, **kwargs)

    def error(*args: "Any", **kwargs: "Any") -> "Any":
        run.misused = True
        return complain(*args, **kwargs)

    def get_values(action: "Any", strings: "Any") -> "Any":
        if action.option_strings:
            run.options.append(option_name(action))
        return values_of(action, strings)

    if path:
        _replace(parser, "parse_known_args", parse_known_args, parse)
    _replace(parser, "error", error, complain)
    if "options" in run.watch.fields:
        _replace(parser, "_get_values", get_values, values_of)


def _original(parser: "Any", name: str) -> "Any":
    """The parser's method, without what an earlier run has put in front of it."""
    found = getattr(parser, name)
    return getattr(found, "afterword_original", found)


def _replace(parser: "Any", name: str, by: "Any", original: "Any") -> None:
    by.afterword_original = original
    setattr(parser, name, by)


def walk(parser: "Any", above: str = "") -> "Iterator[tuple[str, Any]]":
    """The parser and all below it, with their paths; a command by its first name only."""
    yield above, parser
    subcommands = subparsers_of(parser)
    if subcommands is None:
        return
    seen: list[Any] = []
    for name, below in subcommands.choices.items():
        if below not in seen and not (not above and name == NAME):
            seen.append(below)
            yield from walk(below, f"{above} {name}".strip())


def subparsers_of(parser: "Any") -> "Any":
    """What `add_subparsers` made; None where there are no subcommands."""
    for action in parser._actions:  # noqa: SLF001  # there is no public way
        if hasattr(action, "add_parser"):
            return action
    return None


def option_name(action: "Any") -> str:
    """An option's name without dashes: its longest spelling."""
    return str(max(action.option_strings, key=len)).lstrip("-+/")


def _base_of(parser: "Any") -> type:
    """`argparse.ArgumentParser`, from which the application's may be derived."""
    for kind in type(parser).__mro__:
        if kind.__name__ == "ArgumentParser" and kind.__module__ == "argparse":
            return kind
    from afterword.errors import DeclarationError

    raise DeclarationError(f"{parser!r} is no argparse.ArgumentParser")
