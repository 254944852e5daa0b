"""Send an answer: whole, or in the way that a fault asks for.

HTTP frameworks cannot stay silent, close a connection or send half an answer. So this works on the
transport itself, which `server` puts into the scope of each request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from afterword_sink.answers import Reply
from afterword_sink.faults import Fault, Travel

TRANSPORT = "afterword.transport"  # key in scope["extensions"]
Refuse = Callable[[float], Awaitable[None]]


class Arrival(NamedTuple):
    """How the sending of an answer ended.

    Attributes:
        status: The status that was sent; None if none was.
        whole: Whether all of it was sent while the client was connected.
    """

    status: int | None
    whole: bool


class Connection(NamedTuple):
    """One request's connection, as ASGI has it."""

    scope: Scope
    receive: Receive
    send: Send

    @property
    def transport(self) -> asyncio.Transport:
        """The transport under it."""
        transport: asyncio.Transport = self.scope["extensions"][TRANSPORT]
        return transport


class Delivery:
    """Sends answers, and keeps track of the connections that a fault holds."""

    def __init__(self) -> None:
        self._held: set[asyncio.Transport] = set()
        # The server replaces it: it takes no new connection for so many seconds.
        self.refuse: Refuse = _listen_on

    def stop(self) -> None:
        """Abort every connection that a fault holds, because the sink ends."""
        for transport in list(self._held):
            transport.abort()

    async def send(self, reply: Reply, fault: Fault, connection: Connection) -> Arrival:
        """Send an answer in the way that a fault asks for.

        The request's body must have been read to its end.
        """
        transport = connection.transport
        self._held.add(transport)
        try:
            if fault.travel is Travel.REFUSE:
                await self.refuse(fault.refusal)
            return await _Sending(reply, fault, connection).run()
        finally:
            self._held.discard(transport)


async def _listen_on(_seconds: float) -> None:
    pass


@dataclass(slots=True)
class _Sending:
    """The sending of one answer."""

    reply: Reply
    fault: Fault
    connection: Connection

    async def run(self) -> Arrival:
        """Send it."""
        if self.fault.delay and await self._client_leaves_within(self.fault.delay):
            return Arrival(None, whole=False)
        whole = False
        match self.fault.travel:
            case Travel.WHOLE:
                await self._head()
                await self._body(self.reply.body, more=False)
                whole = True
            case Travel.HANG:
                await self._client_leaves_within(None)
                return Arrival(None, whole=False)
            case Travel.CLOSE | Travel.REFUSE:
                await self._close()
                return Arrival(None, whole=False)
            case Travel.SILENCE:
                await self._head()
                await self._client_leaves_within(None)
            case Travel.CUT:
                body, keep = self.reply.body, self.fault.keep
                last = len(body) // 2 if keep is None else min(keep, len(body) - 1)
                await self._head()
                await self._body(body[:last])
                await self._close()
            case Travel.DRIP:
                await self._head()
                whole = await self._drip()
        return Arrival(self.reply.status, whole)

    async def _head(self) -> None:
        headers = {
            "content-type": self.reply.media_type,
            "content-length": str(len(self.reply.body)),
            **self.reply.headers,
        }
        await self.connection.send(
            {
                "type": "http.response.start",
                "status": self.reply.status,
                "headers": [
                    (name.encode("latin-1"), value.encode("latin-1"))
                    for name, value in headers.items()
                ],
            }
        )

    async def _body(self, body: bytes, *, more: bool = True) -> None:
        await self.connection.send({"type": "http.response.body", "body": body, "more_body": more})

    async def _drip(self) -> bool:
        for byte in self.reply.body:
            await self._body(bytes([byte]))
            if await self._client_leaves_within(self.fault.pace):
                return False
        await self._body(b"", more=False)
        return True

    async def _close(self) -> None:
        self.connection.transport.close()  # what was written is still sent
        await self._client_leaves_within(None)

    async def _client_leaves_within(self, seconds: float | None) -> bool:
        """Whether the client disconnects within this time; None waits until it does."""
        try:
            async with asyncio.timeout(seconds):
                while (await self.connection.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        return True
