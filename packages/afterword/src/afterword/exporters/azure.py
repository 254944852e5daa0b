"""Azure Application Insights, through OpenTelemetry and the official Azure Monitor exporter.

The exporter makes the envelopes and owns the protocol; what it answers (SUCCESS or FAILURE) does
not say which events arrived. So this room stands at its transport: there each request is held to
the headers and tags we publish, and each reply is read for the receipt. What the exporter does
unless told not to is measured in its source and told off here, switch by switch.
"""

import functools
import json
import logging
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from afterword.errors import DestinationError, MissingExtraError
from afterword.exporters.base import Receipt, Record

# Set before its import, and before each exporter is made (some it reads then), or it talks to
# Microsoft, to 169.254.169.254 and into our own resource.
_SWITCHED_OFF = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}
# The user's own settings for these libraries; none of them is for us.
_FOREIGN = ("APPLICATIONINSIGHTS_", "APPINSIGHTS_", "OTEL_", "AZURE_")

for _name in [name for name in os.environ if name.startswith(_FOREIGN)]:
    del os.environ[_name]
os.environ.update(_SWITCHED_OFF)

try:
    from azure.core.pipeline.policies import RedirectPolicy, RetryPolicy
    from azure.core.pipeline.transport import RequestsTransport
    from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter
    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.resources import Resource
    from requests import PreparedRequest, Session
except ImportError as error:
    raise MissingExtraError("azure", "the Azure Monitor exporter is not installed") from error

OLDEST_TIME = 48 * 3600 - 600
"""Seconds. The service refuses an item whose `time` is over 48 h old ("103: Field 'time' …",
ApplicationInsights-node.js#1466); ten minutes less, as a run may take five."""

_RETRYABLE = frozenset((401, 403, 408, 429, 500, 502, 503, 504))  # per item, as the exporter has it
_QUOTA = frozenset((402, 439))
_ACCEPTED, _PARTIAL, _BAD_REQUEST, _TOO_LARGE = 200, 206, 400, 413
_STATUSES = range(100, 600)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NOBODY = "-"  # where the exporter would put this machine's name
_USER_AGENT = f"afterword/{version('afterword')}"
_TAGS = ("ai.user.id", "ai.session.id", "ai.cloud.role", "ai.application.ver")
_FIXED_TAGS = {
    "ai.cloud.roleInstance": _NOBODY,
    "ai.device.id": _NOBODY,
    "ai.internal.sdkVersion": _USER_AGENT.replace("/", ":"),
}
_TAGS_TEXT = re.compile(r'"tags": (\{[^}]*})')
_decode = json.JSONDecoder().decode
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Destination:
    """A resource to send to: its instrumentation key and its one host."""

    key: str
    endpoint: str

    @classmethod
    def parse(cls, connection_string: str) -> "Destination":
        """Read `InstrumentationKey=…;IngestionEndpoint=https://…` (other parts are of no use here).

        Raises:
            DestinationError: a part is missing, or the endpoint is neither https nor loopback.
        """
        parts = dict(part.partition("=")[::2] for part in connection_string.split(";") if part)
        named = {name.strip().lower(): value.strip() for name, value in parts.items()}
        key = named.get("instrumentationkey", "")
        endpoint = named.get("ingestionendpoint", "").rstrip("/")
        if not key or not endpoint:
            raise DestinationError("it needs InstrumentationKey and IngestionEndpoint")
        if len(key) != len("00000000-0000-0000-0000-000000000000"):
            raise DestinationError("the InstrumentationKey is no UUID")
        try:
            url = urlsplit(endpoint)
            host, secure = url.hostname, url.scheme == "https"
        except ValueError as error:
            raise DestinationError(f"the IngestionEndpoint is no URL: {error}") from None
        if not host or url.username or url.query or url.fragment:
            raise DestinationError("the IngestionEndpoint is no plain URL of a host")
        if not secure and not (url.scheme == "http" and host in _LOOPBACK):
            raise DestinationError("the IngestionEndpoint must be https (http on loopback only)")
        return cls(key, endpoint)


