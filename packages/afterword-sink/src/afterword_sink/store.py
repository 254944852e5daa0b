"""The tables in DuckDB: accepted items go into a buffer, the buffer into the tables in bulk.

`add` only appends to a list, so an answer never waits for the database. `flush` empties the list
in one statement a table, in a thread of its own: DuckDB lets go of the interpreter while it works.
Whatever reads the tables flushes first, so a query sees every item answered before it.
"""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from afterword_sink.envelopes import Item
from afterword_sink.table import CUSTOM_EVENTS, OTHER_ITEMS

IN_MEMORY = ":memory:"
# A checkpoint holds writers up for as long as the table is large (measured: 1 s at a million rows,
# every 125,000 rows by default). In memory there is nothing to make safe by it.
_CHECKPOINT_IN_MEMORY = "100GB"
_CHECKPOINT_IN_FILE = "256MB"


class DatabaseError(Exception):
    """The database file cannot be used; the message says what to do about it."""


class Store:
    """`customEvents` and `otherItems`, in memory or in a file.

    Args:
        path: The database file; `IN_MEMORY` for none.
        app_id: The id of the resource this stands for, a column of every row.
        read_only: Open a file that is there, to ask it only.

    Raises:
        DatabaseError: The file is no database, cannot be written, or is in use elsewhere.
    """

    def __init__(self, path: str, app_id: str, *, read_only: bool = False) -> None:
        self._app_id = app_id
        self._readers: set[duckdb.DuckDBPyConnection] = set()
        self._waiting: list[Item] = []
        self._waiting_lock = threading.Lock()
        self._flush_lock = threading.Lock()
        try:
            self._connection = duckdb.connect(
                path,
                read_only=read_only,
                config={
                    "autoinstall_known_extensions": "false",
                    "checkpoint_threshold": _CHECKPOINT_IN_MEMORY
                    if path == IN_MEMORY
                    else _CHECKPOINT_IN_FILE,
                },
            )
            self._connection.execute("SET TimeZone = 'UTC'")  # what a time without a zone means
            if not read_only:
                self._connection.execute(CUSTOM_EVENTS.create())
                self._connection.execute(OTHER_ITEMS.create())
            # From here on no query reaches a file or an address.
            self._connection.execute("SET enable_external_access = false")
        except duckdb.Error as error:
            raise DatabaseError(_advice(path, error)) from error

    @property
    def waiting(self) -> int:
        """How many items are in the buffer."""
        return len(self._waiting)

    def add(self, items: Iterable[Item]) -> None:
        """Put accepted items into the buffer."""
        with self._waiting_lock:
            self._waiting.extend(items)

    def flush(self, at_most: int | None = None) -> None:
        """Move the buffer into the tables, or so many items of it, the oldest first.

        On return all that was added before stands there, or those do.

        Raises:
            DatabaseError: They could not be written; they are in the buffer as before.
        """
        with self._flush_lock:
            with self._waiting_lock:
                items = self._waiting[:at_most]
            try:
                self._insert(items)
            except duckdb.Error as error:
                raise DatabaseError(f"the events cannot be written: {_reason(error)}") from error
            with self._waiting_lock:
                del self._waiting[: len(items)]

    def _insert(self, items: list[Item]) -> None:
        """Both tables or neither."""
        with _transaction(self._connection):
            if events := [item.text for item in items if item.is_event]:
                self._connection.execute(
                    CUSTOM_EVENTS.insert(), {"items": _array(events), "app_id": self._app_id}
                )
            if others := [item.text for item in items if not item.is_event]:
                self._connection.execute(OTHER_ITEMS.insert(), {"items": _array(others)})

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one reader, after a flush.

        Raises:
            DatabaseError: The flush failed.
        """
        self.flush()
        with self._connection.cursor() as cursor:
            self._readers.add(cursor)
            try:
                yield cursor
            finally:
                self._readers.discard(cursor)

    def interrupt(self) -> None:
        """Let every query that still runs, or is about to, fail: the sink ends."""
        threading.Thread(target=self._insist, daemon=True).start()

    def _insist(self) -> None:
        # Once is not enough: a query still being translated has not begun to run.
        while readers := list(self._readers):
            for cursor in readers:
                with contextlib.suppress(duckdb.Error):
                    cursor.interrupt()
            time.sleep(0.02)

    def counts(self) -> dict[str, Any]:
        """Events, distinct and repeated `event_id` among them, other items by base type."""
        with self.reading() as cursor:
            stored, with_id, distinct = cursor.execute(
                """
                SELECT count(*), count(id), count(DISTINCT id)
                FROM (SELECT customDimensions->>'$.event_id' AS id FROM "customEvents")
                """
            ).fetchall()[0]
            others = cursor.execute(
                'SELECT "baseType", count(*) FROM "otherItems" GROUP BY 1 ORDER BY 1'
            ).fetchall()
        return {
            "stored": stored,
            "distinct_event_ids": distinct,
            "duplicate_event_ids": with_id - distinct,
            "other_items": dict(others),
        }

    def clear(self) -> None:
        """Empty both tables and the buffer."""
        with self.reading() as cursor:
            cursor.execute('DELETE FROM "customEvents"')
            cursor.execute('DELETE FROM "otherItems"')

    def close(self) -> None:
        """Flush and let go of the file."""
        self.flush()
        self._connection.close()


@contextlib.contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _array(texts: list[bytes]) -> str:
    return (b"[" + b",".join(texts) + b"]").decode()


def _reason(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]


def _advice(path: str, error: duckdb.Error) -> str:
    reason = _reason(error)
    if "lock" in reason.lower():
        return f"{path} is in use: ask the sink that has it (--endpoint), or stop it first"
    return f"{path} cannot be used as a database: {reason}"
