"""Plugins of `evaluate`. They turn values into columns, so the values are queried first."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from duckdb_kql import KqlUnsupportedError, ir

Ask = Callable[[ir.Query], list[tuple[Any, ...]]]
_MOST_COLUMNS = 200  # that `pivot` and `bag_unpack` may make
_IF = {"count": "countif", "sum": "sumif", "avg": "avgif", "min": "minif", "max": "maxif",
       "dcount": "dcountif", "take_any": "take_anyif", "any": "take_anyif"}  # fmt: skip
_CONVERT = {
    frozenset({str}): "tostring",
    frozenset({bool}): "tobool",
    frozenset({int}): "tolong",
    frozenset({float}): "toreal",
    frozenset({int, float}): "toreal",
}


def _pivot(parts: list[ir.Expr], before: ir.Query, columns: list[str], ask: Ask) -> ir.Operator:
    """`pivot(column[, aggregate[, keys…]])`: a column for each value."""
    column, *rest = parts
    call = rest[0] if rest else ir.FunctionCall("count")
    if not isinstance(call, ir.FunctionCall) or call.name.lower() not in _IF:
        raise KqlUnsupportedError("plugin pivot", hint=f"its aggregate is one of {', '.join(_IF)}")
    used = {name for part in (column, *call.args) for name in names_in(part)}
    keys = [part.name for part in rest[1:] if isinstance(part, ir.ColumnRef)] or [
        name for name in columns if name not in used
    ]
    text = ir.FunctionCall("tostring", (column,))
    values = ask(_more(before, ir.Distinct((ir.NamedExpr(text, "v"),)), _ascending("v")))
    aggregates = tuple(
        ir.NamedExpr(
            ir.FunctionCall(
                _IF[call.name.lower()],
                (*call.args, ir.BinaryOp("==", text, ir.Literal(value, "string"))),
            ),
            value or "Column1",
        )
        for (value,) in values[:_MOST_COLUMNS]
        if value is not None
    )
    by = tuple(ir.NamedExpr(ir.ColumnRef(name), name) for name in keys)
    return ir.Summarize(aggregates, by)


def _bag_unpack(
    parts: list[ir.Expr], before: ir.Query, columns: list[str], ask: Ask
) -> ir.Operator:
    """`bag_unpack(column[, prefix])`: a column for each key, of the type that its values have."""
    column = parts[0]
    if not isinstance(column, ir.ColumnRef):
        raise KqlUnsupportedError("plugin bag_unpack", hint="it takes a column")
    prefix = str(getattr(parts[1], "value", "")) if len(parts) > 1 else ""
    kinds: dict[str, set[type]] = {}
    for (bag,) in ask(_more(before, ir.Project((ir.NamedExpr(column, "bag"),)))):
        for key, value in _object(bag).items():
            kinds.setdefault(key, set()).add(type(value))
    others = [name for name in columns if name != column.name]
    made = []
    for key in sorted(kinds)[:_MOST_COLUMNS]:
        path: ir.Expr = ir.PathAccess(column, (ir.PathStep(name=key),))
        if convert := _CONVERT.get(frozenset(kinds[key] - {type(None)})):
            path = ir.FunctionCall(convert, (path,))
        made.append(ir.NamedExpr(path, prefix + key))
    taken = {part.name for part in made}
    kept = tuple(ir.NamedExpr(ir.ColumnRef(name), name) for name in others if name not in taken)
    return ir.Project((*kept, *made))


def _object(text: Any) -> dict[str, Any]:
    """The object in a dynamic value; empty if it is none."""
    try:
        value = orjson.loads(text) if isinstance(text, str) else text
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def names_in(expression: Any) -> Iterator[str]:
    """The columns that an expression reads, without nested queries."""
    if isinstance(expression, ir.ColumnRef):
        yield expression.name
    elif not isinstance(expression, ir.Query) and dataclasses.is_dataclass(expression):
        for field in dataclasses.fields(expression):
            value = getattr(expression, field.name)
            for part in value if isinstance(value, tuple) else (value,):
                yield from names_in(part)


def _ascending(name: str) -> ir.Sort:
    return ir.Sort((ir.SortKey(ir.ColumnRef(name), ascending=True),))


def _more(before: ir.Query, *operators: ir.Operator) -> ir.Query:
    return dataclasses.replace(before, operators=[*before.operators, *operators])


PLUGINS: dict[str, Callable[[list[ir.Expr], ir.Query, list[str], Ask], ir.Operator]] = {
    "bag_unpack": _bag_unpack,
    "pivot": _pivot,
}
"""Each returns the operator that replaces it; given are its arguments, the query before it, and the
columns of that query."""
