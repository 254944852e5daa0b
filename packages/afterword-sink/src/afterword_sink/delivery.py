"""Send an answer on its way: whole, or as a fault says it travels.

What HTTP frameworks cannot say (silence, a closed connection, half an answer) is said to the
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
    """What became of an answer.

    Attributes:
        status: The status that went out; None if none did.
        whole: All of it went out, and the client was still there.
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
    """Sends answers, and knows which connections it keeps waiting."""

    def __init__(self) -> None:
        self._held: set[asyncio.Transport] = set()
        # Whoever listens puts in its place what takes no new connection for so many seconds.
        self.refuse: Refuse = _listen_on

    def let_go(self) -> None:
        """Drop every connection that a fault keeps waiting: the sink ends."""
        for transport in list(self._held):
            transport.abort()

    async def send(self, reply: Reply, fault: Fault, connection: Connection) -> Arrival:
        """Send an answer as a fault says, and tell what became of it.

        The request's body must have been read to its end.
        """
        transport = connection.transport
        self._held.add(transport)
        try:
            if fault.travel is Travel.REFUSE:
                await self.refuse(fault.refusal)
            return await _Journey(reply, fault, connection).travel()
        finally:
            self._held.discard(transport)


async def _listen_on(_seconds: float) -> None:
    pass


@dataclass(slots=True)
class _Journey:
    """One answer on its way."""

    reply: Reply
    fault: Fault
    connection: Connection

    async def travel(self) -> Arrival:
        """Send it as the fault says."""
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
        self.connection.transport.close()  # what was written still goes out
        await self._client_leaves_within(None)

    async def _client_leaves_within(self, seconds: float | None) -> bool:
        """Whether the connection ends in this time; None for as long as it takes."""
        try:
            async with asyncio.timeout(seconds):
                while (await self.connection.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        return True
