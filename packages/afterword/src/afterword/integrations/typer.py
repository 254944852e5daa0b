"""Typer: `telemetry.typer(app)`, as `telemetry.click(cli)`.

A Typer application makes its commands each time it is called, so telemetry is added then: the
application's class is replaced by one derived from it, in which the first attribute that
`typer.main.get_command` reads makes everything ready. Since 0.26 Typer carries a click of its own.
"""

import enum
import sys

from afterword.integrations.click import observe
from afterword.integrations.run import Watch
from afterword.integrations.tree import ClickTree
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
    from collections.abc import Sequence
    from typing import Any

    from afterword.integrations.click import Used

_FIRST_READ = "_add_completion"


def watch(
    telemetry: "Used",
    app: "Any",
    *,
    fields: "Sequence[str]" = (),
    errors: "Sequence[type[BaseException]]" = (),
    commands: "Sequence[str] | None" = None,
    ask: bool = True,
    module: str = "",
) -> Watch:
    """Let every run of this application be recorded; see `Telemetry.typer`."""
    tree = _TyperTree(app, module)
    state = Watch(
        telemetry,
        tree,
        fields=fields,
        errors=errors,
        commands=commands,
        ask=ask,
        file=tree.file,
    )
    if not hasattr(app, "registered_commands"):
        from afterword.errors import DeclarationError

        raise DeclarationError(f"{app!r} is no typer.Typer")
    ready = _Ready(telemetry, state, tree)
    kind = type(app)

    def get(app: "Any") -> object:
        try:  # noqa: SIM105  # nothing is loaded for it
            ready.make(app)
        except Exception:  # noqa: BLE001, S110  # a Typer that we do not know: the tool goes on
            pass
        return vars(app)[_FIRST_READ]

    def set_(app: "Any", value: object) -> None:
        vars(app)[_FIRST_READ] = value

    vars(app)[_FIRST_READ]  # KeyError here: a Typer that we do not know
    attributes = {_FIRST_READ: property(get, set_), "__module__": kind.__module__}
    app.__class__ = type(kind.__name__, (kind,), attributes)
    return state


class _TyperTree(ClickTree):
    """The commands of a Typer application, made when they are asked for."""

    def __init__(self, app: "Any", module: str) -> None:
        self._app = app
        self._root: Any = None
        super().__init__(None, module)

    @property
    def root(self) -> "Any":
        """The root command, made the first time."""
        if self._root is None:
            self._root = sys.modules["typer.main"].get_command(self._app)
        return self._root

    @root.setter
    def root(self, command: "Any") -> None:
        self._root = command


class _Ready:
    """Makes an application ready just before its commands are made."""

    def __init__(self, telemetry: "Used", state: Watch, tree: _TyperTree) -> None:
        self.telemetry = telemetry
        self.state = state
        self.tree = tree
        self._made: dict[Any, type] = {}

    def make(self, app: "Any") -> None:
        """Add the command `telemetry`, and let the root command be of a class that is seen."""
        main, core = sys.modules["typer.main"], sys.modules["typer.core"]
        placeholder = sys.modules["typer.models"].DefaultPlaceholder
        callback, commands = app.registered_callback, app.registered_commands
        inner = getattr(app.info, "callback", None)
        has_own = callback or app.registered_groups or len(commands) > 1
        if not has_own and (isinstance(inner, placeholder) or not inner):
            if len(commands) == 1:
                info = commands[0]
                info.cls = self._seen(info.cls or core.TyperCommand, single=main)
            return
        if NAME not in [info.name or _name_of(info.callback, main) for info in commands]:
            app.command(NAME, help=_help(), short_help=HELP)(self._function())
        info = app.info
        if callback is not None and not isinstance(callback.cls, placeholder) and callback.cls:
            info = callback
        known = None if isinstance(info.cls, placeholder) else info.cls
        info.cls = self._seen(known or core.TyperGroup, single=None)

    def _seen(self, kind: "Any", *, single: "Any") -> type:
        """A class of commands like this one, whose runs are seen."""
        if kind in self._made.values():
            return kind  # type: ignore[no-any-return]  # one of ours already
        if kind not in self._made:
            ready = self

            def init(command: "Any", *args: "Any", **kwargs: "Any") -> None:
                kind.__init__(command, *args, **kwargs)
                try:
                    ready.tree.root = command
                    observe(command, ready.state, ready.tree)
                    if single is not None:
                        command.params.append(ready.option(single))
                except Exception:  # noqa: BLE001, S110  # the same
                    pass

            attributes = {"__init__": init, "__module__": kind.__module__}
            self._made[kind] = type(kind.__name__, (kind,), attributes)
        return self._made[kind]

    def option(self, main: "Any") -> "Any":
        """The option `--telemetry VERB` of an application that has one command only.

        Made by Typer itself, as the option of a command that is then thrown away.
        """
        telemetry, typer = self.telemetry, sys.modules["typer"]
        telemetry.spelled = f"{telemetry.name} --{NAME}"

        def act(ctx: "Any", verb: "Any") -> None:
            if verb is not None and not ctx.resilient_parsing:
                ctx.afterword_run.path.append(NAME)
                sys.exit(run_verb(telemetry, verb.value))

        act.__annotations__ = {"ctx": typer.Context, "verb": _VerbOfOption}
        default = typer.Option(
            None, f"--{NAME}", metavar="VERB", help=HELP, is_eager=True, callback=act
        )

        def thrown_away(verb: "Any" = default) -> None: ...

        thrown_away.__annotations__ = {"verb": _VerbOfOption | None}
        other = typer.Typer(add_completion=False)
        other.command()(thrown_away)
        for param in main.get_command(other).params:
            if f"--{NAME}" in param.opts:
                param.expose_value = False
                return param
        raise LookupError(NAME)

    def _function(self) -> "Any":
        """The command `telemetry VERB`."""
        telemetry, typer = self.telemetry, sys.modules["typer"]

        def act(verb: "Any", as_json: "Any", sent: "Any") -> None:
            sys.exit(run_verb(telemetry, verb.value, as_json=as_json, sent=sent))

        act.__annotations__ = {"verb": _Verb, "as_json": bool, "sent": bool}
        act.__defaults__ = (
            typer.Argument(..., metavar="VERB", show_choices=False),
            typer.Option(False, "--json", help=JSON_HELP),
            typer.Option(False, "--sent", help=SENT_HELP),
        )
        return act


_Verb = enum.Enum("Verb", {verb: verb for verb in VERBS}, type=str)  # type: ignore[misc]  # made of a list
_VerbOfOption = enum.Enum("VerbOfOption", {verb: verb for verb in OF_OPTION}, type=str)  # type: ignore[misc]  # made of a list


def _name_of(callback: "Any", main: "Any") -> str:
    return str(main.get_command_name(callback.__name__)) if callback is not None else ""


def _help() -> str:
    verbs = "\n\n".join(f"{verb}: {what}." for verb, what in VERBS.items())
    return f"{HELP}\n\n{verbs}"
