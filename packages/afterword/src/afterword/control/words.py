"""Reports in words for people, whatever framework prints them."""

import json
import time
from collections.abc import Mapping, Sequence

from afterword.control.report import Report, Waiting
from afterword.upload.sent import Copy
from afterword.upload.status import Status


def status(told: Report, now: float, spelled: str) -> str:
    """What `telemetry status` says."""
    decision, found, last = told.decision, told.waiting, told.last_upload
    lines = [
        ("Telemetry", f"{'on ' if decision.on else 'off: '}{decision.reason}"),
        ("Waiting", _waiting_line(found, now)),
        ("Last upload", _upload_line(last) if last is not None else "none yet"),
        ("Sent", _sent_line(told.sent, spelled)),
        ("Id", told.anonymous_id or "none"),
    ]
    if told.id_changes_at is not None:
        lines.append(("", f"replaced at the first use after {_when(told.id_changes_at)}"))
    lines.append(("Destination", told.destination or "none"))
    if told.why_no_upload is not None:
        lines.append(("", f"nothing is sent: {told.why_no_upload}"))
    if told.why_no_uploader is not None:
        lines.append(("Background", f"nothing is started: {told.why_no_uploader}"))
    elif told.starts_in_vain:
        times = "once" if told.starts_in_vain == 1 else f"{told.starts_in_vain} times"
        lines.append(("Background", f"started {times} and never reported; try: {spelled} upload"))
    lines.append(("Files", _first_file(told)))
    lines += [("", path) for path in told.files[1:]]
    return "\n".join(f"{name:<14}{text}" for name, text in lines)


def _first_file(told: Report) -> str:
    if told.files:
        return told.files[0]
    return f"none in {told.folder}" if told.folder is not None else "none"


def _waiting_line(found: Waiting, now: float) -> str:
    if not found.records and not found.unfit and not found.held:
        return "nothing"
    text = f"{events(len(found.records))}, {found.size:,} bytes"
    if found.oldest is not None:
        days = max(0, int((now - found.oldest) // 86400))
        ago = f"{days} day{'' if days == 1 else 's'} ago" if days else "less than a day ago"
        text += f", the oldest from {_when(found.oldest)} ({ago})"
    if found.unfit:
        text += "; will not be sent: " + _counts(found.unfit)
    if found.held:
        text += "; not sent now: " + _counts(found.held)
    return text


def outcome(last: Status) -> str:
    """The result of an upload: `3 sent, 0 kept`."""
    text = f"{last.sent:,} sent, {last.kept:,} kept"
    if last.dropped:
        text += f", dropped: {_counts(last.dropped)}"
    if last.error is not None:
        # An error that begins with a number is the status of a reply.
        text += f"; {'the service answered ' if last.error[:1].isdigit() else ''}{last.error}"
    if last.next_at and last.error is None:
        text += f"; what has another id is sent after {_when(last.next_at)}"
    elif last.next_at:
        text += f"; next attempt after {_when(last.next_at)}"
    return text


def _sent_line(count: int, spelled: str) -> str:
    if not count:
        return "nothing in the last 30 days"
    shown = "sent" if spelled.endswith("--telemetry") else "show --sent"
    return f"{events(count)} in the last 30 days; see them: {spelled} {shown}"


def _upload_line(last: Status) -> str:
    if not last.at:  # a command had to give events up before there was any
        return f"none yet; dropped: {_counts(last.dropped)}"
    return f"{_when(last.at)}: {outcome(last)}"


def table(found: Waiting, width: int | None = None) -> str:
    """What `telemetry show` says: each event that waits.

    `width`: of the terminal, to which long lines are wrapped; None for one line an event.
    """
    if not found.records:
        text = "Nothing waits to be sent." if found.unfit or found.held else "Nothing waits."
        text += f" Will not be sent: {_counts(found.unfit)}." if found.unfit else ""
        return text + (f" Not sent now: {_counts(found.held)}." if found.held else "")
    rows = [
        (_when(record.time, ""), record.name, _properties(record.attributes, "timestamp"))
        for record in found.records
    ]
    return _rows(("TIME (UTC)", "EVENT", "PROPERTIES"), rows, width)


def sent(copies: Sequence[Copy], width: int | None = None) -> str:
    """What `telemetry show --sent` says: each event that was sent, and where to."""
    if not copies:
        return "Nothing was sent in the last 30 days, or the copies were deleted."
    rows = [
        (
            f"{copy.at[:10]} {copy.at[11:19]}",
            copy.host,
            json.dumps(copy.sent, separators=(",", ":")),
        )
        for copy in copies
    ]
    return _rows(("SENT (UTC)", "TO", "WHAT"), rows, width)


def _properties(attributes: Mapping[str, object], without: str) -> str:
    return " ".join(
        f"{name}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in attributes.items()
        if name != without
    )


def _rows(
    head: tuple[str, str, str], rows: Sequence[tuple[str, str, str]], width: int | None
) -> str:
    """A table of three columns; on a terminal the last one is below the others, wrapped."""
    import textwrap

    if width is None:
        widths = [max(len(row[column]) for row in (head, *rows)) for column in (0, 1)]
        return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in (head, *rows))
    lines = []
    for when, name, text in rows:
        lines.append(f"{when}  {name}")
        lines += textwrap.wrap(
            text, width, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
        )
    return "\n".join(lines)


def events(count: int) -> str:
    """So many events."""
    return f"{count:,} event{'' if count == 1 else 's'}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {why}" for why, count in counts.items())


def _when(moment: float, zone: str = " UTC") -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment)) + zone
