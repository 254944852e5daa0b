"""What an application has declared of itself, and whether it may record.

The ground that recording, control and reports stand on. Hot: see `telemetry`.
"""

import os
import sys
import time

from afterword import consent, statefile
from afterword.folder import DataFolder, default_path, policy_path, why_untrusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from afterword.consent import Decision
    from afterword.schema import Event
    from afterword.statefile import Flat

CAP = 5_000_000
"""Bytes that may wait for upload; over that the oldest events leave first."""


class Application:
    """One application: its declarations, its folder, its variables, its decision.

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
        return self.decide()[0]

    def decide(self) -> "tuple[Decision, Flat]":
        """The decision, and the state file's content where that was read on the way."""
        no = consent.forbidden_by_environment(self.prefix, self.environment)
        if no is not None:
            return no, {}
        policy = statefile.read(self.policy)
        exists = policy is None and os.path.lexists(self.policy)
        no = consent.forbidden_by_policy(self.policy, policy, exists=exists)
        if no is not None:
            return no, {}
        if self._destination(policy) is None:
            return consent.Decision(False, "no-destination", "there is nowhere to send it to"), {}
        if self._folder is None:
            return consent.Decision(False, "folder", "there is no home folder to keep it in"), {}
        untrusted = why_untrusted(self._folder)
        if untrusted is not None:
            return consent.Decision(False, "folder", untrusted), {}
        state = statefile.read(DataFolder(self._folder).state)
        return consent.of_person(state, notice=self.notice), state or {}

    def destination(self) -> str | None:
        """The connection string in force: the policy's, the variable's, or the application's."""
        return self._destination(statefile.read(self.policy))

    def _destination(self, policy: "Flat | None") -> str | None:
        set_by_policy = (policy or {}).get("connectionString")
        if isinstance(set_by_policy, str):
            return set_by_policy
        variable = f"{self.prefix}_TELEMETRY_CONNECTION_STRING"
        return self.environment.get(variable) or self.connection_string

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
