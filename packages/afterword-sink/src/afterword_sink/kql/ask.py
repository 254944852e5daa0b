"""Run a query and write its answer in the form of the query API (api.applicationinsights.io)."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import duckdb

from afterword_sink.kql.errors import QueryError
from afterword_sink.kql.timespan import Span
from afterword_sink.tables import TABLES

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Question:
    """A query.

    Attributes:
        kql: The query.
        span: The time of the rows to look at; None for all.
    """

    kql: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The table that a query returns.

    Attributes:
        columns: Name and Kusto type of each.
        chunks: The rows as JSON, some rows to a chunk, without brackets around them. A dynamic
            value is a string of JSON, as in the API.
        left_out: Why rows are missing; empty if none are.
    """

    columns: list[tuple[str, str]]
    chunks: list[bytes] = field(default_factory=list)
    left_out: str = ""

    @property
    def rows(self) -> list[list[Any]]:
        """The rows."""
        rows: list[list[Any]] = json.loads(b"[" + b",".join(self.chunks) + b"]")
        return rows

    def reply(self) -> Iterator[bytes]:
        """The body of the API's reply, in parts."""
        columns = [{"name": name, "type": type_} for name, type_ in self.columns]
        yield b'{"tables":[{"name":"PrimaryResult","columns":' + _json(columns) + b',"rows":['
        for place, chunk in enumerate(self.chunks):
            yield b"," + chunk if place else chunk
        yield b"]}]"
        if self.left_out:
            yield b',"error":' + _json(_partial(self.left_out))
        yield b"}"


def ask(
    connection: duckdb.DuckDBPyConnection,
    question: Question,
    *,
    most_rows: int = 500_000,
    most_bytes: int = 100 * 1024 * 1024,
    stopped: Callable[[], bool] = lambda: False,
) -> Answer:
    """Run a query; it cannot write.

    Args:
        connection: Used by nobody else.
        question: A query.
        most_rows: The largest number of rows; further ones are left out.
        most_bytes: The largest size of the rows as JSON; further ones are left out.
        stopped: Whether the query has been interrupted.

    Raises:
        QueryError: It cannot be parsed, names something unknown, or cannot be translated.
    """
    # The translator takes 0.3 s to load, which a sink that is never asked need not wait for.
    from duckdb_kql.types import kusto_type

    from afterword_sink.kql import dialect

    if question.span is not None:
        _narrow(connection, question.span)
    translated = dialect.translate(connection, question.kql)
    if stopped():
        raise QueryError("QueryTimeout", "The query was given up.", "it was given up")
    try:
        # One more row than allowed shows that there are more.
        limited = f"SELECT * FROM ({translated.sql}) LIMIT {most_rows + 1}"  # noqa: S608  # the translator's
        connection.execute(limited, translated.values or None)
        columns = [(name, kusto_type(type_)) for name, type_, *_ in connection.description or ()]
        chunks, left_out = _read(connection, most_rows, most_bytes)
    except duckdb.OutOfMemoryException as error:
        raise QueryError(
            "QueryTooLarge",
            "The query needs more memory than it may have.",
            "it needs more memory than the sink may take; ask for less, or raise --memory",
        ) from error
    except duckdb.Error as error:
        raise translated.error(error) from error
    return Answer(columns, chunks, left_out)


def _narrow(connection: duckdb.DuckDBPyConnection, span: Span) -> None:
    """Put temporary views of this time in front of the tables."""
    ends = [f"TIMESTAMP '{end.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'" for end in span]
    catalog = connection.execute("SELECT current_database()").fetchall()[0][0]
    for table in TABLES.values():
        for name, column in ((table.name, "timestamp"), (table.workspace, "TimeGenerated")):
            connection.execute(
                f'CREATE OR REPLACE TEMP VIEW "{name}" AS '  # noqa: S608  # names of ours
                f'SELECT * FROM "{catalog}".main."{name}" '
                f'WHERE "{column}" >= {ends[0]} AND "{column}" < {ends[1]}'
            )


def _read(
    connection: duckdb.DuckDBPyConnection, most_rows: int, most_bytes: int
) -> tuple[list[bytes], str]:
    """The rows as JSON, and why rows are missing."""
    chunks: list[bytes] = []
    count = size = 0
    while rows := connection.fetchmany(_ROWS_AT_ONCE):
        over = count + len(rows) > most_rows
        rows = rows[: most_rows - count]
        if rows:
            chunks.append(_json([[_value(value) for value in row] for row in rows])[1:-1])
        count += len(rows)
        size += len(chunks[-1]) if rows else 0
        if over:
            return chunks, f"exceed the limit of {most_rows} records"
        if size > most_bytes:
            return chunks, f"exceed the limit of {most_bytes} bytes"
    return chunks, ""


def _partial(why: str) -> dict[str, Any]:
    """The error that the service adds to an incomplete answer."""
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [
            {
                "code": "EngineError",
                "message": "Something went wrong processing your query on the server.",
                "innererror": {
                    "code": "-2133196797",
                    "message": f"The results of this query {why}, so not all records were "
                    "returned (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003).",
                },
            }
        ],
    }


def _json(value: Any) -> bytes:
    # The standard library's: a sum may be larger than the 64 bits that orjson writes.
    return json.dumps(value, separators=(",", ":")).encode()


def _value(value: Any) -> Any:  # one return a type
    match value:
        case datetime():
            return _iso(value)
        case date():
            return f"{value.isoformat()}T00:00:00Z"
        case timedelta():
            return _timespan(value)
        case time():
            return value.isoformat()
        case float() if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124  # NaN
            return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")
        case None | bool() | int() | float() | str():
            return value
        case list() | dict() | tuple():
            return json.dumps(value, default=_value)
        case _:
            return str(value)


def _iso(moment: datetime) -> str:
    text = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return f"{text.isoformat()}Z"


def _timespan(span: timedelta) -> str:
    """Kusto's form: `[-][d.]hh:mm:ss[.fffffff]`."""
    sign, span = ("-", -span) if span < timedelta() else ("", span)
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{span.days}." if span.days else ""
    fraction = f".{span.microseconds:06d}0" if span.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"
