"""click: `telemetry.click(cli)` records each run, asks, and adds `TOOL telemetry VERB`.

No command is changed, and no frame of the engine appears in a traceback of the application:
contexts get a class that sees how they end (`Command.context_class`, since click 8.0). click itself
is not imported, since the caller has it, and Typer carries a copy of its own.
"""

import sys

from afterword.integrations.run import Run, Watch
from afterword.integrations.tree import (
    ClickTree,
    command_module,
    is_of_click,
    listed_by,
    option_name,
)
from afterword.integrations.verbs import (
    HELP,
    JSON_HELP,
    NAME,
    OF_OPTION,
    SENT_HELP,
    VERBS,
    run_verb,
)
from afterword.outcome import ending_of, exit_code_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any, Protocol

    from afterword.control.application import Application
    from afterword.integrations.run import Recording

    class Used(Application, Recording, Protocol):
        """The part of a `Telemetry` that is needed here."""


def watch(
    telemetry: "Used",
    cli: "Any",
    *,
    fields: "Sequence[str]" = (),
    errors: "Sequence[type[BaseException]]" = (),
    commands: "Sequence[str] | None" = None,
    ask: bool = True,
    module: str = "",
) -> Watch:
    """Record every run of this command or group; see `Telemetry.click`.

    `module`: the name of the module of the application that calls.
    """
    tree = ClickTree(cli, module)
    state = Watch(
        telemetry,
        tree,
        fields=fields,
        errors=errors,
        commands=commands,
        ask=ask,
        file=tree.file,
    )
    add_commands(telemetry, cli)
    observe(cli, state, tree)
    return state


def observe(cli: "Any", state: Watch, tree: "ClickTree") -> None:
    """Observe the runs of this root command and of its subcommands."""
    cli.context_class = _Contexts(state, tree).of(cli.context_class)


def add_commands(telemetry: "Used", cli: "Any") -> None:
    """Add `telemetry VERB`; where there are no subcommands, the option `--telemetry VERB`.

    A command `telemetry` of the application's own stays as it is.
    """
    if hasattr(cli, "commands"):
        if NAME not in cli.commands:
            cli.add_command(telemetry_command(telemetry, cli), NAME)
        return
    telemetry.spelled = f"{telemetry.name} --{NAME}"
    core = _core_of(cli)

    def act(ctx: "Any", _param: "Any", verb: str | None) -> None:
        if verb is not None and not ctx.resilient_parsing:
            ctx.afterword_run.path.append(NAME)
            ctx.exit(run_verb(telemetry, verb))

    cli.params.append(
        core.Option(
            [f"--{NAME}"],
            type=_choice_of(core)(list(OF_OPTION)),
            is_eager=True,
            expose_value=False,
            callback=act,
            help=HELP,
        )
    )


def telemetry_command(telemetry: "Application", cli: "Any") -> "Any":
    """The command `telemetry VERB [--json] [--sent]`; `cli`: any command of the same click."""
    core = _core_of(cli)

    def act(verb: str, as_json: bool, sent: bool) -> None:
        sys.exit(run_verb(telemetry, verb, as_json=as_json, sent=sent))

    verbs = "\n".join(f"  {verb:<8}{what}" for verb, what in VERBS.items())
    return core.Command(
        NAME,
        callback=act,
        params=[
            core.Argument(["verb"], type=_choice_of(core)(list(VERBS)), metavar="VERB"),
            core.Option(["--json", "as_json"], is_flag=True, help=JSON_HELP),
            core.Option(["--sent"], is_flag=True, help=SENT_HELP),
        ],
        help=f"{HELP}\n\n\b\n{verbs}",
        short_help=HELP,
    )


class _Contexts:
    """Makes the classes of contexts that report to one application's `Watch`."""

    def __init__(self, state: Watch, tree: ClickTree) -> None:
        self.state = state
        self.tree = tree
        self._made: dict[type, type] = {}

    def of(self, kind: "Any") -> "Any":
        """A subclass of a class of contexts, which tells when one is entered and left."""
        if getattr(kind, "afterword_contexts", None) is self:
            return kind
        if kind not in self._made:
            self._made[kind] = type(
                kind.__name__, (_Seen, kind), {"afterword_contexts": self, "__module__": __name__}
            )
        return self._made[kind]


