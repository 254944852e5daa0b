"""What an application holds: it declares events once and records them anywhere.

On the startup path: this module, `consent` and `folder` run in every command; `schema`, `buffer`
and `spawn` where telemetry is on, `lock` where a lock must be waited for. They import only each
other and what the interpreter has loaded, because imports are most of the cost
(`docs/architecture.md`). Everything else is imported in the function that needs it.
"""

import atexit
import os
import sys
import time

from afterword.consent import TESTING, Decision, Permission
from afterword.folder import DataFolder, default_path, is_name, policy_path, read_flat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn, TypeGuard, TypeVar, Unpack

    from afterword.consent import Notice
    from afterword.folder import Flat
    from afterword.integrations.run import How, Watch
    from afterword.outcome import Command
    from afterword.schema import Event
    from afterword.upload.status import Status

    Returned = TypeVar("Returned")

CAP = 5_000_000
"""Bytes that may wait for upload; over that the oldest events leave first.

Looked at whenever half as many have come anew: so that is how far it is passed, at most."""

_LATER = 600.0
"""Seconds for which an event may wait for the exit of the program that recorded it."""

_SOON = 1.0
"""The same, once the exit has begun. An uploader that was just started takes what comes then."""

_WORKERS = frozenset(("multiprocessing.popen_fork", "multiprocessing.popen_spawn_win32"))
"""Loaded where the process has started workers, of whatever kind."""

_forked_in = 0


def _note_fork() -> None:
    global _forked_in  # noqa: PLW0603  # whether this process has children of its own kind
    _forked_in = os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_parent=_note_fork)

_made: "list[Telemetry]" = []
_exiting = False


def _at_exit() -> None:
    global _exiting  # noqa: PLW0603  # of the process
    _exiting = True
    for telemetry in _made:
        telemetry._at_exit()  # noqa: SLF001  # of this module


# Now, and not when something is recorded: in a handler that runs at the exit it would be too late.
# What is registered later runs before it, and may still record.
atexit.register(_at_exit)


