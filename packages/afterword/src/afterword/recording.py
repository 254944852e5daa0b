"""One event: declared? then one line appended to the buffer; and, at the end, the upload started.

The part of the hot half that is loaded only where telemetry is on.
"""

import os
import sys

from afterword import buffer, statefile
from afterword.lock import is_held
from afterword.schema import buffer_key, id_of_month, timestamp, uuid4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from afterword.application import Application
    from afterword.consent import Decision
    from afterword.statefile import Flat

_LONGEST_COOL_DOWN = 24 * 3600
_PLATFORM = sys.platform if sys.platform in ("darwin", "linux", "win32") else "other"


def record(
    application: "Application",
    name: str,
    fields: "Mapping[str, object]",
    decision: "Decision",
    state: "Flat",
) -> bool:
    """Append the event to the buffer if the decision allows; True if it was.

    Raises:
        UndeclaredError: it is not declared so.
        OSError: it could not be written.
    """
    _check(application, name, fields)
    folder, now = application.folder, application.clock()
    if decision.log:
        sys.stderr.write(_line(application, name, fields, "(made on consent)", now) + "\n")
    if not decision.on or folder is None:
        return False
    anonymous_id = id_of_month(state, now)
    if anonymous_id is None:
        from afterword import identity

        anonymous_id = identity.renew(folder, now)
        if anonymous_id is None:
            return False
    line = _line(application, name, fields, anonymous_id, now).encode()
    if len(line) >= buffer.MOST_LINE:
        raise _undeclared(f"{name} would take {len(line)} bytes, over 64 KB")
    size = buffer.append(folder.events, line)
    if size > application.cap // 2:
        from afterword import control

        control.keep_under_cap(application)
    return True


def has_work(application: "Application", *, heed_cool_down: bool) -> bool:
    """Does something wait, is nobody at it, and has the last failure cooled down?"""
    folder = application.folder
    if folder is None:
        return False
    if not any(name.startswith("telemetry-events.") for name in os.listdir(folder.path)):
        return False
    status = statefile.read(folder.upload_status) if heed_cool_down else None
    if status is not None:
        wait = status.get("nextSeconds")
        # More than a day ahead the clock has jumped, and the wait means nothing.
        if isinstance(wait, int) and 0 < wait - application.clock() <= _LONGEST_COOL_DOWN:
            return False
    return not is_held(folder.upload_lock)


def start_upload(application: "Application") -> bool:
    """Start the uploader in the background, if there is work for it; True if one was started."""
    if not application.uploader or application.is_uploader():
        return False
    if not has_work(application, heed_cool_down=True):
        return False
    from afterword.spawn import reduced_environment, spawn_detached

    environment = reduced_environment(application.environment, application.prefix)
    environment[f"{application.prefix}_TELEMETRY_UPLOAD"] = "1"
    return spawn_detached(application.uploader, environment)


def _check(application: "Application", name: str, fields: "Mapping[str, object]") -> None:
    event = application.events.get(name)
    why = f"no event {name!r} is declared"
    if event is not None:
        why_not = event.why_not(fields, made=False)
        if why_not is None:
            return
        why = why_not
    raise _undeclared(why)


def _undeclared(why: str) -> Exception:
    from afterword.errors import UndeclaredError

    return UndeclaredError(why)


def _line(
    application: "Application",
    name: str,
    fields: "Mapping[str, object]",
    anonymous_id: str,
    now: float,
) -> str:
    """One event as it stands in the buffer. By declaration nothing in it needs escaping."""
    parts = [
        f'"eventId":"{uuid4()}","eventType":"{name}","timestamp":"{timestamp(now)}"',
        f'"anonymousId":"{anonymous_id}","platform":"{_PLATFORM}"',
        f'"{application.version_key}":"{application.version}"',
    ]
    for key, field in application.events[name].fields.items():
        if field.kind == "id":
            parts.append(f'"{buffer_key(key)}":"{uuid4()}"')
        elif key in fields:
            parts.append(f'"{buffer_key(key)}":{field.encode(fields[key])}')
    return "{" + ",".join(parts) + "}"
