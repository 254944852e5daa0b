"""A request body: packed or not, an array, an object or JSON lines, into the items it holds."""

import zlib
from typing import Any

import orjson

BODY_BYTES = 64 * 1024 * 1024  # ours: what one request may hold, packed or not


class UnreadableBodyError(ValueError):
    """The body as a whole cannot be read; its message goes into the reply.

    Args:
        message: What the reply says.
        status: HTTP status of the reply.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def unpack(body: bytes, encoding: str) -> bytes:
    """A request body as it was before it was packed.

    Args:
        body: The bytes as they came.
        encoding: The `Content-Encoding` header; empty for none.

    Raises:
        UnreadableBodyError: Another encoding, not gzip, or too large.
    """
    if len(body) > BODY_BYTES:
        raise UnreadableBodyError("Request body is too large", 413)
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _gunzip(body)
        case other:
            raise UnreadableBodyError(f"Unsupported content encoding '{other}'", 415)


def _gunzip(body: bytes) -> bytes:
    inflate = zlib.decompressobj(wbits=31)
    try:
        unpacked = inflate.decompress(body, BODY_BYTES)
    except zlib.error:
        raise UnreadableBodyError("Invalid gzip data") from None
    if inflate.unconsumed_tail:
        raise UnreadableBodyError("Request body is too large", 413)
    if not inflate.eof:
        raise UnreadableBodyError("Invalid gzip data")
    return unpacked


def parse(text: bytes) -> list[Any]:
    """The items of a JSON array, of one object, or of JSON lines; a broken line is its own error.

    Raises:
        UnreadableBodyError: None of these.
    """
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        parsed = [_parse_line(line) for line in lines]
        if len(lines) < 2 or all(isinstance(item, UnreadableBodyError) for item in parsed):  # noqa: PLR2004  # one line is no list of lines
            raise UnreadableBodyError("Invalid JSON") from None
        return parsed
    return parsed if isinstance(parsed, list) else [parsed]


def _parse_line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return UnreadableBodyError("Invalid JSON")
