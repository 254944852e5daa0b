"""Stores accepted items, in bulk where that is safe."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from afterword_sink.envelopes import Item
from afterword_sink.store import DatabaseError, Store

_BULK = 5_000  # items that make a flush worth its while
_FULL = 10 * _BULK  # items in memory at which a request waits for the database
_IDLE_SECONDS = 0.5  # how long an item may wait in memory where no query asks for it


class Intake:
    """Writes items to a store.

    Args:
        store: Where they are written.
        log: Called once with the reason if they cannot be stored.
    """

    def __init__(self, store: Store, log: Callable[[str], None]) -> None:
        self._store = store
        self._log = log
        self._flushing: asyncio.Task[None] | None = None
        self._complaint = ""

    async def keep(self, items: list[Item]) -> bool:
        """Store items; return False if there is no room for them."""
        if self._store.is_file:
            try:
                await asyncio.to_thread(self._store.write, items)
            except DatabaseError as error:
                self._complain(error)
                return False
            self._complaint = ""
            return True
        if self._complaint or self._store.waiting >= _FULL:
            await self._flush()
        if self._complaint:
            return False
        self._store.add(items)
        if self._store.waiting >= _BULK and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.create_task(self._flush(_BULK))
        return True

    async def clear(self) -> None:
        """Empty the store."""
        await asyncio.to_thread(self._store.clear)
        self._complaint = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A context in which buffered items are regularly written to the tables."""
        tidying = asyncio.create_task(self._tidy())
        yield
        tidying.cancel()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_IDLE_SECONDS)
            if self._store.waiting and (self._flushing is None or self._flushing.done()):
                await self._flush()

    async def _flush(self, at_most: int | None = None) -> None:
        try:
            await asyncio.to_thread(self._store.flush, at_most)
            self._complaint = ""
        except DatabaseError as error:
            self._complain(error)

    def _complain(self, error: DatabaseError) -> None:
        if str(error) != self._complaint:
            self._complaint = str(error)
            self._log(self._complaint)
