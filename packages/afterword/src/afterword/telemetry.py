"""What an application holds: declare once, record anywhere, and the rest happens after its end.

The hot half lives here and in what this file imports at its top: it runs in every command, so it
gets by on what the interpreter has loaded anyway. Everything else is imported where it is needed.
"""

import os
import sys
import time

from afterword import consent, statefile
from afterword.folder import DataFolder, default_path, policy_path, why_untrusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import NoReturn

    from afterword.consent import Decision
    from afterword.schema import Event
    from afterword.statefile import Flat
    from afterword.upload.status import Status

CAP = 5_000_000
"""Bytes that may wait for upload; over that the oldest events leave first."""


class Telemetry:
    """The telemetry of one application.

    Args:
        name: names the data folder, `ai.cloud.role`, and the variables (`ATOMIC_TELEMETRY` …).
        version: the application's version, as a release has it (no free text).
        events: every event that can ever be recorded; or what returns them, called when the first
            is recorded, so that where it is off not even the declarations are loaded.
        connection_string: where to; None: nowhere, and nothing is recorded. The variable
            `<NAME>_TELEMETRY_CONNECTION_STRING` overrides it; no other variable does.
        uploader: the command that runs `run_uploader`, as full path and arguments.
        notice: the version of what the person is told when asked; raise it when more is collected.
        folder: the data folder; by default the one usual on this system.
        policy: the organisation's policy file; by default where it is usual on this system.
        environment, clock: what would else be `os.environ` and `time.time`, for tests.
        strict: raise UndeclaredError instead of dropping the event; by default under pytest, under
            `python -X dev`, and where `<NAME>_TELEMETRY_STRICT` is set.
        cap: bytes that may wait.
        keeps: files and folders of the application's own in the data folder, from which events are
            yet to be made; deleted with what waits.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str,
        events: "Sequence[Event] | Callable[[], Sequence[Event]]",
        connection_string: str | None,
        uploader: "Sequence[str]" = (),
        notice: int = 1,
        folder: str | None = None,
        policy: str | None = None,
        environment: "Mapping[str, str]" = os.environ,
        clock: "Callable[[], float]" = time.time,
        strict: bool | None = None,
        cap: int = CAP,
        keeps: "Sequence[str]" = (),
    ) -> None:
        self.name = name
        self.prefix = name.upper().replace("-", "_")
        self.version = version
        self._events = events
        self._declared: dict[str, Event] | None = None
        self.connection_string = connection_string
        self.uploader = tuple(uploader)
        self.notice = notice
        self.environment = environment
        self.clock = clock
        self.cap = cap
        self.keeps = tuple(keeps)
        self._folder = folder if folder is not None else default_path(name, environment)
        self.policy = policy if policy is not None else policy_path(name, environment)
        self._strict = strict
        self._recorded_in = 0  # the process that has recorded, and starts the upload at its exit

    @property
    def events(self) -> "dict[str, Event]":
        """Every declared event, by name."""
        if self._declared is None:
            events = self._events() if callable(self._events) else self._events
            self._declared = {event.name: event for event in events}
        return self._declared

    @property
    def version_key(self) -> str:
        """The version's key in the buffer: `atomicVersion`."""
        from afterword.schema import buffer_key

        return f"{buffer_key(self.name.replace('-', '_'))}Version"

    @property
    def folder(self) -> DataFolder | None:
        """Where its files are, or would be; None on a system that has no home for them."""
        return DataFolder(self._folder) if self._folder is not None else None

    def decision(self) -> "Decision":
        """May we record and send? With the reason."""
        return self._decide()[0]

    def _decide(self) -> "tuple[Decision, Flat]":
        no = consent.forbidden_by_environment(self.prefix, self.environment)
        if no is None:
            policy = statefile.read(self.policy)
            exists = policy is None and os.path.lexists(self.policy)
            no = consent.forbidden_by_policy(self.policy, policy, exists=exists)
        if no is not None:
            return no, {}
        if self._folder is None:
            return consent.Decision(False, "folder", "there is no home folder to keep it in"), {}
        untrusted = why_untrusted(self._folder)
        if untrusted is not None:
            return consent.Decision(False, "folder", untrusted), {}
        state = statefile.read(DataFolder(self._folder).state)
        return consent.of_person(state, notice=self.notice), state or {}

    def record(self, event: str, /, **fields: object) -> None:
        """Record one event, if it may be. Never fails a command, never prints.

        Raises:
            UndeclaredError: the event, a field or a value is not declared; in development only.
        """
        try:
            decision, state = self._decide()
            if decision.on or decision.log or self.is_strict():
                from afterword import recording

                if recording.record(self, event, fields, decision, state):
                    self._note_recorded()
        except Exception as error:  # telemetry fails in silence
            if self.is_strict() and type(error).__name__ == "UndeclaredError":
                raise

    def command(self, event: str, /, **fields: object) -> "Command":
        """A `with` block that records `event` with `success` when it ends, however it ends."""
        return Command(self, event, fields)

    def start_upload(self) -> bool:
        """Start the uploader in the background if there is work for it; True if one was started.

        Called by itself at the end of a process that has recorded. Never fails, never waits.
        """
        try:
            return self.decision().on and self._start_upload()
        except Exception:  # noqa: BLE001  # telemetry fails in silence
            return False

    def upload(self, *, spawned: bool = False) -> "Status | None":
        """Upload what waits, in this process; None if that may not be, or another one is at it.

        `spawned`: a command started this, and more may follow: gather theirs for a moment first.

        Raises:
            OSError: the data folder cannot be worked in.
        """
        from afterword import control

        return control.upload(self, spawned=spawned)

    def run_uploader(self) -> "NoReturn":
        """Be the background uploader: what the `uploader` command runs. Silent; exit code 0."""
        spawned = self.is_uploader()
        try:
            from afterword import recording

            work = self.decision().on and recording.has_work(self, heed_cool_down=spawned)
        except Exception:  # noqa: BLE001  # telemetry fails in silence
            work = False
        if not work:
            os._exit(0)  # before anything is imported for it
        from afterword.upload.process import run_as_uploader

        run_as_uploader(lambda: self.upload(spawned=spawned), spawned=spawned)

    def is_uploader(self) -> bool:
        """Is this process an uploader that a command started? It must never start another."""
        return self.environment.get(f"{self.prefix}_TELEMETRY_UPLOAD") == "1"

    def turn_on(self) -> None:
        """Write down the person's yes, with a new anonymous id. Raise OSError if impossible."""
        from afterword import control

        control.turn_on(self)

    def reset(self) -> int:
        """Make a new anonymous id and delete what waits; how many events that was.

        Raises:
            OSError: it could not be written down.
        """
        from afterword import control

        return control.reset(self)

    def turn_off(self) -> int:
        """Write down the person's no and delete what waits and the id; how many events that was.

        Raises:
            OSError: it could not be written down.
        """
        from afterword import control

        return control.turn_off(self)

    def is_strict(self) -> bool:
        """Does recording something undeclared raise? In development it does."""
        if self._strict is None:
            self._strict = bool(
                sys.flags.dev_mode
                or "PYTEST_CURRENT_TEST" in self.environment
                or self.environment.get(f"{self.prefix}_TELEMETRY_STRICT")
            )
        return self._strict

    def _note_recorded(self) -> None:
        """An event was recorded in this process: at its exit the upload starts."""
        if self._recorded_in != os.getpid():
            import atexit

            self._recorded_in = os.getpid()
            atexit.register(self._at_exit)

    def _at_exit(self) -> None:
        if self._recorded_in != os.getpid():  # a forked child has not recorded
            return
        try:  # noqa: SIM105  # contextlib is not loaded, and stays so
            # No second decision: the uploader makes its own, and turning off leaves it no work.
            self._start_upload()
        except Exception:  # noqa: BLE001, S110  # telemetry fails in silence
            pass

    def _start_upload(self) -> bool:
        from afterword import recording

        return recording.start_upload(self)


class Command:
    """The run of one command, as a `with` block; see `Telemetry.command`."""

    __slots__ = ("_event", "_telemetry", "fields")

    def __init__(self, telemetry: Telemetry, event: str, fields: "dict[str, object]") -> None:
        self._telemetry = telemetry
        self._event = event
        self.fields = fields

    def __enter__(self) -> "Command":  # noqa: PYI034  # Self is in typing, which we do not load
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: "TracebackType | None",
    ) -> None:
        success = kind is None or (isinstance(error, SystemExit) and error.code in (None, 0))
        self._telemetry.record(self._event, **{"success": success, **self.fields})
