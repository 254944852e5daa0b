"""Operators of KQL that `duckdb-kql` lacks, rewritten into operators that it has.

They need the columns, or even the values, of what comes before them. So `noted` only puts a
placeholder with their expressions into the tree; `rewrite` then replaces the placeholders from
first to last, when the columns before each are known.
"""

import dataclasses
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from duckdb_kql import KqlSchemaError, KqlUnsupportedError, ir
from duckdb_kql.schema import output_columns

from afterword_sink.kql import order, plugins, series
from afterword_sink.kql.noted import Noted
from afterword_sink.kql.plugins import Ask, names_in

Schema = Mapping[str, list[str]]


def rewrite(
    query: ir.Query, schema: Schema, ask: Ask, ordered_lets: frozenset[str] = frozenset()
) -> ir.Query:
    """A query without placeholders, and with `percentiles` and `take_any` expanded.

    Args:
        query: As parsed.
        schema: The columns of each table.
        ask: Runs a query, for operators whose columns depend on values.
        ordered_lets: Names of tables bound by `let` whose rows have an order.
    """
    lets = []
    for name, bound in query.lets:
        if isinstance(bound, ir.Query):
            if order.is_ordered(bound, ordered_lets):
                ordered_lets |= {name}
            bound = rewrite(bound, schema, ask, ordered_lets)  # noqa: PLW2901  # rewritten
            schema = {**schema, name: _columns(bound, schema)}
        else:  # a value that may contain a query: `let n = toscalar(…)`
            bound = _deep(bound, _rewriting(schema, ask))  # noqa: PLW2901  # rewritten
        lets.append((name, bound))
    done = ir.Query(query.source, [], lets, query.parameters)
    ordered = order.is_ordered(ir.Query(query.source), ordered_lets)
    for operator in query.operators:
        ordered = order.after(operator, ordered=ordered)
        if isinstance(operator, Noted):
            done = _REWRITES[operator.kind](operator, done, schema, ask)
            schema = _with_lets(done, schema)
        else:
            done.operators.append(_inner(operator, done, schema, ask))
    return done


def _inner(operator: ir.Operator, before: ir.Query, schema: Schema, ask: Ask) -> ir.Operator:
    """Rewrite the queries and aggregates within an operator."""
    done: ir.Operator = _deep(operator, _rewriting(schema, ask))
    if isinstance(done, ir.Extend | ir.Project):
        done = dataclasses.replace(done, expressions=_packed(done.expressions, before, schema))
    if isinstance(done, ir.Summarize):
        aggregates = (part for one in done.aggregates for part in _parts(one, done, before, schema))
        return dataclasses.replace(done, aggregates=tuple(aggregates))
    return done


def _rewriting(schema: Schema, ask: Ask) -> Callable[[ir.Query], ir.Query]:
    return lambda query: rewrite(query, schema, ask)


def _deep(node: Any, change: Callable[[ir.Query], ir.Query]) -> Any:
    """Apply a change to every query within a part of a query."""
    if isinstance(node, ir.Query):
        return change(node)
    if isinstance(node, tuple):
        parts = tuple(_deep(part, change) for part in node)
        return node if all(new is old for new, old in zip(parts, node, strict=True)) else parts
    if not isinstance(node, ir.Node) or not dataclasses.is_dataclass(node):
        return node
    changed = {
        field.name: new
        for field in dataclasses.fields(node)
        if (new := _deep(old := getattr(node, field.name), change)) is not old
    }
    return dataclasses.replace(node, **changed) if changed else node


def _packed(
    expressions: tuple[ir.NamedExpr, ...], before: ir.Query, schema: Schema
) -> tuple[ir.NamedExpr, ...]:
    """Replace `pack_all()` by a bag of all columns."""
    packed = []
    for named in expressions:
        call = named.expr
        if isinstance(call, ir.FunctionCall) and call.name.lower() == "pack_all":
            arguments = [
                part
                for name in _columns(before, schema)
                for part in (ir.Literal(name, "string"), ir.ColumnRef(name))
            ]
            call = ir.FunctionCall("bag_pack", tuple(arguments))
        packed.append(dataclasses.replace(named, expr=call))
    return tuple(packed)


def _parts(
    named: ir.NamedExpr, operator: ir.Summarize, before: ir.Query, schema: Schema
) -> Iterator[ir.NamedExpr]:
    """One aggregate for each column of `percentiles(x, 50)`, `take_any(a, b)`, `take_any(*)`."""
    call = named.expr
    if not isinstance(call, ir.FunctionCall):
        yield named
        return
    name = call.name.lower()
    if name == "percentiles" and call.args:
        value, *shares = call.args
        base = named.name or (value.name if isinstance(value, ir.ColumnRef) else "")
        for share in shares:
            shown = str(getattr(share, "value", "")).replace(".", "_")
            yield ir.NamedExpr(
                ir.FunctionCall("percentile", (value, share)), f"percentile_{base}_{shown}"
            )
    elif name in {"take_any", "any"} and call.args and isinstance(call.args[0], ir.Wildcard):
        keys = {key.name or getattr(key.expr, "name", None) for key in operator.by}
        for column in _columns(before, schema):
            if column not in keys:
                yield ir.NamedExpr(ir.FunctionCall("take_any", (ir.ColumnRef(column),)), column)
    elif name in {"take_any", "any"} and len(call.args) > 1:
        for argument in call.args:
            yield ir.NamedExpr(ir.FunctionCall("take_any", (argument,)))
    else:
        yield named