class AzureExporter:
    """Sends batches to one Application Insights resource.

    Args:
        destination: where to.
        role: the application's name, for `cloud_RoleName`.
        role_version: its version, for `application_Version`.
        timeout: seconds for connecting, and for each wait on the server's next byte.
    """

    def __init__(
        self, destination: Destination, *, role: str, role_version: str, timeout: float
    ) -> None:
        os.environ.update(_SWITCHED_OFF)  # whatever became of it since the import
        logging.disable()  # the libraries report every failure; ours is told by the receipt
        self._transport = _Transport(destination)
        self._resource = Resource(
            {
                "service.name": role,
                "service.version": role_version,
                "service.instance.id": _NOBODY,
                "device.id": _NOBODY,
            }
        )
        self._exporter = AzureMonitorLogExporter(
            connection_string=(
                f"InstrumentationKey={destination.key};IngestionEndpoint={destination.endpoint}"
            ),
            transport=self._transport,
            timeout=timeout,
            read_timeout=timeout,
            disable_offline_storage=True,  # its own spool beside ours would send twice
            max_envelopes_per_second=0,  # over its cap it drops
            retry_policy=RetryPolicy(retry_total=0),  # one attempt for one call: ours to repeat
            redirect_policy=RedirectPolicy(redirect_max=0),  # one host, and no other
            auto_request_id=False,  # a UUID of version 1: this machine's network address
        )

    def export(self, batch: Sequence[Record]) -> Receipt:
        """Send the batch in one request and read the reply."""
        oldest = time.time() - OLDEST_TIME
        self._transport.events, self._transport.reply = len(batch), None
        self._exporter.export([self._log_record(record, oldest) for record in batch])
        reply = self._transport.reply
        if reply is None:
            return Receipt(problem=self._transport.failure or "no answer")
        return read_reply(reply, len(batch))

    def render(self, batch: Sequence[Record]) -> list[object]:
        """The envelopes as they would be sent: the same way, to the last step."""
        self._transport.sends = False
        try:
            self.export(batch)
        finally:
            self._transport.sends = True
        return list(json.loads(self._transport.body))

    def close(self) -> None:
        """Let the connection go."""
        self._exporter.shutdown()
        self._transport.close()

    def _log_record(self, record: Record, oldest: float) -> ReadableLogRecord:
        now = time.time()
        moment = record.time if oldest <= record.time <= now else now
        attributes: dict[str, Any] = {
            "microsoft.custom_event.name": record.name,
            "enduser.pseudo.id": record.anonymous_id,
            **record.attributes,
        }
        if "session_id" in record.attributes:
            attributes["session.id"] = record.attributes["session_id"]
        log_record = LogRecord(timestamp=int(moment * 1e9), body=record.name, attributes=attributes)
        return ReadableLogRecord(log_record, self._resource)


@dataclass(frozen=True, slots=True)
class Reply:
    """The service's answer to one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Transport(RequestsTransport):  # type: ignore[misc]  # azure-core leaves it untyped
    """azure-core's own transport, held to one host and to the published headers and tags."""

    def __init__(self, destination: Destination) -> None:
        session = Session()
        session.headers.clear()  # python-requests' version, and what else it would say
        session.auth = _no_credentials
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # or it marks us
        super().__init__(session=session, session_owner=False)
        self._url = f"{destination.endpoint}/"
        self.sends = True
        self.events = 0
        self.body = b""
        self.reply: Reply | None = None
        self.failure: str | None = None

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send with our headers and tags only; keep the reply."""
        if not request.url.startswith(self._url):
            raise DestinationError(f"not our host: {request.url}")
        body = self.body = published(request.data, self.events)
        if not self.sends:
            raise ConnectionAbortedError("only looking")
        request.data = body
        request.headers.clear()
        request.headers.update(
            {
                "Accept": "application/json",
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "User-Agent": _USER_AGENT,
            }
        )
        self.reply = None
        try:
            response = super().send(request, **kwargs)
        except Exception as error:
            self.failure = _in_words(error)
            raise
        self.reply = Reply(response.status_code, response.headers, response.content)
        return response

    def close(self) -> None:
        """Close the session that we handed in ourselves."""
        self.session.close()


def _no_credentials(request: PreparedRequest) -> PreparedRequest:
    """Stand where `requests` would else put the user's `.netrc` entry for this host."""
    return request


