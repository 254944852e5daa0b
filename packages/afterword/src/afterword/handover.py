"""The background process of an application that brings no `uploader` of its own.

What an upload needs to know of an application (its name, version, destination, folder, declared
events) is data. It is handed to the new process in an environment variable, as JSON made by hand:
importing `json` would cost the command most. So nothing of the application is imported there,
no flag is added to it, and no folder of the user's is on the module search path.

Loaded at the end of a command that has recorded and is about to start the uploader.
"""

import os
import sys

from afterword.schema import Event, Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Protocol

    from afterword.folder import DataFolder

    class Application(Protocol):
        """The part of a `Telemetry` that its background process is made from."""

        name: str
        version: str
        connection_string: str | None
        exporter: str | None
        policy: str
        cap: int
        here: str

        @property
        def events(self) -> Mapping[str, Event]: ...  # noqa: D102  # documented on Telemetry


FROZEN = bool(getattr(sys, "frozen", False))
"""Was this program made by PyInstaller or the like?"""

HANDED = "AFTERWORD_DECLARED"
"""The variable with the declarations."""

_ENGINE = "AFTERWORD_ENGINE"
"""The variable with the folder, or the zip, in which this package lies."""

_PROGRAM = (
    f"import os,sys;sys.path.append(os.environ.pop({_ENGINE!r}));"
    "from afterword.telemetry import run_handed_over;run_handed_over()"
)

# -S: the standard library alone is on the path, and ours comes after it; `site`, with what it runs
# for other packages, is loaded for an exporter that needs one. -P: nor is the current folder.
_FLAGS = ("-S", "-P", "-c", _PROGRAM)

_PYTHONS = ("python", "pypy", "graalpy")
_MOST = 30_000 if sys.platform == "win32" else 120_000
"""Characters of one variable: Windows takes 32,767, Linux 128 KB."""


def prepare(
    application: "Application", folder: "DataFolder", reduced: "Mapping[str, str]"
) -> "tuple[tuple[str, ...], dict[str, str]] | None":
    """The background process's command and environment; None where there can be none.

    `reduced`: what `spawn.reduced_environment` leaves.
    """
    if why_not(sys.executable, frozen=FROZEN) is not None:
        return None
    declared = declarations_of(application, folder.path)
    made = environment(reduced, declared, here=application.here, frozen=FROZEN)
    return None if made is None else (command(sys.executable, frozen=FROZEN), made)


def declarations_of(application: "Application", folder: str) -> str:
    """What is handed over, as JSON."""
    parts = {
        "name": application.name,
        "version": application.version,
        "connection_string": application.connection_string,
        "exporter": application.exporter,
        "folder": folder,
        "policy": application.policy,
        "cap": application.cap,
    }
    return text_of(parts, application.events.values())


def why_not(executable: str | None, *, frozen: bool) -> str | None:
    """Why no background process can be started from here, in words; None if it can."""
    if frozen:
        return None if executable else "this program does not know its own path"
    name = os.path.basename(executable or "").lower()
    if any(python in name for python in _PYTHONS):
        return None
    what = f"sys.executable is {executable}" if executable else "sys.executable is not set"
    return f"Python runs inside another program ({what}); give Telemetry an uploader"


def why_too_large(declared: str) -> str | None:
    """Why the declarations cannot be handed over, in words; None if they can."""
    if len(declared) <= _MOST:
        return None
    return f"the declarations are too large to be handed over ({len(declared):,} characters)"


def command(executable: str, *, frozen: bool) -> tuple[str, ...]:
    """The command that becomes the background process; frozen: the same program once more."""
    return (executable,) if frozen else (executable, *_FLAGS)


def environment(
    reduced: "Mapping[str, str]", declared: str, *, here: str, frozen: bool
) -> dict[str, str] | None:
    """The background process's environment; None where the declarations do not fit into it.

    Args:
        reduced: what `spawn.reduced_environment` leaves.
        declared: the declarations, by `text_of`.
        here: the path of a module at the top of this package.
        frozen: the program was made by PyInstaller or the like, which sets variables of its own.
    """
    if why_too_large(declared) is not None:
        return None
    left_out = ("PYTHONPATH", "_MEIPASS2")
    made = {
        name: value
        for name, value in reduced.items()
        if name not in left_out and not name.startswith("_PYI_")
    }
    made[HANDED] = declared
    if not frozen:
        made[_ENGINE] = os.path.dirname(os.path.dirname(here))
        return made
    # PyInstaller: unpack anew, since this process's folder goes when it ends; and the libraries'
    # path is the program's own; that of its user is in another variable.
    made["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
    made.pop("LD_LIBRARY_PATH", None)
    return made


def text_of(parts: "Mapping[str, str | int | None]", events: "Iterable[Event]") -> str:
    """An application's declarations as JSON: the arguments of `Telemetry`, and its events."""
    named = [f"{_quoted(name)}:{_plain(value)}" for name, value in parts.items()]
    declared = [
        f"[{_quoted(event.name)},["
        + ",".join([_field(name, field) for name, field in event.fields.items()])
        + f'],"{event.until}"]'
        for event in events
    ]
    return "{" + ",".join([*named, '"events":[' + ",".join(declared) + "]"]) + "}"


def read(text: str) -> "dict[str, Any]":
    """The arguments of `Telemetry` in what `text_of` made.

    Raises:
        ValueError: it is something else.
    """
    import json

    parts: dict[str, Any] = json.loads(text)
    parts["events"] = [
        Event(
            name,
            until=ends,
            **{
                field: Field(
                    kind,
                    words=tuple(words),
                    most=most,
                    optional=bool(optional),
                    other=other,
                    bounds=tuple(bounds),
                    retired=tuple(retired),
                    until=until,
                )
                for field, kind, words, most, optional, other, bounds, retired, until in fields
            },
        )
        for name, fields, ends in parts["events"]
    ]
    return parts


def _field(name: str, field: Field) -> str:
    words = ",".join([f'"{word}"' for word in field.words])  # no word needs escaping
    retired = ",".join([f'"{word}"' for word in field.retired])
    bounds = ",".join([repr(bound) for bound in field.bounds])
    return (
        f'["{name}","{field.kind}",[{words}],{field.most},{int(field.optional)},"{field.other}",'
        f'[{bounds}],[{retired}],"{field.until}"]'
    )


def _plain(value: str | int | None) -> str:
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else _quoted(value)


def _quoted(text: str) -> str:
    """A JSON string (RFC 8259, section 7), with everything but plain ASCII escaped."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    units = text.encode("utf-16-be", "surrogatepass")
    return '"' + "".join([f"\\u{a:02x}{b:02x}" for a, b in zip(*[iter(units)] * 2)]) + '"'  # noqa: B905  # an even number of bytes
