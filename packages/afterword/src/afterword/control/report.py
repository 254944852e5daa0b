"""What a person can see: why telemetry is on or off, what waits, what was sent, what failed."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from afterword import destination, spawn
from afterword.consent import Decision
from afterword.exporters.base import Record
from afterword.folder import DataFolder, read_flat
from afterword.schema import Event, timestamp
from afterword.upload import segments, sent, status
from afterword.upload.reading import Reader, Unfit, Waits
from afterword.upload.segments import Line
from afterword.upload.status import Status


class Reported(Protocol):
    """The part of a `Telemetry` that a report reads."""

    @property
    def events(self) -> Mapping[str, Event]: ...  # noqa: D102  # documented on Telemetry, as all here
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def version_key(self) -> str: ...  # noqa: D102
    @property
    def folder(self) -> DataFolder | None: ...  # noqa: D102
    @property
    def clock(self) -> Callable[[], float]: ...  # noqa: D102
    @property
    def keeps(self) -> Sequence[str]: ...  # noqa: D102
    def decision(self) -> Decision: ...  # noqa: D102
    def destination(self) -> str | None: ...  # noqa: D102
    def why_no_uploader(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is in the buffer. Times in seconds since 1970."""

    records: list[Record]
    unfit: dict[str, int] = field(default_factory=dict)
    """Lines that will be dropped and not sent, by reason."""
    held: dict[str, int] = field(default_factory=dict)
    """Lines that wait and would not be sent now, by reason."""
    size: int = 0
    """Bytes."""

    @property
    def oldest(self) -> float | None:
        """When the oldest was recorded."""
        return min((record.time for record in self.records), default=None)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `status` tells. Times in seconds since 1970."""

    decision: Decision
    waiting: Waiting
    last_upload: Status | None
    anonymous_id: str | None
    id_changes_at: float | None
    destination: str | None
    """The one host it would be sent to."""
    why_no_upload: str | None
    """Why nothing can be sent there; None if it can."""
    why_no_uploader: str | None
    """Why no background process can be started; None if it can."""
    starts_in_vain: int
    """Background processes that were started and never reported."""
    sent: int
    """Events sent in the last 30 days, as far as the copies of them go back."""
    files: list[str]
    """Every file that exists now."""
    folder: str | None


def waiting(telemetry: Reported) -> Waiting:
    """Read what waits, changing nothing."""
    found = Waiting([])
    folder = telemetry.folder
    if folder is None:
        return found
    reader = Reader(telemetry.events, telemetry.version_key, telemetry.version)
    now = telemetry.clock()
    unfit: dict[str, int] = {}
    held: dict[str, int] = {}
    size = 0
    for line in segments.all_lines(folder):
        size += line.length
        record = _record(reader, line, now)
        if isinstance(record, Unfit):
            counts = held if isinstance(record, Waits) else unfit
            counts[str(record)] = counts.get(str(record), 0) + 1
        else:
            found.records.append(record)
    return Waiting(found.records, unfit, held, size)


def report(telemetry: Reported) -> Report:
    """Gather everything, changing nothing."""
    folder = telemetry.folder
    state = (read_flat(folder.state) if folder is not None else None) or {}
    anonymous_id = state.get("anonymousId")
    anonymous_id = anonymous_id if isinstance(anonymous_id, str) else None
    last = status.load(folder.upload_status) if folder is not None else Status()
    connection_string = telemetry.destination()
    return Report(
        decision=telemetry.decision(),
        waiting=waiting(telemetry),
        last_upload=last if last.at or last.dropped else None,
        anonymous_id=anonymous_id,
        id_changes_at=next_month(telemetry.clock()) if anonymous_id else None,
        destination=destination.shown(connection_string),
        why_no_upload=destination.why_no_upload(connection_string) if connection_string else None,
        why_no_uploader=telemetry.why_no_uploader(),
        starts_in_vain=spawn.starts_in_vain(folder, telemetry.clock()) if folder is not None else 0,
        sent=sum(1 for _ in sent.read(folder, telemetry.clock())) if folder is not None else 0,
        files=_files(folder.path, telemetry.keeps) if folder is not None else [],
        folder=folder.path if folder is not None else None,
    )


def as_json(told: Report) -> dict[str, object]:
    """The report for scripts, times as ISO 8601."""
    last = told.last_upload
    return {
        "on": told.decision.on,
        "cause": told.decision.cause,
        "reason": told.decision.reason,
        "waiting": {
            "events": len(told.waiting.records),
            "bytes": told.waiting.size,
            "oldest": _iso(told.waiting.oldest),
            "willBeDropped": told.waiting.unfit,
            "held": told.waiting.held,
        },
        "lastUpload": None
        if last is None
        else {
            "at": _iso(last.at or None),
            "sent": last.sent,
            "kept": last.kept,
            "dropped": last.dropped,
            "error": last.error,
            "next": _iso(last.next_at or None),
        },
        "sent": told.sent,
        "anonymousId": told.anonymous_id,
        "idChangesAt": _iso(told.id_changes_at),
        "destination": told.destination,
        "whyNoUpload": told.why_no_upload,
        "whyNoUploader": told.why_no_uploader,
        "startsInVain": told.starts_in_vain,
        "folder": told.folder,
        "files": told.files,
    }


def next_month(now: float) -> float:
    """The first moment of the next UTC month, when the anonymous id changes on first use."""
    import calendar

    moment = time.gmtime(now)
    return float(calendar.timegm((moment.tm_year, moment.tm_mon + 1, 1, 0, 0, 0)))


def _record(reader: Reader, line: Line, now: float) -> Record | Unfit:
    try:
        return reader.read(line.text, now)
    except Unfit as why:
        return why


def _files(path: str, keeps: Sequence[str]) -> list[str]:
    """The engine's files, and those from which the application will make events."""
    try:
        found = [os.path.join(path, one) for one in os.listdir(path) if one.startswith("telemetry")]
    except OSError:
        return []
    for kept in (os.path.join(path, name) for name in keeps):
        found += [kept] if os.path.isfile(kept) else []
        found += [os.path.join(folder, one) for folder, _, names in os.walk(kept) for one in names]
    return sorted(found)


def _iso(moment: float | None) -> str | None:
    return timestamp(moment) if moment is not None else None
