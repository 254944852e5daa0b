"""Run queries: each in a thread of its own, limited in number, time, rows and bytes.

A query is interrupted when its time is over, when its client disconnects, and when the sink ends.
"""

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb

from afterword_sink import kql
from afterword_sink.store import Store

_AT_ONCE = 8
_PATIENCE = 3.0  # seconds that a query waits for others to end
_INSIST_SECONDS = 0.02  # between two interrupts; the first may come before the query runs


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one query.

    Attributes:
        seconds: From its arrival to its answer.
        rows: Of its answer, as in the service. Further rows are left out, and the answer says so.
        bytes: Of its rows as JSON, about as in the service.
    """

    seconds: float = 60
    rows: int = 500_000
    bytes: int = 100 * 1024 * 1024


class BusyError(Exception):
    """The largest number of queries is already running."""


class Questions:
    """Runs queries on a store.

    Args:
        store: Holds the tables.
        limits: Of each query.
    """

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="question")
        self._running: set[_Run] = set()
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._insisting: list[threading.Thread] = []

    async def ask(
        self, question: kql.Question, gone: Callable[[], Coroutine[Any, Any, None]]
    ) -> kql.Answer | None:
        """Run a query; return None if the client disconnected.

        Args:
            question: The query.
            gone: Makes a coroutine that ends when the client disconnects.

        Raises:
            kql.QueryError: It cannot be answered, or not in time.
            BusyError: Too many others are running.
            DatabaseError: The buffered events cannot be written.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._free.acquire()
        except TimeoutError:
            raise BusyError from None
        run = _Run(self._store, question, self._limits)
        self._running.add(run)
        loop = asyncio.get_running_loop()
        answering = loop.run_in_executor(self._threads, run.answer)
        answering.add_done_callback(functools.partial(self._ended, run))
        leaving = asyncio.create_task(gone())
        try:
            done, _ = await asyncio.wait(
                (answering, leaving),
                timeout=self._limits.seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            leaving.cancel()
        if answering in done:
            return answering.result()
        self._give_up([run])
        if leaving in done:
            return None
        raise kql.QueryError(
            "QueryTimeout",
            "The query was given up.",
            f"it took longer than {self._limits.seconds:g} seconds; ask for less, for example "
            "| where timestamp > ago(1h), or start the sink with --query-seconds",
        )

    def stop(self) -> None:
        """Interrupt all that are running, because the sink ends."""
        self._give_up(list(self._running))
        self._threads.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait until the threads have ended; call `stop` before."""
        self._threads.shutdown(wait=True)
        for thread in self._insisting:
            thread.join()

    def _ended(self, run: "_Run", answering: asyncio.Future[kql.Answer]) -> None:
        self._running.discard(run)
        self._free.release()
        if not answering.cancelled():
            answering.exception()  # retrieved, so that asyncio does not report it

    def _give_up(self, runs: list["_Run"]) -> None:
        """Interrupt them, without waiting until they have ended."""
        for run in runs:
            run.stopped = True
        self._insisting = [thread for thread in self._insisting if thread.is_alive()]
        self._insisting.append(threading.Thread(target=_insist, args=(runs,), daemon=True))
        self._insisting[-1].start()


def _insist(runs: list["_Run"]) -> None:
    # Once is not enough: a query that is still being translated does not run yet.
    while left := [run for run in runs if run.is_running]:
        for run in left:
            run.interrupt()
        time.sleep(_INSIST_SECONDS)


class _Run:
    """One running query."""

    def __init__(self, store: Store, question: kql.Question, limits: Limits) -> None:
        self._store = store
        self._question = question
        self._limits = limits
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self.is_running = False
        self.stopped = False

    def answer(self) -> kql.Answer:
        """Run it, in a thread."""
        self.is_running = True
        try:
            return self._answer()
        finally:
            self.is_running = False

    def interrupt(self) -> None:
        """Interrupt DuckDB's work on it."""
        cursor = self._cursor
        if cursor is not None:
            with contextlib.suppress(duckdb.Error):
                cursor.interrupt()

    def _answer(self) -> kql.Answer:
        if self.stopped:  # before it began
            raise kql.QueryError("QueryTimeout", "The query was given up.", "it was given up")
        with self._store.reading() as cursor:
            self._cursor = cursor
            try:
                return kql.ask(
                    cursor,
                    self._question,
                    most_rows=self._limits.rows,
                    most_bytes=self._limits.bytes,
                    stopped=lambda: self.stopped,
                )
            finally:
                self._cursor = None
