"""The question: may usage data be sent? Asked on a terminal, for any framework."""

import os
import select
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TextIO

from afterword.consent import Decision, Notice
from afterword.folder import DataFolder, read_flat
from afterword.schema import Event

NEVER = "arguments, values of options, file names, contents, your name, your machine's name"
"""What no event can contain, because no field can hold it."""

WITH_EACH = (
    "the time, the operating system, the version, and a random id that is replaced every month; "
    "the service sees the address that you send from, as every server does"
)

_LOOK = 0.1
"""Seconds after which a Ctrl-C that came before the read is noticed."""

_WIDTH = 80
_NARROWEST = 40


class Asked(Protocol):
    """The part of a `Telemetry` that the question needs."""

    spelled: str

    @property
    def name(self) -> str: ...  # noqa: D102  # documented on Telemetry, as all here
    @property
    def prefix(self) -> str: ...  # noqa: D102
    @property
    def notice(self) -> Notice | None: ...  # noqa: D102
    @property
    def events(self) -> Mapping[str, Event]: ...  # noqa: D102
    @property
    def declared(self) -> str: ...  # noqa: D102
    @property
    def environment(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def folder(self) -> DataFolder | None: ...  # noqa: D102
    def decision(self) -> Decision: ...  # noqa: D102
    def turn_on(self) -> None: ...  # noqa: D102
    def turn_off(self) -> int: ...  # noqa: D102


def ask(telemetry: Asked) -> bool:
    """Ask the person, and keep the answer; True if it is on now.

    Nobody is asked if it is decided already, or if the application gives no notice. Everything
    goes to stderr. No answer is preselected: Enter and Ctrl-D mean no. The caller has checked that
    there is a person at a terminal.

    Raises:
        KeyboardInterrupt: Ctrl-C, which stops the command and answers nothing.
    """
    decision, notice = telemetry.decision(), telemetry.notice
    if decision.cause not in ("no-consent", "notice-grown") or notice is None:
        return decision.on
    tell(telemetry, notice)
    agreed = confirm("Share usage data?")
    change: Callable[[], object] = telemetry.turn_on if agreed else telemetry.turn_off
    try:
        change()
    except OSError as error:
        _say(f"Your answer could not be kept ({error.strerror}); telemetry stays off.")
        return False
    again = f"{telemetry.spelled} {'off' if agreed else 'on'}"
    _say(f"{'Thank you' if agreed else 'It stays off'}. To change it: {again}\n")
    return agreed


def tell(telemetry: Asked, notice: Notice) -> None:
    """Print what the person is asked about, as wide as the terminal."""
    name = telemetry.name
    rows = [
        ("Collected", notice.collected or collected(telemetry.events.values())),
        ("With each", WITH_EACH),
        ("Never", notice.never or NEVER),
        ("Where", notice.where),
        ("See it", f"{telemetry.spelled} show; {telemetry.spelled} schema"),
        ("Turn off", f"{telemetry.spelled} off; {telemetry.prefix}_TELEMETRY=0; DO_NOT_TRACK=1"),
        ("More", notice.more),
    ]
    if new := _new_since_the_answer(telemetry):
        rows.insert(0, ("New", ", ".join(new)))
    width = _width()
    _say(f"\n{_bold(f'{name}: may it send usage data?', telemetry.environment)}")
    for label, text in rows:
        lines = textwrap.wrap(
            text,
            width=width,
            initial_indent=f"  {label + ':':<12}",
            subsequent_indent=" " * 14,
            break_long_words=False,
            break_on_hyphens=False,
        )
        _say("\n".join(lines))
    _say("")


def collected(events: Iterable[Event]) -> str:
    """The declarations in one sentence each: when an event is recorded, and its fields."""
    said = []
    for event in events:
        about = event.about.strip().rstrip(".") or event.name
        said.append(f"{about} ({', '.join(event.fields)})" if event.fields else about)
    return "; ".join(said) + "." if said else "nothing yet"


def confirm(question: str) -> bool:
    """Ask on stderr, read from stdin: True for y or yes; False for n, no, Enter and Ctrl-D.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    while True:
        sys.stderr.write(f"{question} [y/N]: ")
        sys.stderr.flush()
        _wait_for_a_line()
        try:
            line = sys.stdin.readline()
        except ValueError:  # bytes that are no text
            line = ""
        if not line.endswith("\n"):
            _say("")
        said = line.strip().lower()
        if said in ("y", "yes", "n", "no", ""):
            return said.startswith("y")
        _say("Please answer y or n.")


def is_terminal(stream: TextIO | None) -> bool:
    """Is the stream there, open, and a terminal?"""
    return stream is not None and not stream.closed and stream.isatty()


def _new_since_the_answer(telemetry: Asked) -> list[str]:
    """The fields that are declared now and were not when the person said yes."""
    folder = telemetry.folder
    state = read_flat(folder.state) if folder is not None else None
    agreed = state.get("agreed") if state is not None and state.get("enabled") is True else None
    if not isinstance(agreed, str):
        return []
    known = set(agreed.split())
    return [part.partition(":")[0] for part in telemetry.declared.split() if part not in known]


def _wait_for_a_line() -> None:
    """Wait until a line was typed. Return at once on Windows, and if stdin is no terminal.

    A signal that arrives between Python's last check and the read is only noted: the read then
    waits for a line, and Ctrl-C does nothing until Enter. So do not read before there is a line.
    """
    try:
        while is_terminal(sys.stdin) and not select.select([sys.stdin], [], [], _LOOK)[0]:
            pass
    except (OSError, ValueError):  # Windows, which can wait for sockets only
        return


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _width() -> int:
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or _WIDTH  # 0: not known
        return max(_NARROWEST, min(_WIDTH, columns))
    except (OSError, ValueError, AttributeError):
        return _WIDTH


def _bold(text: str, environment: Mapping[str, str]) -> str:
    plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
    if plain or sys.platform == "win32" or not is_terminal(sys.stderr):
        return text
    return f"\033[1m{text}\033[0m"
