"""The replies of an OTLP server: success, partial success or a `Status`."""

from typing import Any

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from afterword_sink.answers import Reply
from afterword_sink.envelopes import ItemError
from afterword_sink.faults import message
from afterword_sink.otlp.records import JSON, PROTOBUF

# google.rpc.Code of an HTTP status; anything else is UNKNOWN.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 413: 3, 415: 3}
_CODES |= {429: 8, 500: 13, 502: 14, 503: 14, 504: 4}
_UNKNOWN = 2


class OtlpReplies:
    """Writes an OTLP server's replies, in the encoding of the request.

    Args:
        kind: The media type of the request.
    """

    def __init__(self, kind: str) -> None:
        self._kind = PROTOBUF if kind == PROTOBUF else JSON

    def own(self, received: int, errors: list[ItemError], *, partial: bool, warning: str) -> Reply:
        """200, with a partial success if some are rejected; a `Status` for an unreadable body."""
        if errors and not received:
            return self.refusal(errors[0].status, received, errors[0].message)
        rejected = len(errors)
        said = errors[0].message if errors else warning
        if not rejected and not said and not partial:
            return self._reply(200, {})
        return self._reply(200, {"rejectedLogRecords": str(rejected), "errorMessage": said})

    def refusal(self, status: int, received: int, said: str = "") -> Reply:  # noqa: ARG002  # as the other's
        """A `Status` that refuses everything."""
        said = said or message(status)
        code = _CODES.get(status, _UNKNOWN)
        if self._kind == JSON:
            return Reply(status, orjson.dumps({"code": code, "message": said}), media_type=JSON)
        text = said.encode()
        body = b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text
        return Reply(status, body, media_type=PROTOBUF)

    def malformed(self, how: str, received: int, status: int) -> Reply:  # noqa: ARG002  # as the other's
        """A success that contradicts itself, or cannot be parsed."""
        if self._kind == PROTOBUF:
            return Reply(200, b"\x0a\xff", media_type=PROTOBUF)  # ends inside a field
        broken: Any = {
            "counts": {"partialSuccess": {"rejectedLogRecords": "-1"}},
            "range": {"partialSuccess": {"rejectedLogRecords": str(10**12)}},
            "text": {"partialSuccess": {"rejectedLogRecords": "many"}},
            "no-list": {"partialSuccess": []},
            "no-object": [],
            "null-list": {"partialSuccess": None},
            "null-counts": {"partialSuccess": {"rejectedLogRecords": None}},
            "empty": {},
        }.get(how, {"partialSuccess": {"rejectedLogRecords": str(received + 5)}})
        return Reply(200, orjson.dumps(broken), media_type=JSON)

    def _reply(self, status: int, partial: dict[str, str]) -> Reply:
        if self._kind == JSON:
            body = orjson.dumps({"partialSuccess": partial} if partial else {})
            return Reply(status, body, media_type=JSON)
        response = ExportLogsServiceResponse()
        if partial:
            response.partial_success.rejected_log_records = int(partial["rejectedLogRecords"])
            response.partial_success.error_message = partial["errorMessage"]
        return Reply(status, response.SerializeToString(), media_type=PROTOBUF)


def _varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    octets = bytearray()
    while number > 0x7F:  # noqa: PLR2004  # seven bits to a byte
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)