def missing(query: ir.Query, schema: Schema) -> str:
    """A message about the first unknown column in a rewritten query; empty if there is none."""
    before = ir.Query(query.source, [], query.lets)
    for operator in query.operators:
        columns = _columns(before, schema)
        if isinstance(
            operator, ir.Where | ir.Project | ir.Extend | ir.Summarize | ir.Sort | ir.Top
        ):
            for name in names_in(operator):
                if name not in columns:
                    return no_column(name, columns)
        before.operators.append(operator)
    return ""


def no_column(name: str, columns: list[str]) -> str:
    """A message about an unknown column, with the known ones."""
    return f"there is no column '{name}' here; there are {', '.join(columns)}"


def _columns(query: ir.Query, schema: Schema) -> list[str]:
    columns: list[str] = output_columns(query, dict(schema))
    return columns


def _with_lets(query: ir.Query, schema: Schema) -> Schema:
    for name, bound in query.lets:
        if isinstance(bound, ir.Query) and name not in schema:
            schema = {**schema, name: _columns(bound, schema)}
    return schema


def _more(before: ir.Query, *operators: ir.Operator) -> ir.Query:
    return dataclasses.replace(before, operators=[*before.operators, *operators])


def _project(names: list[str]) -> ir.Project:
    return ir.Project(tuple(ir.NamedExpr(ir.ColumnRef(name), name) for name in names))


def _project_keep(noted: Noted, before: ir.Query, schema: Schema, _ask: Ask) -> ir.Query:
    columns = _columns(before, schema)
    wanted = [name for pattern in _patterns(noted.text) for name in _matching(pattern, columns)]
    return _more(before, _project([column for column in columns if column in wanted]))


def _project_reorder(noted: Noted, before: ir.Query, schema: Schema, _ask: Ask) -> ir.Query:
    columns = _columns(before, schema)
    first: list[str] = []
    for pattern in _patterns(noted.text):
        pattern, _, order = pattern.partition(" ")  # noqa: PLW2901  # `a* asc`
        found = _matching(pattern, columns)
        if order:
            found.sort(reverse="desc" in order)
        first += [name for name in found if name not in first]
    return _more(before, _project([*first, *(name for name in columns if name not in first)]))


def _patterns(text: str) -> list[str]:
    return [re.sub(r"\[['\"](.*?)['\"]\]", r"\1", part.strip()) for part in text.split(",")]


def _matching(pattern: str, columns: list[str]) -> list[str]:
    found = [name for name in columns if fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))]
    if not found and "*" not in pattern:
        raise KqlSchemaError(pattern, hint=no_column(pattern, columns))
    return found


def _distinct_star(_noted: Noted, before: ir.Query, schema: Schema, _ask: Ask) -> ir.Query:
    names = _columns(before, schema)
    return _more(before, ir.Distinct(tuple(ir.NamedExpr(ir.ColumnRef(name)) for name in names)))


def _sample(noted: Noted, before: ir.Query, _schema: Schema, _ask: Ask) -> ir.Query:
    return _more(before, ir.Take(_count(noted)))


def _sample_distinct(noted: Noted, before: ir.Query, _schema: Schema, _ask: Ask) -> ir.Query:
    return _more(before, ir.Distinct((noted.parts[1],)), ir.Take(_count(noted)))


def _count(noted: Noted) -> int:
    value = getattr(noted.parts[0].expr, "value", None)
    if not isinstance(value, int):
        raise KqlUnsupportedError(noted.kind, hint="it takes a number")
    return value


def _serialize(noted: Noted, before: ir.Query, _schema: Schema, _ask: Ask) -> ir.Query:
    return _more(before, ir.Extend(noted.parts)) if noted.parts else before


def _as(_noted: Noted, before: ir.Query, _schema: Schema, _ask: Ask) -> ir.Query:
    """A name for the rows so far, which has no effect; using it is an unknown table."""
    return before


def _search(noted: Noted, before: ir.Query, schema: Schema, _ask: Ask) -> ir.Query:
    """`search "text"`: a term in any column."""
    needle = noted.parts[0].expr if len(noted.parts) == 1 else None
    if not isinstance(needle, ir.Literal) or needle.kind != "string":
        raise KqlUnsupportedError("operator search", hint='only search "text" is known')
    found: Any = ir.Literal(value=False, kind="bool")
    for name in _columns(before, schema):
        text = ir.FunctionCall("tostring", (ir.ColumnRef(name),))
        found = ir.BinaryOp("or", found, ir.BinaryOp("has", text, needle))
    return _more(before, ir.Where(found))


def _evaluate(noted: Noted, before: ir.Query, schema: Schema, ask: Ask) -> ir.Query:
    plugin = noted.text.partition("(")[0].strip()
    if plugin not in plugins.PLUGINS:
        raise KqlUnsupportedError(
            f"plugin {plugin}", hint=f"known are {', '.join(plugins.PLUGINS)}"
        )
    parts = [part.expr for part in noted.parts]
    return _more(before, plugins.PLUGINS[plugin](parts, before, _columns(before, schema), ask))


def _make_series(noted: Noted, before: ir.Query, _schema: Schema, _ask: Ask) -> ir.Query:
    return series.make(noted.parts, before)


_REWRITES: dict[str, Callable[[Noted, ir.Query, Schema, Ask], ir.Query]] = {
    "AsOperator": _as,
    "DistinctOperator": _distinct_star,
    "EvaluateOperator": _evaluate,
    "MakeSeriesOperator": _make_series,
    "ProjectKeepOperator": _project_keep,
    "ProjectReorderOperator": _project_reorder,
    "SampleDistinctOperator": _sample_distinct,
    "SampleOperator": _sample,
    "SearchOperator": _search,
    "SerializeOperator": _serialize,
}
