"""Translate KQL to SQL with `duckdb-kql`, our additions to it, and error messages of our own.

This uses its three steps (parse to a tree, change the tree, write SQL), because its one-step
function has no place for the second. The steps are not public, so the range of versions in
`pyproject.toml` is narrow.
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import duckdb_kql
from duckdb_kql import engine, ir, lower
from duckdb_kql import translate as writer

from afterword_sink.kql import functions, noted, operators, order
from afterword_sink.kql.errors import QueryError

_QUERY_CHARS = 64 * 1024
_SQL_CHARS = 2 * 1024 * 1024
_SHAPE_ROWS = 10_000  # read by operators whose columns depend on values
_TREE_NODES = 100_000  # with `let` values written out: ten lines can ask for a thousand copies
# The grammar does not accept `serialize` alone; `as` may stand for it, and is as short.
_BARE_SERIALIZE = re.compile(r"(\|\s*)serialize(?=\s*(?:\||;|$))")

functions.register()
noted.register()


class Translation(NamedTuple):
    """A query as SQL.

    Attributes:
        sql: The statement.
        values: Of its placeholders.
        tree: The query it was made of.
        schema: The columns of each table.
    """

    sql: str
    values: dict[str, Any]
    tree: ir.Query
    schema: dict[str, list[str]]

    def error(self, error: duckdb.Error) -> QueryError:
        """DuckDB's error in terms of the query."""
        return _semantic(_refused(error, self.tree, self.schema))


def translate(connection: duckdb.DuckDBPyConnection, kql: str) -> Translation:
    """A query as SQL for this connection.

    Raises:
        QueryError: It cannot be parsed, names an unknown table, cannot be translated, or is too
            large.
    """
    if not kql.strip():
        raise QueryError("QueryValidationError", "The query is empty.", "'query' is required")
    if len(kql) > _QUERY_CHARS:
        raise _too_large(f"{len(kql)} characters long, more than {_QUERY_CHARS}")
    if kql.lstrip().startswith("."):
        raise _unsupported("control commands (those that begin with a dot) are not for this API")
    with _own_errors(), writer.clock(None) as clock:  # set by `set query_now = …`
        tree = lower.qualify(
            lower.lower(_BARE_SERIALIZE.sub(rf"\1as {order.SERIALIZED}", kql)), None
        )
        if tree.parameters:
            raise _unsupported("declare query_parameters")
        if _size(tree, {}) > _TREE_NODES:
            raise _too_large("too large once what its let statements name is written out")
        schema = engine.schema(connection)
        tree = operators.rewrite(tree, schema, lambda part: _values(connection, part, schema))
        sql = str(writer.to_sql(tree, schema))
        values = {writer.CLOCK_SLOT: clock.moment} if clock.used else {}
    if len(sql) > _SQL_CHARS:
        raise _too_large("too large as SQL")
    return Translation(sql, values, tree, schema)


@contextlib.contextmanager
def _own_errors() -> Iterator[None]:
    """Turn the translator's errors into ours, including errors of its own code."""
    try:
        yield
    except duckdb_kql.KqlSyntaxError as error:
        raise _syntax(_where(error)) from error
    except duckdb_kql.KqlUnsupportedError as error:
        raise _unsupported(_construct(error)) from error
    except duckdb_kql.KqlSchemaError as error:
        raise _semantic(_schema(error)) from error
    except duckdb.Error as error:  # of a part that was run first
        raise _semantic(_plain(error)) from error
    except RecursionError as error:
        raise _syntax("the query is nested too deeply") from error
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError,
            duckdb_kql.KqlError) as error:  # fmt: skip  # errors in the translator's code
        raise _unsupported(f"what this asks ({type(error).__name__}: {error})") from error


def _refused(error: duckdb.Error, tree: ir.Query, schema: dict[str, list[str]]) -> str:
    if isinstance(error, duckdb.CatalogException):
        table = re.search(r"Table with name (.+?) does not exist", str(error))
        if table is not None:
            return _no_table(table[1], list(schema))
    if isinstance(error, duckdb.BinderException):
        with contextlib.suppress(duckdb_kql.KqlError):
            return operators.missing(tree, schema) or _plain(error)
    return _plain(error)


def _plain(error: duckdb.Error) -> str:
    """DuckDB's message, without its reference to SQL that the user has not written."""
    text = re.split(r"\n\s*\n|\nLINE \d|\n\tCandidate functions", str(error))[0]
    text = re.sub(r"^[\w ]+ Error: ", "", text)
    return re.sub(r"\s*You might need to add explicit type casts\..*", "", text, flags=re.DOTALL)


def _no_table(name: str, tables: list[str]) -> str:
    known = ", ".join(table for table in tables if "." not in table)
    return f"there is no table '{name}'; there are {known}"


def _values(
    connection: duckdb.DuckDBPyConnection, tree: ir.Query, schema: dict[str, list[str]]
) -> list[tuple[Any, ...]]:
    """The first rows of a part of the query, for an operator whose columns depend on them."""
    sql = str(writer.to_sql(tree, schema))
    return connection.execute(f"SELECT * FROM ({sql}) LIMIT {_SHAPE_ROWS}").fetchall()  # noqa: S608


def _size(node: object, known: dict[int, int]) -> int:
    """The number of nodes of a tree, if shared parts were written out."""
    if isinstance(node, list | tuple):
        return sum(_size(inner, known) for inner in node)
    if not dataclasses.is_dataclass(node):
        return 0
    size = known.get(id(node))
    if size is None:
        parts = (getattr(node, field.name) for field in dataclasses.fields(node))
        size = known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return size


def _syntax(detail: str) -> QueryError:
    return QueryError("SyntaxError", "A recognition error occurred in the query.", detail)


def _semantic(detail: str) -> QueryError:
    return QueryError("SemanticError", "A semantic error occurred.", detail)


def _unsupported(detail: str) -> QueryError:
    return QueryError(
        "UnsupportedError",
        "The local sink cannot answer this query; the real service may.",
        f"the local sink does not know {detail}",
    )


def _too_large(detail: str) -> QueryError:
    return QueryError("QueryTooLarge", "The query is too large.", f"the query is {detail}")


def _where(error: duckdb_kql.KqlSyntaxError) -> str:
    """The first syntax error, with its line and column counted from 1."""
    if not error.diagnostics:
        return str(error)
    first = error.diagnostics[0]
    what = re.sub(r" expecting \{.*", "", first.message, flags=re.DOTALL)
    return f"line {first.span.line}, column {first.span.column + 1}: {what}"


def _construct(error: duckdb_kql.KqlUnsupportedError) -> str:
    """The unknown construct, as it is written in KQL."""
    kind, colon, name = error.construct.partition(":")
    if not colon:
        kind, name = "", kind
    operator = re.fullmatch(r"(\w+?)Operator\w*", name)
    if operator:
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", operator[1]).lower().replace("mvapply", "mv-apply")
        kind = "operator"
    said = f"the {kind} '{name}'" if kind in {"aggregate", "function", "operator"} else f"'{name}'"
    where = f" (line {error.span.line}, column {error.span.column + 1})" if error.span else ""
    hint = error.hint or ""
    return f"{said}{where}" + (f": {hint}" if hint and "wave" not in hint else "")


def _schema(error: duckdb_kql.KqlSchemaError) -> str:
    """The unknown name, and the known ones."""
    if (error.hint or "").startswith("there is no"):
        return str(error.hint)
    known = re.search(r"known: \[(.*)\]", error.hint or "")
    if known is None:
        return str(error)
    return _no_table(error.name, [name.strip("' ") for name in known[1].split(",")])
