"""Questions in KQL, answered in the form of the public query API (api.applicationinsights.io).

`duckdb-kql` translates; what it cannot translate it refuses rather than guesses, and so does this.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import duckdb
import duckdb_kql
from duckdb_kql.types import kusto_type


class QueryError(Exception):
    """A query that cannot be answered.

    Args:
        code: What kind of error, in the API's words: `SyntaxError`, `SemanticError`, ...
        summary: The API's own sentence for that kind.
        detail: What is wrong with this query.
    """

    def __init__(self, code: str, summary: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.summary = summary
        self.detail = detail

    def reply(self) -> dict[str, Any]:
        """The body of the API's 400."""
        return {
            "error": {
                "message": "The request had some invalid properties",
                "code": "BadArgumentError",
                "innererror": {
                    "code": self.code,
                    "message": self.summary,
                    "innererror": {"code": self.code, "message": self.detail},
                },
            }
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """The one table a query gives.

    Attributes:
        columns: Name and Kusto type of each.
        rows: Values as JSON has them; a dynamic value is the text of its JSON, as in the API.
    """

    columns: list[tuple[str, str]]
    rows: list[list[Any]]

    def reply(self) -> dict[str, Any]:
        """The body of the API's 200."""
        return {
            "tables": [
                {
                    "name": "PrimaryResult",
                    "columns": [{"name": name, "type": type_} for name, type_ in self.columns],
                    "rows": self.rows,
                }
            ]
        }


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> Answer:
    """Run a query; nothing in it can write.

    Raises:
        QueryError: It does not parse, names what is not there, or is beyond the translator.
    """
    if not query.strip():
        raise QueryError("QueryValidationError", "The query is empty.", "'query' is required")
    try:
        relation = duckdb_kql.query(connection, query, allow_write=False)
        columns = [
            (name, kusto_type(type_))
            for name, type_ in zip(relation.columns, relation.types, strict=True)
        ]
        rows = [[_value(value) for value in row] for row in relation.fetchall()]
    except duckdb_kql.KqlSyntaxError as error:
        summary = "A recognition error occurred in the query."
        raise QueryError("SyntaxError", summary, str(error)) from error
    except duckdb_kql.KqlUnsupportedError as error:
        summary = "The local sink cannot answer this query; the real service may."
        raise QueryError("UnsupportedError", summary, str(error)) from error
    except (duckdb_kql.KqlError, duckdb.Error) as error:
        raise QueryError("SemanticError", "A semantic error occurred.", str(error)) from error
    except RecursionError as error:
        summary = "A recognition error occurred in the query."
        raise QueryError("SyntaxError", summary, "the query is nested too deeply") from error
    return Answer(columns, rows)


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
