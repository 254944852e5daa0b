"""Run questions: each in a thread of its own, and bounded in number, time, rows and bytes.

A question is given up when its time is over, when its client has gone, and when the sink ends.
"""

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb

from afterword_sink import kql
from afterword_sink.store import Store

_AT_ONCE = 8
_INSIST_SECONDS = 0.02  # between two interrupts: the first may come before the query runs


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may take.

    Attributes:
        seconds: From its arrival to its answer.
        rows: Of an answer; the service's own bound. What is beyond is left out, and that is said.
        bytes: Of an answer's rows as JSON; about the service's own bound.
    """

    seconds: float = 60
    rows: int = 500_000
    bytes: int = 100 * 1024 * 1024


class BusyError(Exception):
    """As many questions as may run at once are running."""


class Questions:
    """Asks a store.

    Args:
        store: What is asked.
        limits: For each question.
    """

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="question")
        self._running: set[_Run] = set()

    async def ask(
        self, question: kql.Question, gone: Coroutine[Any, Any, None]
    ) -> kql.Answer | None:
        """Answer a question; None where the client has gone.

        Args:
            question: What is asked.
            gone: Ends when the client goes.

        Raises:
            kql.QueryError: It cannot be answered, or not in time.
            BusyError: Too many others run.
            DatabaseError: The events in memory cannot be written.
        """
        if len(self._running) >= _AT_ONCE:
            raise BusyError
        run = _Run(self._store, question, self._limits)
        self._running.add(run)
        loop = asyncio.get_running_loop()
        answering = loop.run_in_executor(self._threads, run.answer)
        answering.add_done_callback(functools.partial(self._ended, run))
        leaving = asyncio.create_task(gone)
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

    def let_go(self) -> None:
        """Give up all that run: the sink ends."""
        self._give_up(list(self._running))
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ended(self, run: "_Run", answering: asyncio.Future[kql.Answer]) -> None:
        self._running.discard(run)
        if not answering.cancelled():
            answering.exception()  # looked at: nobody else may be left to

    def _give_up(self, runs: list["_Run"]) -> None:
        """Let them end as soon as they can, without waiting for it."""
        for run in runs:
            run.stopped = True
        threading.Thread(target=self._insist, args=(runs,), daemon=True).start()

    def _insist(self, runs: list["_Run"]) -> None:
        # Once is not enough: a query still being translated has not begun to run.
        while left := [run for run in runs if run in self._running]:
            for run in left:
                run.interrupt()
            time.sleep(_INSIST_SECONDS)


class _Run:
    """One question on its way."""

    def __init__(self, store: Store, question: kql.Question, limits: Limits) -> None:
        self._store = store
        self._question = question
        self._limits = limits
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self.stopped = False

    def answer(self) -> kql.Answer:
        """Answer it; in a thread."""
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

    def interrupt(self) -> None:
        """Let what DuckDB does for it fail."""
        cursor = self._cursor
        if cursor is not None:
            with contextlib.suppress(duckdb.Error):
                cursor.interrupt()