class Telemetry:
    """The telemetry of one application: its declarations, its folder, its decision.

    Args:
        name: names the data folder, `ai.cloud.role`, and the variables (`ATOMIC_TELEMETRY` …):
            ASCII letters, digits, `-` and `_`, beginning with a letter.
        version: the application's version. Its public part is kept: `v1.0+jane.laptop` is `1.0`.
        events: every event that can ever be recorded; or what returns them, called when the first
            is recorded, so that where it is off not even the declarations are loaded.
        connection_string: where to; None: nowhere, and nothing is recorded. The variable
            `<NAME>_TELEMETRY_CONNECTION_STRING` overrides it; no other variable does.
        exporter: None for what the connection string says; `azure_official` for the official SDK to
            an Azure destination (extra `azure`); or `package.module:function`, which makes one of
            your own.
        uploader: a command of your own that runs `run_uploader`, as full path and arguments. None:
            the engine starts one itself, which needs nothing of the application. Empty: none.
        notice: what the person is told before they are asked, beside what the declarations say;
            None where the application asks in its own way.
        folder: the data folder; by default the one usual on this system.
        policy: the organisation's policy file; by default where it is usual on this system.
        environment, clock: None for `os.environ` and `time.time`; tests pass their own.
        strict: raise UndeclaredError instead of dropping the event; by default under pytest, under
            `python -X dev`, and where `<NAME>_TELEMETRY_STRICT` is set.
        cap: bytes that may wait.
        keeps: files and folders of the application's own in the data folder, from which events are
            yet to be made; deleted with what waits.

    Raises:
        DeclarationError: the name, the version or a declaration breaks its rule.
        DestinationError: nothing can be sent to the connection string.
    """

    here = os.path.abspath(__file__)
    """This module's path, while a relative one still holds: a zip may have been named by one."""

    def __init__(
        self,
        name: str,
        *,
        version: str,
        events: "Sequence[Event] | Callable[[], Sequence[Event]]" = (),
        connection_string: str | None = None,
        exporter: str | None = None,
        uploader: "Sequence[str] | None" = None,
        notice: "Notice | None" = None,
        folder: str | None = None,
        policy: str | None = None,
        environment: "Mapping[str, str] | None" = None,
        clock: "Callable[[], float] | None" = None,
        strict: bool | None = None,
        cap: int = CAP,
        keeps: "Sequence[str]" = (),
    ) -> None:
        if not is_name(name):
            raise _declaration_error(
                f"{name!r} cannot name an application: ASCII letters, digits, - and _, at most 64, "
                "beginning with a letter (it becomes a folder, and a variable of the shell)"
            )
        why_not = _why_not_so(exporter, uploader, cap, keeps)
        if why_not is not None:
            raise _declaration_error(why_not)
        self.name = name = str.__str__(name)  # a subclass of str may print as something else
        self.prefix = name.upper().replace("-", "_")
        self.version = (
            str.__str__(version) if _is_plain_version(version) else _public_version(version)
        )
        self.spelled = f"{name} telemetry"
        self._events = events
        self._more: list[Callable[[], Event]] = []
        self._declared: dict[str, Event] | None = None
        self._fingerprint: str | None = None
        self._watch: Watch | None = None
        self.connection_string = connection_string or None
        self.exporter = exporter
        self._permission = Permission(self)
        if connection_string:
            no = self._permission.forbidden_by_destination(connection_string)
            if no is not None:
                raise _destination_error(no.reason)
        self.uploader = None if uploader is None else tuple(uploader)
        self.notice = notice
        self.environment = environment = os.environ if environment is None else environment
        self.clock = time.time if clock is None else clock
        self.cap = cap
        self.keeps = tuple(keeps)
        path = os.path.abspath(folder) if folder else default_path(name, environment)
        self._folder = DataFolder(path) if path is not None else None
        self.policy = os.path.abspath(policy) if policy else policy_path(name, environment)
        self._strict = strict
        self._recorded_in = 0  # the process that has recorded, and starts the upload at its exit
        self._due = 0.0  # seconds since 1970, from which a record starts it by itself
        _made.append(self)
        if hasattr(sys, "frozen") and self.is_uploader() and "AFTERWORD_DECLARED" in environment:
            run_handed_over()  # the same program once more, to be the uploader
        if events and not callable(events):
            self.events  # noqa: B018  # checks them: a mistake is told where it is made

    @property
    def folder(self) -> DataFolder | None:
        """Where its files lie; None where there is no home. In a test that records, the test's."""
        testing = self._testing()
        return DataFolder(os.path.join(testing, self.name)) if testing else self._folder

    def _testing(self) -> str:
        """The folder of a test that wants to see what is recorded; empty outside of tests."""
        if TESTING not in self.environment:
            return ""
        said = self.environment[TESTING]
        return said if os.path.isabs(said) else ""

    @property
    def events(self) -> "dict[str, Event]":
        """Every declared event, by name.

        Raises:
            DeclarationError: two of them share a name, or a field's is taken.
        """
        if self._declared is None:
            from afterword.schema import by_name

            events = self._events() if callable(self._events) else self._events
            more = [make() for make in self._more]
            self._declared = by_name([*events, *more], self.version_key)
        return self._declared

    @property
    def declared(self) -> str:
        """What can be recorded, as the person agrees to it; made by `schema.fingerprint`."""
        if self._fingerprint is None:
            from afterword.schema import fingerprint

            self._fingerprint = fingerprint(self.events.values())
        return self._fingerprint

    def declare(self, make: "Callable[[], Event]") -> None:
        """Add an event whose declaration is made when it is first needed."""
        self._more.append(make)
        self._declared = self._fingerprint = None

    @property
    def version_key(self) -> str:
        """The version's key in the buffer: `atomicVersion`."""
        from afterword.schema import buffer_key

        return f"{buffer_key(self.name.replace('-', '_'))}Version"

    def record(self, event: str, /, **fields: object) -> None:
        """Record one event, if it may be. Never fails a command, never prints.

        Raises:
            UndeclaredError: the event, a field or a value is not declared; in development only.
            DeclarationError: declarations that are made late break a rule; in development only.
        """
        self.record_fields(event, fields)

    def record_fields(
        self,
        event: str,
        fields: "Mapping[str, object]",
        *,
        ended: "Callable[[Event], Mapping[str, object]] | None" = None,
        raises: bool = True,
    ) -> None:
        """As `record`, with the fields in a mapping.

        Args:
            event: the event's name.
            fields: its values.
            ended: what else it may hold, by its declaration; asked where it is recorded.
            raises: False where an exception of the application's is on its way: what is not
                declared is then printed, and not raised in its place.
        """
        decision = None
        try:
            decision, state = self.decide()
            if not (decision.on or decision.log or self.is_strict()):
                return
            declared = self.events.get(event) if ended is not None else None
            if ended is not None and declared is not None:
                fields = {**ended(declared), **fields}
            recorded = self._record(event, fields, decision, state)
            if recorded is None:  # turned off or reset in this moment: by what is said now
                recorded = self._record(event, fields, *self.decide())
            if recorded:
                self._note_recorded(self.clock())
        except Exception as error:  # telemetry fails in silence
            if type(error).__name__ not in ("UndeclaredError", "DeclarationError"):
                return
            if self.is_strict() and raises:
                raise
            if self.is_strict() or (decision is not None and decision.log):
                sys.stderr.write(f"afterword: not recorded: {error}\n")

    def click(self, cli: "Any", **how: "Unpack[How]") -> None:
        """Record each run of a click command or group as the event `command`.

        The person is asked at the first command, and `TOOL telemetry status`, `show`, … is added.

        Args:
            cli: the root command or group.
            how: `fields`: what to record besides, out of `options` (names, never values), `agent`,
                `install`, `os_version`, `python` and `terminal`. `errors`: exceptions whose class
                may be told when a command fails; others are `other`. `commands`: the commands that
                may be told, as `remote add`; by default all that the tool itself defines, where
                what a group loads only when it is called counts as the group. `ask`: False where
                the application calls `ask` itself.

        Raises:
            DeclarationError: there is no such field to record.
        """
        from afterword.integrations import click

        self._integrate(click.watch, cli, how)

    def typer(self, app: "Any", **how: "Unpack[How]") -> None:
        """As `click`, for a Typer application; its commands may be added before or after.

        Args:
            app: the `typer.Typer`.
            how: as for `click`.

        Raises:
            DeclarationError: there is no such field to record.
        """
        from afterword.integrations import typer

        self._integrate(typer.watch, app, how)

    def argparse(self, parser: "Any", **how: "Unpack[How]") -> None:
        """As `click`, for an `argparse.ArgumentParser`; what is recorded is what `run` runs.

        Args:
            parser: the parser; its subcommands may be added before or after.
            how: as for `click`.

        Raises:
            DeclarationError: there is no such field to record.
        """
        from afterword.integrations import argparse

        self._integrate(argparse.watch, parser, how)

    def _integrate(self, watch: "Callable[..., Watch]", tool: "Any", how: "How") -> None:
        """Let a framework's integration see this tool; one that it does not know goes on without.

        Raises:
            DeclarationError: the application's own mistake.
        """
        module = str(sys._getframe(2).f_globals.get("__name__", ""))  # noqa: SLF001  # who calls
        try:
            self._watch = watch(self, tool, module=module, **how)
        except Exception as error:
            if type(error).__name__ == "DeclarationError" or self.is_strict():
                raise

    def run(self, main: "Callable[[], Returned]") -> "Returned":
        """Call `main`, and record its run as the event `command`; for every other framework.

        What it returns or raises is passed on. A whole number that it returns is taken for the exit
        code, as in `sys.exit(telemetry.run(main))`.

        Args:
            main: parses the arguments and does the work. Where `argparse` was called before, the
                run has its command's name; else it has the tool's, the person is asked first, and
                `TOOL --telemetry VERB` is what is `TOOL telemetry VERB` elsewhere.
        """
        from afterword.integrations import run

        if self._watch is None:
            self._watch = run.plain(self)
        return run.run_main(self._watch, main)

    def command(self, event: str, /, **fields: object) -> "Command":
        """A `with` block that records `event` when it ends, however it ends.

        Of `success` (a `Flag`), `outcome`, `exit_code` and `duration` it records those that the
        event declares. Its `fields` can be added to within the block.

        Raises:
            UndeclaredError: the event or one of these values is not declared; in development only,
                and before the block.
        """
        if self.is_strict():
            self._check(event, fields)
        from afterword.outcome import Command

        return Command(self, event, fields)

    def _check(self, event: str, fields: "Mapping[str, object]") -> None:
        """Raise UndeclaredError if the event or one of these values is not declared."""
        declared = self.events.get(event)
        why = _unknown(event, self.events) if declared is None else declared.why_not_some(fields)
        if why is not None:
            raise _undeclared(why)

    def decision(self) -> Decision:
        """May we record and send? With the reason."""
        return self.decide()[0]

    def decide(self) -> "tuple[Decision, Flat]":
        """The decision, and the state file's content where that was read on the way."""
        if self._testing():
            return self._decide_in_test()
        return self._permission.decide()

    def _decide_in_test(self) -> "tuple[Decision, Flat]":
        """As if the person had agreed, whatever machine the test runs on."""
        folder = self.folder
        assert folder is not None  # noqa: S101  # the test's
        state = read_flat(folder.state)
        if state is None:
            from afterword.state import identity

            os.makedirs(folder.path, mode=0o700, exist_ok=True)
            identity.agree(folder, self.clock(), declared=self.declared)
            state = read_flat(folder.state)
        return Decision(True, "test", "a test looks at what is recorded"), state or {}

    def destination(self) -> str | None:
        """The connection string in force: the policy's, the variable's, or the application's."""
        return None if self._testing() else self._permission.destination()  # nothing leaves a test

    def is_strict(self) -> bool:
        """Does recording something undeclared raise? In development it does."""
        if self._strict is None:
            self._strict = bool(
                sys.flags.dev_mode
                or "PYTEST_CURRENT_TEST" in self.environment
                or self.environment.get(f"{self.prefix}_TELEMETRY_STRICT")
            )
        return self._strict

    def is_uploader(self) -> bool:
        """Is this process an uploader that a command started? It must never start another."""
        return self.environment.get(f"{self.prefix}_TELEMETRY_UPLOAD") == "1"

    def start_upload(self) -> bool:
        """Start the uploader in the background if there is work for it; True if one was started.

        Called by itself at the end of a process that has recorded. Never fails, never waits.
        """
        try:
            return self.decision().on and self._start_upload()
        except Exception:  # noqa: BLE001  # telemetry fails in silence
            return False

    def upload(self, *, seconds: float | None = None, spawned: bool = False) -> "Status | None":
        """Upload what waits, in this process; None if that may not be, or another one is at it.

        For the end of a container, which takes every background process with it:
        `telemetry.upload(seconds=5)`. Nothing of this process is changed by it.

        Args:
            seconds: return after that at the latest; an uploader at work is waited for as long.
                None: as long as a background upload may take, at most five minutes.
            spawned: a command started this, and more may follow: gather theirs for a moment first.

        Raises:
            OSError: the data folder cannot be worked in.
        """
        from afterword.upload import jobs

        return jobs.upload(self, spawned=spawned, seconds=seconds)

    def run_uploader(self) -> "NoReturn":
        """Be the background uploader: what the `uploader` command runs. Silent; exit code 0."""
        spawned = self.is_uploader()
        try:
            from afterword import spawn

            if self.folder is not None:
                spawn.forget_starts(self.folder)
            work = (
                self.folder is not None
                and self.decision().on
                and spawn.has_work(self.folder, self.clock(), heed_cool_down=spawned)
            )
        except Exception:  # noqa: BLE001  # telemetry fails in silence
            work = False
        if not work:
            os._exit(0)  # before anything is imported for it
        from afterword.upload.process import run_as_uploader

        run_as_uploader(lambda: self._upload_alone(spawned=spawned), spawned=spawned)

    def _upload_alone(self, *, spawned: bool) -> None:
        """Upload in a process that is the uploader's own."""
        from afterword.upload import jobs

        jobs.upload(self, spawned=spawned, own_process=True)

    def ask(self, *, interactive: bool | None = None) -> bool:
        """Ask the person if they were not asked yet; True if telemetry is on now.

        Without a terminal, on a CI machine, under a coding agent, and where a variable or a policy
        says no, nobody is asked.

        Args:
            interactive: False where the person asked not to be asked (`--yes`); by default, whether
                stdin and stderr are a terminal.

        Raises:
            KeyboardInterrupt: Ctrl-C at the question.
        """
        decision = self.decision()
        if decision.cause not in ("no-consent", "notice-grown") or interactive is False:
            return decision.on
        from afterword.control import question

        if interactive is None:
            interactive = question.is_terminal(sys.stdin) and question.is_terminal(sys.stderr)
        return question.ask(self) if interactive and self.agent == "none" else decision.on

    @property
    def agent(self) -> str:
        """Which coding agent runs this process, out of `schema.AGENTS`; `none` for a person."""
        from afterword.integrations.agents import agent_of

        return agent_of(self.environment)

    def turn_on(self) -> None:
        """Write down the person's yes, with a new anonymous id. Raise OSError if impossible."""
        from afterword.control import switch

        switch.turn_on(self)

    def reset(self) -> int:
        """Make a new anonymous id and delete what waits; how many events that was.

        Raises:
            OSError: it could not be written down.
        """
        from afterword.control import switch

        return switch.reset(self)

    def turn_off(self) -> int:
        """Write down the person's no and delete what waits and the id; how many events that was.

        Raises:
            OSError: it could not be written down.
        """
        from afterword.control import switch

        return switch.turn_off(self)

    def _record(
        self, name: str, fields: "Mapping[str, object]", decision: Decision, state: "Flat"
    ) -> bool | None:
        """Append the event to the buffer if the decision allows; True if it was.

        None if it no longer does: decide anew.

        Raises:
            UndeclaredError: it is not declared so.
            OSError: it could not be written.
        """
        from afterword import buffer, schema

        now, version = self.clock(), (self.version_key, self.version)
        if not 0 <= now < schema.END:
            return False  # a clock whose day cannot be written
        event = self.events.get(name)
        if event is not None and event.ends:
            event, fields, ended = event.cut(fields, schema.timestamp(now), self.version)
            if ended is not None and (event is None or self.is_strict()):
                raise _undeclared(ended)
        why_not = event.why_not(fields) if event is not None else _unknown(name, self.events)
        if event is None or why_not is not None:
            raise _undeclared(why_not)
        if decision.log:
            nobody = "(made on consent)"
            line = buffer.encode(event, fields, anonymous_id=nobody, version=version, now=now)
            sys.stderr.write(line + "\n")
        if not decision.on or self.folder is None:
            return False
        anonymous_id = schema.id_of_month(state, now)
        if anonymous_id is None:
            from afterword.state import identity

            anonymous_id = identity.renew(self.folder, now)
            if anonymous_id is None:
                return False
        line = buffer.encode(event, fields, anonymous_id=anonymous_id, version=version, now=now)
        if len(line) >= buffer.MOST_LINE:
            raise _undeclared(f"{name} would take {len(line)} bytes, over 62 KB")
        return self._append(line, anonymous_id)

    def _append(self, line: str, anonymous_id: str) -> bool | None:
        """Append a line to the buffer; None if its id has meanwhile been turned off or reset.

        Raises:
            OSError: it could not be written.
        """
        from afterword import buffer

        def wanted() -> bool:
            return bool(self._testing()) or self._permission.holds(anonymous_id)

        folder = self.folder
        assert folder is not None  # noqa: S101  # there is one to record in
        size = buffer.append(folder.events, line.encode(), wanted)
        if size < 0:
            return None
        if size > self.cap // 2:
            from afterword.upload.cap import keep_under_cap

            keep_under_cap(folder, self.cap)
        return True

    def _note_recorded(self, now: float) -> None:
        """An event was recorded: the upload starts at the exit; at once if that is far, or past."""
        if self._testing():
            return
        if self._recorded_in != os.getpid():
            self._recorded_in = os.getpid()
            self._due = now if _exiting else now + _LATER
        if not now < self._due <= now + _LATER:  # or the clock was set back
            self._due = now + (_SOON if _exiting else _LATER)
            self._start_upload()

    def _at_exit(self) -> None:
        self._due = 0.0
        try:
            if self._recorded_in == os.getpid():
                # No second decision: the uploader makes its own; turning off leaves it no work.
                self._start_upload()
            elif "_pytest" not in sys.modules and (
                _forked_in == os.getpid() or not _WORKERS.isdisjoint(sys.modules)
            ):
                self.start_upload()  # workers may have recorded, whose ends run no handlers
        except Exception:  # noqa: BLE001, S110  # telemetry fails in silence
            pass

    def _start_upload(self) -> bool:
        if self.folder is None or self.uploader == () or self.is_uploader():
            return False
        from afterword import spawn

        return spawn.start_uploader(self, self.folder)

    def why_no_uploader(self) -> str | None:
        """Why no background process can be started, in words for `status`; None if it can."""
        if self.uploader is not None:
            if self.uploader and not os.path.isabs(self.uploader[0]):
                return f"the uploader {self.uploader[0]!r} has no full path"
            return None if self.uploader else "the application starts none"
        from afterword import handover

        return handover.why_not(sys.executable, frozen=handover.FROZEN) or handover.why_too_large(
            handover.declarations_of(self, "")
        )