def published(body: str, events: int) -> bytes:
    """The request's body with the tags of the documentation and no others.

    The exporter adds the locale, the Python version and zeros for operation ids on its own. They
    are replaced in its text, as writing all of it anew takes four times as long; and unless as many
    were found as there are events in it, all of it is written anew after all: so not one envelope
    leaves with other tags, should the text one day look different.

    Raises:
        ValueError: the body is not JSON.
    """
    try:
        text, found = _TAGS_TEXT.subn(lambda tags: f'"tags": {_published_text(tags[1])}', body)
    except ValueError:  # a brace in a word ended them too early
        found = -1
    if found == events:
        return text.encode()
    envelopes = _decode(body)
    for envelope in envelopes:
        envelope["tags"] = _published_tags(envelope["tags"])
    return _encode(envelopes).encode()


@functools.lru_cache(maxsize=100)  # one person's events differ in these by session only
def _published_text(text: str) -> str:
    return _encode(_published_tags(_decode(text)))


def _published_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {tag: tags[tag] for tag in _TAGS if tag in tags} | _FIXED_TAGS


def _in_words(error: BaseException) -> str:
    """A failure without its addresses: the library's name for it, and its first cause's."""
    first = error
    for _ in range(10):  # deeper than any library nests them
        # azure-core keeps the cause in an attribute of its own.
        inner = getattr(first, "inner_exception", None) or first.__cause__ or first.__context__
        if not isinstance(inner, BaseException):
            break
        first = inner
    names = dict.fromkeys((type(error).__name__, type(first).__name__))
    return "no answer: " + " < ".join(names)


def read_reply(reply: Reply, count: int) -> Receipt:
    """What a reply to a batch of `count` records says of each of them. Pure.

    200 and 206 are believed only if the body says so in the service's own form: a hotel's log-in
    page answers 200 to everything, and would eat the events. Status codes: `docs/azure.md`.
    """
    status = reply.status
    after = _retry_after(reply.headers)
    if status in (_ACCEPTED, _PARTIAL):
        return _read_counts(reply, count, after)
    if status in (_BAD_REQUEST, _TOO_LARGE):
        return Receipt(problem=f"{status} for the whole batch", unacceptable=True, retry=False)
    if status in _QUOTA:
        return Receipt(problem=f"{status}: quota spent", retry_after=after, retry=False)
    if status in (408, 429) or status >= 500:  # noqa: PLR2004  # the classes of RFC 9110
        return Receipt(problem=f"{status}", retry_after=after)
    return Receipt(problem=f"{status}, which is no answer of this service", retry=False)


def _read_counts(reply: Reply, count: int, after: float | None) -> Receipt:
    try:
        said = json.loads(reply.body)
        received, accepted = _number(said["itemsReceived"]), _number(said["itemsAccepted"])
        named: dict[int, tuple[int, str]] = {}
        for error in said.get("errors") or ():
            index, status = _number(error["index"]), _number(error["statusCode"])
            if named.setdefault(index, (status, str(error.get("message", ""))))[0] != status:
                raise ValueError("one item, two stories")  # noqa: TRY301  # caught just below
            if status not in _STATUSES:
                raise ValueError("no HTTP status")  # noqa: TRY301  # the same
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Receipt(problem=f"{reply.status} with a body not the service's", retry=False)
    indexes = frozenset(range(count))
    if received != count or accepted != count - len(named) or not indexes >= named.keys():
        return Receipt(problem=f"{reply.status} with counts that do not add up", retry=False)
    refused = {
        index: f"{status} {message}"
        for index, (status, message) in named.items()
        if status not in _RETRYABLE and status not in _QUOTA
    }
    kept = named.keys() - refused.keys()
    problem = f"{named[min(kept)][0]} for {len(kept)} of {count}" if kept else None
    return Receipt(indexes - named.keys(), refused, problem, after)


def _number(value: object) -> int:
    """A whole number as JSON has it; ValueError for anything that only compares like one."""
    if type(value) is not int:
        raise ValueError("no whole number")
    return value


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from either form of RFC 9110, section 10.2.3; None if absent or unreadable."""
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    if said.strip().isdecimal():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
