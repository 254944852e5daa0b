"""Read a request body: gzip or not, a JSON array, an object, or JSON lines.

Each step checks its limit before it does the work: the size before inflating, the number of values
before parsing (a `{}` of two bytes takes 64 bytes of memory), the number of lines before splitting.
"""

import zlib
from collections.abc import AsyncIterable
from typing import Any

import orjson

BODY_BYTES = 16 * 1024 * 1024  # our limit, compressed or not
BODY_VALUES = 1_000_000  # our limit; each takes about 100 bytes of memory
BODY_ITEMS = 50_000  # our limit


class UnreadableBodyError(ValueError):
    """The body as a whole cannot be read; the message goes into the reply.

    Args:
        message: What the reply says.
        status: HTTP status of the reply.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def body_of(stream: AsyncIterable[bytes]) -> bytes:
    """Read a request's body. Of one that is too large, only so much that this can be seen.

    The rest is read and dropped: a client that is still writing would not see the answer.
    """
    chunks, size = [], 0
    async for chunk in stream:
        if size <= BODY_BYTES:
            chunks.append(chunk)
            size += len(chunk)
    return b"".join(chunks)


def unpack(body: bytes, encoding: str) -> bytes:
    """Decompress a request body.

    Args:
        body: The bytes as they came.
        encoding: The `Content-Encoding` header; empty for none.

    Raises:
        UnreadableBodyError: Another encoding, not gzip, or too large.
    """
    if len(body) > BODY_BYTES:
        raise _too_large()
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
        raise _too_large()
    if not inflate.eof:
        raise UnreadableBodyError("Invalid gzip data")
    return unpacked


def load(text: bytes) -> Any:
    """One JSON value.

    Raises:
        UnreadableBodyError: It is not JSON, or holds too many values.
    """
    if sum(map(text.count, (b"{", b"[", b",", b":"))) > BODY_VALUES:
        raise _too_large()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise UnreadableBodyError("Invalid JSON") from None


def parse(text: bytes) -> list[Any]:
    """The items of a JSON array, of one object, or of JSON lines.

    A broken line is returned as an error in its place.

    Raises:
        UnreadableBodyError: It is none of these, or too large.
    """
    try:
        parsed = load(text)
    except UnreadableBodyError as error:
        if error.status == 413:  # noqa: PLR2004  # too large
            raise
        parsed = _parse_lines(text)
    items = parsed if isinstance(parsed, list) else [parsed]
    if len(items) > BODY_ITEMS:
        raise _too_large()
    return items


def _parse_lines(text: bytes) -> list[Any]:
    if text.count(b"\n") > BODY_ITEMS:
        raise _too_large()
    lines = [line for line in text.split(b"\n") if line.strip()]
    parsed = [_parse_line(line) for line in lines]
    if len(lines) < 2 or all(isinstance(item, UnreadableBodyError) for item in parsed):  # noqa: PLR2004  # one line is no list of lines
        raise UnreadableBodyError("Invalid JSON")
    return parsed


def _parse_line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return UnreadableBodyError("Invalid JSON")


def _too_large() -> UnreadableBodyError:
    return UnreadableBodyError("Request body is too large", 413)