def _why_not_so(exporter: object, uploader: object, cap: object, keeps: object) -> str | None:
    """Which of these arguments of `Telemetry` breaks its rule, in words; None if none does."""
    if exporter is not None and exporter != "azure_official":
        module, _, function = exporter.partition(":") if isinstance(exporter, str) else ("", "", "")
        if not module or not function:
            return f"exporter={exporter!r}: it is azure_official, or package.module:function"
    if uploader is not None and (isinstance(uploader, str) or not _are_texts(uploader)):
        return f"uploader={uploader!r}: it is a list, of a program's full path and its arguments"
    if type(cap) is not int or cap < 1:
        return f"cap={cap!r}: it is a number of bytes"
    if isinstance(keeps, str) or not _are_texts(keeps):
        return f"keeps={keeps!r}: it is a list of names"
    for name in keeps:
        if name in ("", ".", "..") or name != os.path.basename(name) or name[:9] == "telemetry":
            return (
                f"keeps={name!r}: it is deleted with what waits, so it is a name in the data folder"
            )
    return None


def _are_texts(values: object) -> "TypeGuard[Sequence[str]]":
    return isinstance(values, list | tuple) and all(isinstance(one, str) for one in values)


def _is_plain_version(version: object) -> bool:
    """Is it numbers and dots, as most are? Then nothing has to be loaded to look at it."""
    return (
        isinstance(version, str)
        and len(version) <= 64  # noqa: PLR2004  # afterword.version.MOST
        and version.isascii()
        and version.replace(".", "").isdecimal()
        and version[0] != "." != version[-1]
    )


def _public_version(version: str) -> str:
    from afterword.version import RULE, public_part

    public = public_part(version)
    if public is None:
        raise _declaration_error(f"{version!r}: {RULE}")
    return public


def _declaration_error(message: str) -> Exception:
    from afterword.errors import DeclarationError

    return DeclarationError(message)


def _destination_error(message: str) -> Exception:
    from afterword.errors import DestinationError

    return DestinationError(message)


def run_handed_over() -> "NoReturn":
    """Be the background process of the application whose declarations the environment holds."""
    try:
        from afterword import handover

        parts = handover.read(os.environ.pop(handover.HANDED))
        if parts["exporter"] is not None and sys.flags.no_site:
            import site  # an exporter of another package, or of the application's

            site.main()
        telemetry = Telemetry(**parts)
    except BaseException:  # noqa: BLE001  # a background process complains to nobody
        os._exit(0)
    telemetry.run_uploader()


def _unknown(name: str, events: "Mapping[str, Event]") -> str:
    return f"no event {name!r} is declared; there are: {', '.join(events) or 'none'}"


def _undeclared(why: str | None) -> Exception:
    from afterword.errors import UndeclaredError

    return UndeclaredError(why)