class _Seen:
    """What is added to a context: it notes the run it belongs to, and tells it what happens.

    click enters a context twice: for a moment while it parses the arguments, and again while it
    calls the command.
    """

    afterword_contexts: _Contexts
    afterword_run: Run
    _afterword_entered = 0
    _afterword_parsed = False
    _afterword_called: str | None = None

    def __init__(self, command: "Any", parent: "Any" = None, *args: "Any", **kwargs: "Any") -> None:
        run = getattr(parent, "afterword_run", None)
        self.afterword_run = Run(self.afterword_contexts.state) if run is None else run
        super().__init__(command, parent, *args, **kwargs)  # type: ignore[call-arg]

    @property
    def invoked_subcommand(self) -> str | None:
        """As click has it. click sets it when it knows which subcommand is meant."""
        return self._afterword_called

    @invoked_subcommand.setter
    def invoked_subcommand(self, name: str | None) -> None:
        self._afterword_called = name
        if name is not None:
            try:  # noqa: SIM105  # contextlib may not be loaded
                _note_subcommand(self, name)
            except Exception:  # noqa: BLE001, S110  # telemetry fails in silence
                pass

    def __enter__(self) -> "Any":
        entered = super().__enter__()  # type: ignore[misc]
        self._afterword_entered += 1
        if self._afterword_parsed and self._afterword_entered == 1 and _is_last(self):
            try:
                self.afterword_run.reach()
            except KeyboardInterrupt:
                # `with` does not call __exit__ for what __enter__ raises.
                super().__exit__(*sys.exc_info())  # type: ignore[misc]
                raise
        return entered

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: "TracebackType | None",
    ) -> "Any":
        try:
            return super().__exit__(kind, error, traceback)  # type: ignore[misc]
        finally:
            self._afterword_entered -= 1
            if not self._afterword_entered:
                self._left(error)

    def _left(self, error: BaseException | None) -> None:
        is_root = getattr(self, "parent", None) is None
        was_parsing, self._afterword_parsed = not self._afterword_parsed, True
        if not is_root or (was_parsing and error is None):
            return
        if getattr(self, "resilient_parsing", False):  # for completion, or for a help page
            return
        try:
            outcome, code = _ending_of(error, getattr(self, "command", None))
            failure = None if "Exit" in _kinds_of(error) else error
            self.afterword_run.end(outcome, code, failure)
        except Exception:  # noqa: BLE001, S110  # telemetry fails in silence
            pass


def _note_subcommand(ctx: "Any", name: str) -> None:
    """Note which subcommand is meant, and let its context be seen too."""
    contexts, group, run = ctx.afterword_contexts, ctx.command, ctx.afterword_run
    if name == "*":  # a chain of commands, which have no contexts yet
        return
    command = group.get_command(ctx, name)
    if command is None:
        return
    run.path.append(contexts.tree.name_of(group, command, name, listed_by(group)))
    run.foreign = run.foreign or not contexts.tree.is_own(command)
    if (
        ctx.parent is None
        and run.path == [NAME]
        and command_module(command).startswith("afterword.")
    ):
        run.foreign = False
    command.context_class = contexts.of(command.context_class)


def _is_last(ctx: "Any") -> bool:
    """Is this the context of what is called, and not of a group on the way? Notes its options."""
    try:
        group = ctx.command
        if hasattr(group, "resolve_command"):
            before_8_2 = ctx.__dict__.get("protected_args")
            rest = getattr(ctx, "_protected_args", None) or before_8_2 or ctx.args
            alone = getattr(group, "chain", False) if rest else group.invoke_without_command
            if not alone:
                return False
        if "options" in ctx.afterword_run.watch.fields:
            _note_options(ctx)
    except Exception:  # noqa: BLE001  # telemetry fails in silence
        return False
    return True


def _note_options(ctx: "Any") -> None:
    at = ctx
    while at is not None:
        for param in at.command.params:
            if param.param_type_name == "option":
                source = at.get_parameter_source(param.name)
                if source is not None and source.name == "COMMANDLINE":
                    ctx.afterword_run.options.append(option_name(param))
        at = at.parent


def _ending_of(error: BaseException | None, root: "Any") -> tuple[str, int]:
    """How click or Typer ends the program after this exception: outcome and exit code."""
    kinds = _kinds_of(error)
    code = exit_code_of(getattr(error, "exit_code", 1))
    if "Exit" in kinds:
        return ("failed" if code else "ok"), code
    if "UsageError" in kinds:
        return "usage_error", code
    if "ClickException" in kinds:
        return "failed", code
    if "Abort" in kinds or isinstance(error, EOFError):
        return "interrupted", 1
    outcome, code = ending_of(error)
    if outcome == "interrupted" and not type(root).main.__module__.startswith("typer."):
        return outcome, 1  # Typer lets it be 130
    return outcome, code


def _kinds_of(error: BaseException | None) -> set[str]:
    """The names of the exception's classes that are click's or Typer's."""
    return {kind.__name__ for kind in type(error).__mro__ if is_of_click(kind.__module__)}


def _core_of(cli: "Any") -> "Any":
    """The module of click that a command comes from: click's own, or the copy in Typer."""
    for kind in type(cli).__mro__:
        if kind.__name__ == "Command" and is_of_click(kind.__module__):
            return sys.modules[kind.__module__]
    from afterword.errors import DeclarationError

    raise DeclarationError(f"{cli!r} is no command of click: give the root group or command")


def _choice_of(core: "Any") -> "Any":
    return core.types.Choice if hasattr(core, "types") else sys.modules["click"].Choice
