"""Azure Application Insights through OpenTelemetry and the official Azure Monitor exporter.

The SDK makes the envelopes and drives the request. Its own answer (SUCCESS or FAILURE) does not say
which events arrived. So its transport is replaced: the request keeps only the documented tags and
is sent through `Host`, and the reply is read for the receipt. What the SDK does by default was
measured, and is switched off.

It changes environment variables and logging of the whole process, so it runs in the uploader's own
process only: `exporters.choose` takes care of that.
"""

import functools
import io
import json
import logging
import os
import re
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from afterword.errors import MissingExtraError
from afterword.exporters import otel
from afterword.exporters.azure import (
    FIXED_TAGS,
    NOBODY,
    AzureExporter,
    ServiceClock,
    envelope_time,
)
from afterword.exporters.base import Receipt, Record
from afterword.exporters.http import Host, NoAnswerError, Reply
from afterword.exporters.posting import unanswered

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

_SWITCHES = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}
# The person's own settings for these libraries; none of them is for us.
_FOREIGN = ("APPLICATIONINSIGHTS_", "APPINSIGHTS_", "OTEL_", "AZURE_")

_TAGS = ("ai.user.id", "ai.session.id", "ai.cloud.role", "ai.application.ver")
_TAGS_TEXT = re.compile(r'"tags": (\{[^}]*})')
_decode = json.JSONDecoder().decode
_encode = json.JSONEncoder(separators=(",", ":")).encode


class OfficialAzureExporter:
    """Sends batches to one Application Insights resource by the official exporter.

    Args:
        host: the ingestion endpoint.
        endpoint: its URL.
        key: the instrumentation key.
        role: the application's name, for `cloud_RoleName`.
        role_version: its version, for `application_Version`.
        clock: seconds since 1970.

    Raises:
        MissingExtraError: the extra `azure` is not installed.
    """

    def __init__(
        self,
        host: Host,
        *,
        endpoint: str,
        key: str,
        role: str,
        role_version: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        _switch_off(os.environ)  # before the import, which reads some of it, and before each making
        try:
            from azure.core.pipeline.policies import RedirectPolicy, RetryPolicy
            from azure.core.pipeline.transport import RequestsTransport
            from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter
        except ImportError as error:
            why = "the official Azure Monitor exporter is not installed"
            raise MissingExtraError("azure", why) from error

        self._clock = ServiceClock(clock)
        self._adapter = Adapter(host, endpoint)
        self._plain = AzureExporter(
            host, key=key, role=role, role_version=role_version, clock=self._clock
        )
        self._resource = otel.resource(
            role, role_version, **{"service.instance.id": NOBODY, "device.id": NOBODY}
        )
        self._exporter = AzureMonitorLogExporter(
            connection_string=f"InstrumentationKey={key};IngestionEndpoint={endpoint}",
            transport=RequestsTransport(
                session=_session(endpoint, self._adapter), session_owner=False
            ),
            disable_offline_storage=True,  # its own spool beside ours would send twice
            max_envelopes_per_second=0,  # over its cap it drops
            retry_policy=RetryPolicy(retry_total=0),  # one attempt for one call: ours to repeat
            redirect_policy=RedirectPolicy(redirect_max=0),  # one host, and no other
            auto_request_id=False,  # a UUID of version 1: this machine's network address
        )

    def export(self, batch: Sequence[Record]) -> Receipt:
        """Send the batch in one request and read the reply."""
        adapter = self._adapter
        adapter.expect(len(batch))
        began = time.monotonic()
        self._exporter.export(self._log_records(batch))
        seconds = time.monotonic() - began
        if adapter.reply is None:
            failure = adapter.failure or NoAnswerError("the official exporter sent nothing")
            receipt, size = unanswered(failure), len(adapter.body)
        else:
            receipt, size = self._clock.receipt(adapter.reply, len(batch)), adapter.reply.size
        return replace(receipt, size=size, seconds=seconds)

    def render(self, batch: Sequence[Record]) -> list[object]:
        """The envelopes as they would be sent now.

        Made by the standard library, which takes a tenth of the time: a property test holds them to
        what this exporter sends, field by field.
        """
        return self._plain.render(batch)

    def close(self) -> None:
        """Close the connection."""
        self._adapter.close()
        self._exporter.shutdown()

    def _log_records(self, batch: Sequence[Record]) -> list[Any]:
        now = self._clock()
        return [
            otel.log_record(record, envelope_time(record.time, now), self._resource)
            for record in batch
        ]


class Adapter:
    """Where `requests` would open a socket: our host, our headers, the published tags.

    Args:
        host: sends the request.
        endpoint: the URL that the SDK was given for it.
    """

    def __init__(self, host: Host, endpoint: str) -> None:
        self._host = host
        self._endpoint = endpoint
        self._events = 0
        self.body = b""
        self.reply: Reply | None = None
        self.failure: NoAnswerError | None = None

    def expect(self, events: int) -> None:
        """Forget the last request; the next one holds so many events."""
        self._events = events
        self.body, self.reply, self.failure = b"", None, None

    def send(self, request: "PreparedRequest", **_: object) -> "Response":
        """Send one request; keep the reply, and hand the SDK a copy."""
        from requests import ConnectionError as NoConnection
        from requests.adapters import HTTPAdapter
        from urllib3 import HTTPResponse

        body = request.body
        text = body.decode() if isinstance(body, bytes) else str(body)
        self.body = published(text, self._events)
        if self.reply is not None or self.failure is not None:
            raise NoConnection("one request for one batch")
        try:
            path = str(request.url).removeprefix(self._endpoint)
            reply = self.reply = self._host.post(path, self.body)
        except NoAnswerError as error:
            self.failure = error
            raise NoConnection(str(error)) from None
        raw = HTTPResponse(
            body=io.BytesIO(reply.body),
            headers={"Content-Type": reply.headers.get("content-type", "")},
            status=reply.status,
            preload_content=False,
        )
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        """Close the connection."""
        self._host.close()


def _session(endpoint: str, adapter: Adapter) -> "Session":
    """A session of `requests` that can reach one endpoint, and reads no setting of the person's."""
    from requests import Session

    session = Session()
    session.trust_env = False  # `.netrc`; proxies and authorities are the host's affair
    session.adapters.clear()
    session.mount(f"{endpoint}/", adapter)  # type: ignore[arg-type]  # all it asks for is there
    return session


def _switch_off(environment: MutableMapping[str, str]) -> None:
    """Turn off what the SDK reports about itself.

    By default it talks to Microsoft, to 169.254.169.254 and to the application's own resource.
    """
    for name in [name for name in environment if name.startswith(_FOREIGN)]:
        del environment[name]
    environment.update(_SWITCHES)
    logging.disable()  # it reports every failure; ours is told by the receipt


def published(body: str, events: int) -> bytes:
    """The request's body with the tags of the documentation and no others.

    The SDK adds the locale, the Python version and zeros for operation ids on its own. They are
    replaced in its text, as writing all of it anew takes four times as long; and unless as many
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
    return {tag: tags[tag] for tag in _TAGS if tag in tags} | FIXED_TAGS
