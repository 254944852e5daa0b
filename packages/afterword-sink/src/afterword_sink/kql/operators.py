"""Operators of KQL that `duckdb-kql` lacks, rewritten into operators that it has.

They need the columns, or even the values, of what comes before them. So the parser only puts a
placeholder (`Noted`) with their expressions into the tree; `rewrite` then replaces the placeholders
from first to last, when the columns before each are known.
"""

import dataclasses
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from duckdb_kql import KqlSchemaError, KqlUnsupportedError, ir, lower
from duckdb_kql.schema import output_columns

from afterword_sink.kql import plugins, series
from afterword_sink.kql.functions import ROW_FUNCTIONS
from afterword_sink.kql.plugins import Ask, names_in

Schema = Mapping[str, list[str]]

SERIALIZED = "__rows"
"""Stands for `serialize`: `as __rows`."""
_ORDER_KEPT = ("AsOperator", "ProjectKeepOperator", "ProjectReorderOperator", "SearchOperator")
_NO_ORDER = "there is no order for {}(): put | order by … or | serialize before it"


@dataclasses.dataclass(frozen=True)
class Noted(ir.Operator):
    """A placeholder for an operator that is rewritten later.

    Attributes:
        kind: Its class in the grammar.
        text: Its source, without the keyword.
        parts: Its expressions, in order.
    """

    kind: str
    text: str
    parts: tuple[ir.NamedExpr, ...] = ()


def register() -> None:
    """Make the parser of `duckdb-kql` accept our operators."""
    read, substitute = lower._lower_operator, lower._substitute_operator  # noqa: SLF001  # no other way in

    def lower_operator(node: Any) -> Any:
        inner = _collapsed(node)
        kind = type(inner).__name__.removesuffix("Context")
        if kind in _REWRITES and (kind != "DistinctOperator" or _takes_all(inner)):
            return _note(inner, kind)
        return read(node)

    def substitute_operator(operator: Any, scalars: Any) -> Any:
        if isinstance(operator, Noted):
            parts = tuple(lower._substitute(part, scalars) for part in operator.parts)  # noqa: SLF001
            return dataclasses.replace(operator, parts=parts)
        return substitute(operator, scalars)

    vars(lower).update(_lower_operator=lower_operator, _substitute_operator=substitute_operator)


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
            if _is_ordered(bound, ordered_lets):
                ordered_lets |= {name}
            bound = rewrite(bound, schema, ask, ordered_lets)  # noqa: PLW2901  # rewritten
            schema = {**schema, name: _columns(bound, schema)}
        else:  # a value that may contain a query: `let n = toscalar(…)`
            bound = _deep(bound, _rewriting(schema, ask))  # noqa: PLW2901  # rewritten
        lets.append((name, bound))
    done = ir.Query(query.source, [], lets, query.parameters)
    ordered = _is_ordered(ir.Query(query.source), ordered_lets)
    for operator in query.operators:
        before, ordered = ordered, _keeps_order(operator, ordered)
        serializes = isinstance(operator, Noted) and ordered
        if not before and not serializes and (function := _row_function(operator)):
            raise KqlSchemaError(function, hint=_NO_ORDER.format(function))
        if isinstance(operator, Noted):
            done = _REWRITES[operator.kind](operator, done, schema, ask)
            schema = _with_lets(done, schema)
        else:
            done.operators.append(_inner(operator, done, schema, ask))
    return done


def _is_ordered(query: ir.Query, ordered_lets: frozenset[str]) -> bool:
    """Whether the rows of a query have an order that functions such as `prev` may rely on."""
    ordered = isinstance(query.source, ir.RangeSource | ir.DataTable | ir.PrintSource) or (
        isinstance(query.source, ir.TableRef) and query.source.name in ordered_lets
    )
    for operator in query.operators:
        ordered = _keeps_order(operator, ordered)
    return ordered


def _keeps_order(operator: ir.Operator, ordered: bool) -> bool:
    if isinstance(operator, ir.Sort | ir.Top):
        return True
    if isinstance(operator, Noted):
        if operator.kind == "SerializeOperator" or operator.text == SERIALIZED:
            return True
        return ordered and operator.kind in _ORDER_KEPT
    loses = ir.Summarize | ir.Join | ir.Lookup | ir.Union | ir.Distinct | ir.Count
    return ordered and not isinstance(operator, loses)


def _row_function(node: Any) -> str:
    """A function over other rows in an operator, nested queries aside; empty if there is none."""
    if isinstance(node, ir.FunctionCall) and node.name.lower() in ROW_FUNCTIONS:
        return str(node.name)
    if isinstance(node, ir.Query) or not (
        isinstance(node, tuple) or dataclasses.is_dataclass(node)
    ):
        return ""
    parts = node if isinstance(node, tuple) else vars(node).values()
    return next(filter(None, map(_row_function, parts)), "")


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


def _collapsed(node: Any) -> Any:
    """The operator inside its wrapper nodes."""
    while type(node).__name__ in {"PipedOperatorContext", "AfterPipeOperatorContext"}:
        rules = lower._rule_children(node)  # noqa: SLF001
        if not rules:
            return node
        node = rules[0]
    return lower._collapse(node)  # noqa: SLF001


def _takes_all(node: Any) -> bool:
    """Whether a `distinct` is `distinct *`."""
    return _source(node).split()[1:2] == ["*"]


def _source(node: Any) -> str:
    """The source text of a node."""
    text: str = node.start.getInputStream().getText(node.start.start, node.stop.stop)
    return text


def _note(node: Any, kind: str) -> Noted:
    """The placeholder of an operator, with its expressions."""
    written = _source(node)
    parts: list[ir.NamedExpr] = []
    if kind == "MakeSeriesOperator":
        parts = list(series.parts(node))
    elif kind == "EvaluateOperator":
        call = lower._lower_expr(lower._rule_children(node)[0])  # noqa: SLF001
        parts = [ir.NamedExpr(argument) for argument in getattr(call, "args", ())]
    elif not kind.startswith(("As", "Distinct", "Project")):
        parts = [lower._lower_named(child) for child in lower._rule_children(node)]  # noqa: SLF001
    return Noted(kind, written.partition(" ")[2].strip(), tuple(parts))
