"""The event `command`: one for each run of a command, whatever framework parses the arguments.

Which command it was, how it ended, with which exit code, after how long. A framework's integration
says when a run begins, which command it has come to, and when it ends; all else is here.
"""

import os
import sys
import time

from afterword.integrations.verbs import NAME, OF_OPTION, run_verb
from afterword.outcome import EPIPE, MOST_CODE, ending_of, exit_code_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, Protocol, TypedDict, TypeVar

    from afterword.consent import Decision
    from afterword.folder import DataFolder
    from afterword.schema import Event, Field

    Returned = TypeVar("Returned")

    class How(TypedDict, total=False):
        """The options of an integration; see `Watch`."""

        fields: Sequence[str]
        errors: Sequence[type[BaseException]]
        commands: Sequence[str] | None
        ask: bool

    class Recording(Protocol):
        """The part of a `Telemetry` that an integration needs."""

        spelled: str

        @property
        def name(self) -> str: ...  # noqa: D102  # documented on Telemetry, as all here
        @property
        def environment(self) -> "Mapping[str, str]": ...  # noqa: D102
        @property
        def folder(self) -> "DataFolder | None": ...  # noqa: D102
        def decision(self) -> "Decision": ...  # noqa: D102
        def declare(self, make: "Callable[[], Event]") -> None: ...  # noqa: D102
        def record_fields(self, event: str, fields: "Mapping[str, object]") -> None: ...  # noqa: D102
        def ask(self, *, interactive: bool | None = None) -> bool: ...  # noqa: D102

    class Tree(Protocol):
        """What a framework knows of the application's commands."""

        def paths(self) -> "Iterable[str]":
            """Every command, as words separated by spaces: `remote add`."""

        def options(self) -> "Iterable[str]":
            """Every option, without dashes."""


EVENT, OTHER = "command", "other"
FACTS = ("options", "agent", "install", "os_version", "python", "terminal")
CTRL_C = 130
_NO_COMMANDS = frozenset(("-h", "--help", "-V", "--version", "help", "version", "completion"))
_LOST_OUTPUT = 120  # how Python ends where its output is taken from it at the very end


class Watch:
    """The event `command` of one application: its declaration, and a `Run` for each run.

    Args:
        telemetry: where to record.
        tree: the framework's commands.
        fields: what to add, out of FACTS.
        errors: exceptions whose class may be told; every other one is `other`.
        commands: the commands that may be told, as `remote add`; by default all of the tree.
        ask: ask the person at the first command.
        file: a source file of the application.

    Raises:
        DeclarationError: there is no such field to add.
    """

    def __init__(
        self,
        telemetry: "Recording",
        tree: "Tree",
        *,
        fields: "Sequence[str]" = (),
        errors: "Sequence[type[BaseException]]" = (),
        commands: "Sequence[str] | None" = None,
        ask: bool = True,
        file: str = "",
    ) -> None:
        for name in fields:
            if name not in FACTS:
                raise _declaration_error(f"{name!r} is none of {', '.join(FACTS)}")
        self.telemetry = telemetry
        self.tree = tree
        self.fields = tuple(fields)
        self.errors = tuple(errors)
        self.asks = ask
        self.run: Run | None = None  # the one at work, where `run_main` began it
        self._commands = commands
        self._file = file
        self._paths: frozenset[str] | None = None
        telemetry.declare(self.event)

    def event(self) -> "Event":
        """The declaration, made when it is first needed: it takes a walk through all commands."""
        from afterword.schema import Count, Duration, Event, ListOf, OneOf, Outcome, is_word

        commands = self.tree.paths() if self._commands is None else self._commands
        words = dict.fromkeys((*(path for path in commands if is_word(path)), self.telemetry.name))
        words.pop(OTHER, None)
        self._paths = frozenset(words)
        fields: dict[str, Field] = {
            "command": OneOf(*words, other=OTHER, why="Which commands are used?"),
            "outcome": Outcome(why="Which commands fail, and how do they end?"),
            "exit_code": Count(most=MOST_CODE, why="Which failure was it?"),
            "duration": Duration(why="Which commands are slow?"),
        }
        for name in self.fields:
            if name == "options":
                options = dict.fromkeys(word for word in self.tree.options() if is_word(word))
                why = "Which options are used?"
                fields[name] = ListOf(*options, OTHER, other=OTHER, optional=True, why=why)
            else:
                from afterword.integrations.facts import field_of

                fields[name] = field_of(name)
        if self.errors:
            names = dict.fromkeys(kind.__name__ for kind in self.errors)
            why = "Which errors do people meet?"
            fields["error"] = OneOf(*names, other=OTHER, optional=True, why=why)
        return Event(EVENT, "A command has ended.", **fields)

    def known(self, path: "Sequence[str]") -> str:
        """The path as it may be told: cut where the tree knows no more; the tool's name if empty.

        What is below a group that is loaded only when it is needed cannot be listed: such a command
        counts as the group.
        """
        if self._paths is None:
            self.event()
        paths = self._paths or frozenset()
        for length in range(len(path), 0, -1):
            words = " ".join(path[:length])
            if words in paths:
                return words
        return OTHER if path else self.telemetry.name

    def facts(self) -> "dict[str, object]":
        """The values of what was asked for besides."""
        found: dict[str, object] = {}
        for name in self.fields:
            if name != "options":
                from afterword.integrations.facts import value_of

                value = value_of(name, self.telemetry.environment, self._file)
                if value is not None:
                    found[name] = value
        return found


