"""The pytest plugin: what a tool records while its tests run, and what it can record at all.

Loaded by pytest wherever the engine is installed (entry point `pytest11`). Without a fixture of its
own nothing is recorded in a test, nor sent: the engine sees that pytest runs.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pytest

if TYPE_CHECKING:
    from afterword.telemetry import Telemetry

_ENGINES = ("eventId", "eventType", "timestamp", "anonymousId", "platform")
_UPDATE = "--telemetry-update"
_MONTH = 30 * 24 * 3600.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--telemetry-update`."""
    parser.getgroup("afterword").addoption(
        _UPDATE, action="store_true", help="write the snapshots of telemetry schemas anew"
    )


class TelemetryEvents(Sequence[dict[str, Any]]):
    """What was recorded so far in this test, also by processes that it started; oldest first.

    Each event is a dictionary of `event`, its name, and its fields. Ids that the engine makes are
    left out, and ranges are as they are kept: `"duration": "<100ms"`.
    """

    def __init__(self, base: str) -> None:
        self._base = base

    def _now(self) -> list[dict[str, Any]]:
        from afterword.testing.lines import applications, lines_of

        return [
            _event(line, os.path.basename(path))
            for path in applications(self._base)
            for line in lines_of(path)
        ]

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return self._now()[at]

    def __len__(self) -> int:
        return len(self._now())

    def __eq__(self, other: object) -> bool:
        return self._now() == other

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return repr(self._now())


@pytest.fixture
def telemetry_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TelemetryEvents:
    """Let this test record, as if the person had agreed; a list of what was recorded so far.

    Nothing is sent, and nothing is read or written in anybody's home. A process that the test
    starts takes part if it inherits the environment.
    """
    base = str(tmp_path / "afterword-telemetry")
    monkeypatch.setenv("AFTERWORD_TESTING", base)
    return TelemetryEvents(base)


@pytest.fixture
def telemetry_schema(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Fail when an application can record more than the snapshot beside the test says.

    `telemetry_schema(telemetry)` compares with `telemetry-schema.txt`, which `pytest
    --telemetry-update` writes anew. What is declared no longer does not fail. It warns of what has
    ended, or ends within a month.
    """
    folder = request.path.parent

    def check(telemetry: "Telemetry", name: str = "telemetry-schema.txt") -> None:
        path, now = folder / name, _schema(telemetry)
        for ending in _endings(telemetry):
            warnings.warn(ending, UserWarning, stacklevel=2)
        if request.config.getoption(_UPDATE):
            path.write_text("\n".join(now) + "\n", encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"there is no {path.name} yet; write it with: pytest {_UPDATE}")
        known = path.read_text(encoding="utf-8").splitlines()
        grown = [line for line in now if line not in known]
        if grown:
            pytest.fail(
                f"{telemetry.name} can record more than {path.name} says:\n  "
                + "\n  ".join(grown)
                + "\nPeople who agreed are asked again when a field is new. If that is meant: "
                f"pytest {_UPDATE}"
            )

    return check


def _schema(telemetry: "Telemetry") -> list[str]:
    """A line for each field with its kind, and for each word that it may hold."""
    lines = []
    for event in telemetry.events.values():
        lines.append(event.name)
        for name, field in event.fields.items():
            lines.append(f"{event.name}.{name}: {field.kind}")
            lines += [f"{event.name}.{name} = {word}" for word in field.words]
    return lines


def _endings(telemetry: "Telemetry") -> Iterator[str]:
    """What has ended, or ends within a month, in a sentence each."""
    from afterword.expiry import has_ended
    from afterword.schema import timestamp

    now = telemetry.clock()
    for event in telemetry.events.values():
        declared = {event.name: event.until}
        declared |= {f"{event.name}.{name}": field.until for name, field in event.fields.items()}
        for name, until in declared.items():
            if has_ended(until, timestamp(now), telemetry.version):
                yield f"{name} has ended (until {until}): remove it, or give it another end"
            elif has_ended(until, timestamp(now + _MONTH), telemetry.version):
                yield f"{name} ends soon (until {until}): is its question still asked?"


def _event(line: dict[str, Any], application: str) -> dict[str, Any]:
    from afterword.schema import buffer_key, is_uuid4

    version = f"{buffer_key(application.replace('-', '_'))}Version"
    return {"event": line["eventType"]} | {
        _snake(key): value
        for key, value in line.items()
        if key not in _ENGINES and key != version and not is_uuid4(value)
    }


def _snake(key: str) -> str:
    """A field's name as it was declared: `exitCode` is `exit_code`."""
    return "".join(f"_{mark.lower()}" if mark.isupper() else mark for mark in key)
