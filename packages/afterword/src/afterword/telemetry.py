"""What an application holds: declare once, record anywhere, and the rest happens after its end.

The hot half is this room and what it imports at its top: it runs in every command, so it gets by on
what the interpreter has loaded anyway. Everything else is imported where it is needed.
"""

import os

from afterword.application import Application

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn

    from afterword.upload.status import Status


class Telemetry(Application):
    """The telemetry of one application; `Application` says what it is made of."""

    _recorded_in = 0  # the process that has recorded, and starts the upload at its exit

    def record(self, event: str, /, **fields: object) -> None:
        """Record one event, if it may be. Never fails a command, never prints.

        Raises:
            UndeclaredError: the event, a field or a value is not declared; in development only.
        """
        try:
            decision, state = self.decide()
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
