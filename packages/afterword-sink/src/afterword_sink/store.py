"""The tables in DuckDB, in memory or in a file.

In memory, `add` only appends to a list, so an answer never waits for the database; `flush` moves
the list into the tables in bulk, and whatever reads them flushes first, so a query sees every item
answered before it. In a file, `write` puts a request's items into the tables in one transaction
before the request is answered, so what was answered survives a kill at any moment.
"""

import collections
import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from afterword_sink.envelopes import Item
from afterword_sink.tables import TABLES

IN_MEMORY = ":memory:"
MEMORY = "2GB"
_ITEM_BYTES = 2_000  # of an ordinary event
# A checkpoint blocks writers, the longer the larger the table (measured: 1 s at a million rows,
# every 125,000 rows by default). In memory it is of no use.
_CHECKPOINT_IN_MEMORY = "100GB"
_CHECKPOINT_IN_FILE = "256MB"


class DatabaseError(Exception):
    """The database file cannot be used; the message says what to do about it."""


class Store:
    """The tables of `tables`, in memory or in a file.

    Args:
        path: The database file; `IN_MEMORY` for none.
        app_id: The id of the resource this stands for, a column of every row.
        read_only: Open an existing file for queries only.
        memory: How much memory DuckDB may use for tables and queries, as `2GB`.

    Attributes:
        is_file: Whether it is in a file.

    Raises:
        DatabaseError: The file is no database, cannot be written, or is in use elsewhere.
    """

    def __init__(
        self, path: str, app_id: str, *, read_only: bool = False, memory: str = MEMORY
    ) -> None:
        self._app_id = app_id
        self.is_file = path != IN_MEMORY
        self._waiting: list[Item] = []
        self._waiting_bytes = 0
        self._waiting_lock = threading.Lock()
        self._flush_lock = threading.Lock()
        try:
            self._connection = duckdb.connect(
                path,
                read_only=read_only,
                config={
                    "autoinstall_known_extensions": "false",
                    "checkpoint_threshold": _CHECKPOINT_IN_FILE
                    if self.is_file
                    else _CHECKPOINT_IN_MEMORY,
                    "memory_limit": memory,
                    "temp_directory": "",  # refuse what does not fit instead of spilling it to disk
                },
            )
            self._connection.execute("SET TimeZone = 'UTC'")  # of times without a zone
            if not read_only:
                for table in TABLES.values():
                    for statement in table.create():
                        self._connection.execute(statement)
            # From here on no query can open a file or an address.
            self._connection.execute("SET enable_external_access = false")
        except duckdb.Error as error:
            raise DatabaseError(_advice(path, error)) from error

    @property
    def waiting(self) -> int:
        """How many items are in the buffer; a large one counts as several."""
        return max(len(self._waiting), self._waiting_bytes // _ITEM_BYTES)

    def write(self, items: list[Item]) -> None:
        """Write accepted items to the tables and commit.

        Raises:
            DatabaseError: They could not be written; none was.
        """
        with self._flush_lock:
            try:
                self._insert(items)
            except duckdb.Error as error:
                raise _unwritten(error) from error

    def add(self, items: Sequence[Item]) -> None:
        """Append accepted items to the buffer."""
        with self._waiting_lock:
            self._waiting.extend(items)
            self._waiting_bytes += sum(len(item.text) for item in items)

    def flush(self, at_most: int | None = None) -> None:
        """Write the buffer to the tables, or only so many items of it, the oldest first.

        Raises:
            DatabaseError: They could not be written; they stay in the buffer.
        """
        with self._flush_lock:
            with self._waiting_lock:
                items = self._waiting[:at_most]
            try:
                self._insert(items)
            except duckdb.Error as error:
                raise _unwritten(error) from error
            with self._waiting_lock:
                del self._waiting[: len(items)]
                self._waiting_bytes -= sum(len(item.text) for item in items)

    def _insert(self, items: list[Item]) -> None:
        """All of them or none."""
        texts = collections.defaultdict[str, list[bytes]](list)
        for item in items:
            texts[item.table].append(item.text)
        with _transaction(self._connection):
            for table, those in texts.items():
                self._connection.execute(
                    TABLES[table].insert(), {"items": _array(those), "app_id": self._app_id}
                )

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one reader, after a flush.

        Raises:
            DatabaseError: The flush failed.
        """
        self.flush()
        with self._connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            yield cursor

    def counts(self) -> dict[str, Any]:
        """Counts: events, distinct and repeated `event_id`, other items by table."""
        with self.reading() as cursor:
            stored, with_id, distinct = cursor.execute(
                """
                SELECT count(*), count(id), count(DISTINCT id)
                FROM (SELECT customDimensions->>'$.event_id' AS id FROM "customEvents")
                """
            ).fetchall()[0]
            others = {
                name: cursor.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0]  # noqa: S608  # ours
                for name in TABLES
                if name != "customEvents"
            }
        return {
            "stored": stored,
            "distinct_event_ids": distinct,
            "duplicate_event_ids": with_id - distinct,
            "other_items": {name: count for name, count in others.items() if count},
        }

    def clear(self) -> None:
        """Empty the tables and the buffer."""
        with self._flush_lock, self._waiting_lock, self._connection.cursor() as cursor:
            self._waiting.clear()
            self._waiting_bytes = 0
            for name in TABLES:
                cursor.execute(f'TRUNCATE "{name}"')

    def close(self) -> None:
        """Write the buffer and close the file."""
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


def _unwritten(error: duckdb.Error) -> DatabaseError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return DatabaseError(
            "the memory is full: empty the sink (DELETE /sink), or start it with a larger --memory"
        )
    return DatabaseError(f"the events cannot be written: {_reason(error)}")


def _advice(path: str, error: duckdb.Error) -> str:
    reason = _reason(error)
    if "lock" in reason.lower():
        return f"{path} is in use: ask the sink that has it (--endpoint), or stop it first"
    return f"{path} cannot be used as a database: {reason}"