class Run:
    """One run: begun when it is made.

    `path`: the commands that the arguments named so far. `foreign`: one of them is not the
    application's own. `reached`: a command was called, and not only its help. `options`: those
    that were given, without dashes. `misused`: the parser has complained.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.path: list[str] = []
        self.foreign = False
        self.reached = False
        self.options: list[str] = []
        self.misused = False
        self._began = time.monotonic()

    @property
    def is_ours(self) -> bool:
        """Is this `TOOL telemetry …`, which is neither asked about nor recorded?"""
        return self.path[:1] == [NAME] and not self.foreign

    def reach(self) -> None:
        """A command is about to be called: this is the moment for the question.

        Raises:
            KeyboardInterrupt: Ctrl-C at the question.
        """
        self.reached = True
        try:  # contextlib may not be loaded
            if self.watch.asks and not self.is_ours and _is_somebody_there():
                asked = time.monotonic()
                self.watch.telemetry.ask()
                self._began += time.monotonic() - asked  # the answer takes as long as it takes
        except Exception:  # noqa: BLE001, S110  # the terminal has gone: telemetry fails in silence
            pass

    def end_silently(self, outcome: str, code: int, error: BaseException | None = None) -> None:
        """As `end`, whatever goes wrong."""
        try:  # noqa: SIM105  # contextlib may not be loaded
            self.end(outcome, code, error)
        except Exception:  # noqa: BLE001, S110  # telemetry fails in silence
            pass

    def end(self, outcome: str, exit_code: int, error: BaseException | None = None) -> None:
        """Record it, if that may be.

        Args:
            outcome: out of `schema.OUTCOMES`.
            exit_code: as the process ends.
            error: the exception that ended it.
        """
        telemetry = self.watch.telemetry
        if self.is_ours or (not self.reached and outcome == "ok"):  # help, version, completion
            return
        decision = telemetry.decision()
        if not decision.on and not decision.log:
            return
        took = time.monotonic() - self._began
        if outcome == "ok" and not _is_output_taken():
            outcome, exit_code = "broken_pipe", _LOST_OUTPUT
        values: dict[str, object] = {
            "command": OTHER if self.foreign else self.watch.known(self.path),
            "outcome": outcome,
            "exit_code": exit_code,
            "duration": took,
            **self.watch.facts(),
        }
        if "options" in self.watch.fields and self.options:
            values["options"] = list(dict.fromkeys(self.options))
        if self.watch.errors and outcome == "failed" and isinstance(error, Exception):
            values["error"] = self._name_of(error)
        telemetry.record_fields(EVENT, values)

    def _name_of(self, error: BaseException) -> str:
        for kind in self.watch.errors:
            if isinstance(error, kind):
                return kind.__name__
        return OTHER


def run_main(watch: Watch, main: "Callable[[], Returned]") -> "Returned":
    """Call `main` as one run; what it returns or raises is passed on.

    A whole number that it returns is taken for the exit code, as `sys.exit(main())` has it.
    """
    run = watch.run = Run(watch)
    if isinstance(watch.tree, NoTree):
        _begin_plain(run)
    try:
        returned = main()
    except BaseException as error:
        outcome, code = ending_of(error)
        if run.misused and outcome == "failed":
            outcome = "usage_error"
        if outcome == "broken_pipe" and not _is_output_taken():
            code = _LOST_OUTPUT
        run.end_silently(outcome, code, error)
        raise
    finally:
        watch.run = None
    code = exit_code_of(returned) if isinstance(returned, int) else 0
    run.reached = True
    run.end_silently("failed" if code else "ok", code)
    return returned


def plain(telemetry: "Recording") -> Watch:
    """The watch of a tool whose framework nobody knows."""
    telemetry.spelled = f"{telemetry.name} --{NAME}"
    return Watch(telemetry, NoTree())


def _begin_plain(run: Run) -> None:
    """Do `--telemetry VERB`, or ask, where no parser tells what the arguments mean."""
    arguments = sys.argv[1:]
    if arguments[:1] == [f"--{NAME}"] and arguments[1:] in [[verb] for verb in OF_OPTION]:
        telemetry: Any = run.watch.telemetry  # also an Application: `Telemetry.run` takes itself
        sys.exit(run_verb(telemetry, arguments[1]))
    if not _NO_COMMANDS.isdisjoint(arguments):
        return
    try:
        run.reach()
    except KeyboardInterrupt:  # at our question: the command stops, without a traceback
        sys.exit(CTRL_C)


class NoTree:
    """An application whose commands are not known: it has only its name."""

    def paths(self) -> "Iterable[str]":
        """None."""
        return ()

    def options(self) -> "Iterable[str]":
        """None."""
        return ()


def _is_somebody_there() -> bool:
    """Is a person at a terminal, whose output does not go on to another program?"""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty() and not _is_pipe(sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):  # a stream is missing, closed, or no file
        return False


def _is_pipe(descriptor: int) -> bool:
    return os.fstat(descriptor).st_mode & 0o170000 in (0o010000, 0o140000)  # FIFO, socket


def _is_output_taken() -> bool:
    """Flush stdout, as Python does in a moment anyway; False if nobody reads it.

    What could not be written stays in the buffer, and Python complains of it as it would have.
    """
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except OSError as error:
        return error.errno != EPIPE
    except Exception:  # noqa: BLE001  # a stream of the application's own
        return True
    return True


def _declaration_error(message: str) -> Exception:
    from afterword.errors import DeclarationError

    return DeclarationError(message)
