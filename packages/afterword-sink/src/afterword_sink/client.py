"""Talk to a running sink over HTTP, with the standard library only."""

import base64
import functools
import gzip
import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


class SinkError(Exception):
    """The sink cannot be reached, or refuses a request; the message says why."""


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as the sink received it.

    Attributes:
        number: Counted from 1.
        time: When it had been received, in seconds since the epoch.
        method: `POST`, ...
        path: As sent, including a doubled slash.
        headers: By name in lower case; the last value of a repeated one.
        body: The bytes as they came, not decompressed.
        fault: The fault that was applied to it; empty if none was.
        status: The status it was answered with; None if it was not answered.
    """

    number: int
    time: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    fault: str
    status: int | None

    @property
    def envelopes(self) -> list[dict[str, Any]]:
        """The items in the body, decompressed if needed.

        Raises:
            ValueError: The body is not a JSON array.
        """
        packed = self.headers.get("content-encoding") == "gzip"
        items = json.loads(gzip.decompress(self.body) if packed else self.body)
        if not isinstance(items, list):
            raise ValueError("the body is no JSON array")  # noqa: TRY004  # a value from outside
        return items


class SinkClient:
    """A client of one sink: send queries, read its counts and requests, set faults.

    Args:
        endpoint: Its URL, `http://127.0.0.1:PORT/`.
        timeout: Seconds for one request.
        ca_file: The CA certificate to trust, if it speaks https; None for the system's own.

    Every method raises `SinkError` if the sink cannot be reached or refuses the request.
    """

    def __init__(self, endpoint: str, *, timeout: float = 90, ca_file: str | None = None) -> None:
        self.endpoint = endpoint
        self._ca_file = ca_file
        self._timeout = timeout

    def ask(self, kql: str) -> tuple[list[str], list[list[Any]]]:
        """Run a query; return its column names and its rows, with dynamic values parsed."""
        reply = self._call("POST", "/v1/apps/local/query", {"query": kql})
        if "error" in reply:  # rows are missing
            raise SinkError(_reason(reply))
        return unpacked(reply)

    def query(self, kql: str) -> list[dict[str, Any]]:
        """Run a query; return each row as a dictionary."""
        columns, rows = self.ask(kql)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def events(self) -> list[dict[str, Any]]:
        """Every row of `customEvents`, in the order of arrival."""
        return self.query("customEvents")

    def stats(self) -> dict[str, Any]:
        """Counts.

        `requests`, `received`, `accepted`, `stored`, `distinct_event_ids`, `duplicate_event_ids`,
        `other_items` by table, `statuses` and `faults` by name.
        """
        return self._call("GET", "/sink/stats")

    def requests(self) -> list[ReceivedRequest]:
        """The last requests, oldest first."""
        return [
            ReceivedRequest(
                number=entry["number"],
                time=entry["time"],
                method=entry["method"],
                path=entry["path"],
                headers=dict(entry["headers"]),
                body=base64.b64decode(entry["body"]),
                fault=entry["fault"],
                status=entry["status"],
            )
            for entry in self._call("GET", "/sink/requests")["requests"]
        ]

    def set_faults(self, *faults: str, seed: int = 0) -> None:
        """Apply these faults to the requests from now on, instead of any set before.

        Args:
            faults: As on the command line; `afterword_sink.faults` has the grammar.
            seed: Of the random generator behind `chance` and `share`.
        """
        self._call("POST", "/sink/faults", {"faults": faults, "seed": seed})

    def faults(self) -> list[dict[str, Any]]:
        """The faults, each as `{"fault": text, "left": requests it still applies to, or None}`."""
        faults: list[dict[str, Any]] = self._call("GET", "/sink/faults")["faults"]
        return faults

    def clear_faults(self) -> None:
        """Remove every fault."""
        self._call("DELETE", "/sink/faults")

    def clear(self) -> None:
        """Delete every event, every recorded request and every fault."""
        self._call("DELETE", "/sink")

    def _call(self, method: str, path: str, content: object = None) -> dict[str, Any]:
        address = urlsplit(self.endpoint)
        connect = (
            functools.partial(
                http.client.HTTPSConnection,
                context=ssl.create_default_context(cafile=self._ca_file),
            )
            if address.scheme == "https"
            else http.client.HTTPConnection
        )
        connection = connect(address.hostname or "", address.port, timeout=self._timeout)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            reply = json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            raise SinkError(f"no sink answers at {self.endpoint}: {error}") from error
        except ValueError as error:
            raise SinkError(f"what answers at {self.endpoint} is no sink") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise SinkError(_reason(reply))
        if not isinstance(reply, dict):
            raise SinkError(f"what answers at {self.endpoint} is no sink")
        return reply


def unpacked(reply: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of a query's reply, with dynamic values parsed."""
    table = reply["tables"][0]
    dynamic = [column["type"] == "dynamic" for column in table["columns"]]
    rows = [
        [
            json.loads(value) if unpack and value else value
            for value, unpack in zip(row, dynamic, strict=True)
        ]
        for row in table["rows"]
    ]
    return [column["name"] for column in table["columns"]], rows


def endpoint_of(text: str) -> str:
    """The sink's URL, from that URL or from its connection string.

    Raises:
        ValueError: It is neither.
    """
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() == "ingestionendpoint":
            text = value
    address = urlsplit(text.strip())
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise ValueError(
            f"'{text}' is neither the URL nor the connection string of a sink; "
            "it looks like http://127.0.0.1:PORT/"
        )
    return text.strip()


def _reason(reply: Any) -> str:
    """The innermost message of the API's error."""
    error = reply.get("error") if isinstance(reply, dict) else None
    message = "the sink refused the question"
    while isinstance(error, dict):
        message = error.get("message", message)
        error = error.get("innererror") or next(iter(error.get("details", ())), None)
    return message
