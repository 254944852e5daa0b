"""Azure Application Insights by its own protocol, with the standard library.

`POST {IngestionEndpoint}/v2.1/track`, a JSON array of envelopes, field by field what the official
exporter makes of the same records (`azure_official`; a property test compares them).
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from afterword.exporters import azure_replies
from afterword.exporters.base import WRONG_TIME, Receipt, Record
from afterword.exporters.http import USER_AGENT, Host, Reply
from afterword.exporters.posting import post

PATH = "/v2.1/track"

OLDEST_TIME = 48 * 3600 - 600
"""Seconds. The service refuses an item whose `time` is over 48 h old ("103: Field 'time' …",
ApplicationInsights-node.js#1466); ten minutes less, as a run may take five."""

NOBODY = "-"
"""Written where the official exporter would put this machine's name."""

FIXED_TAGS = {
    "ai.cloud.roleInstance": NOBODY,
    "ai.device.id": NOBODY,
    "ai.internal.sdkVersion": USER_AGENT.replace("/", ":"),
}

_DAY = 24 * 3600
_CLOCKS_DIFFER = 60.0  # seconds
_MOST_KEY, _MOST_VALUE = 150, 8192  # characters; longer is dropped or cut by the service
_encode = json.JSONEncoder(separators=(",", ":")).encode


class AzureExporter:
    """Sends batches to one Application Insights resource.

    Args:
        host: the ingestion endpoint.
        key: the instrumentation key.
        role: the application's name, for `cloud_RoleName`.
        role_version: its version, for `application_Version`.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        host: Host,
        *,
        key: str,
        role: str,
        role_version: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._host = host
        self._key = key
        self._role = {"ai.cloud.role": role, "ai.application.ver": role_version}
        self._clock = ServiceClock(clock)

    def export(self, batch: Sequence[Record]) -> Receipt:
        """Send the batch in one request and read the reply."""
        body = _encode(self.render(batch)).encode()
        return post(self._host, PATH, body, lambda reply: self._clock.receipt(reply, len(batch)))

    def render(self, batch: Sequence[Record]) -> list[object]:
        """The envelopes, as they would be sent now."""
        now = self._clock()
        return [self._envelope(record, envelope_time(record.time, now)) for record in batch]

    def close(self) -> None:
        """Close the connection."""
        self._host.close()

    def _envelope(self, record: Record, moment: float) -> dict[str, Any]:
        tags = {"ai.user.id": record.anonymous_id}
        session = record.attributes.get("session_id")
        if isinstance(session, str):
            tags["ai.session.id"] = session
        return {
            "name": "Microsoft.ApplicationInsights.Event",
            "time": in_utc(moment),
            "iKey": self._key,
            "tags": tags | self._role | FIXED_TAGS,
            "data": {
                "baseType": "EventData",
                "baseData": {
                    "ver": 2,
                    "name": record.name,
                    "properties": _properties(record.attributes),
                    "measurements": {},
                },
            },
        }


class ServiceClock:
    """This machine's clock, until the service has refused a time; from then on the service's.

    Otherwise a laptop whose clock is three hours fast would be refused again and again. Only the
    envelopes' time is corrected; the property `timestamp` stays the event's own.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead = 0.0

    def __call__(self) -> float:
        """Seconds since 1970, as the service counts them."""
        return self._clock() + self._ahead

    def receipt(self, reply: Reply, count: int) -> Receipt:
        """What a reply says; where it refuses our time, the clock is set and a retry may help."""
        receipt, ahead = azure_replies.receipt(reply, count), reply.clock_ahead
        refused = WRONG_TIME in receipt.kept.values()
        if not refused or ahead is None or abs(ahead - self._ahead) < _CLOCKS_DIFFER:
            return receipt
        self._ahead = ahead
        return replace(receipt, retry=True)


def envelope_time(moment: float, now: float) -> float:
    """The envelope's time: the event's own, where the service takes it.

    For an event that is too old, or ahead of the clock, it is the beginning of today. It is not the
    moment of sending: all events of one request would share it, and so two ids of one person.
    """
    return moment if now - OLDEST_TIME <= moment <= now else now - now % _DAY


def in_utc(moment: float) -> str:
    """The time as the official exporter writes it."""
    exact = datetime.fromtimestamp(nanoseconds(moment) / 1e9, UTC)
    return exact.isoformat().replace("+00:00", "Z")


def nanoseconds(moment: float) -> int:
    """Seconds since 1970 as OpenTelemetry counts them."""
    return int(moment * 1e9)


def _properties(attributes: Mapping[str, object]) -> dict[str, str]:
    return {
        name: str(value)[:_MOST_VALUE]
        for name, value in attributes.items()
        if 0 < len(name) <= _MOST_KEY
    }
