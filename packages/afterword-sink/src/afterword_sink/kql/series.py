"""`make-series`: for each group an array of each aggregate over evenly spaced times, without gaps.

Expressed by operators that the translator has: every group is joined with every time, then with the
aggregates per bin, and collected into arrays in the order of time.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from duckdb_kql import KqlUnsupportedError, ir, lower

from afterword_sink.kql.functions import SERIES

_INPUT = "__input"
_INSTANT = ir.Literal("1microsecond", "timespan")


def parts(node: Any) -> Iterator[ir.NamedExpr]:
    """The expressions of the operator, each named by its clause and its own name, as `by:k`."""
    for child in lower._rule_children(node):  # noqa: SLF001
        kind = type(child).__name__.removesuffix("Context")
        inner = [lower._lower_named(one) for one in _named(child)]  # noqa: SLF001
        if kind == "MakeSeriesOperatorAggregation":
            yield ir.NamedExpr(inner[0].expr, f"aggregate:{inner[0].name or ''}")
            yield ir.NamedExpr(
                inner[1].expr if len(inner) > 1 else ir.Literal(0, "long"), "default"
            )
        elif kind == "MakeSeriesOperatorOnClause":
            yield ir.NamedExpr(inner[0].expr, "on")
        elif kind == "MakeSeriesOperatorInRangeClause":
            places = ("from", "until", "step")
            yield from (ir.NamedExpr(one.expr, at) for one, at in zip(inner, places, strict=True))
        elif kind == "MakeSeriesOperatorFromToStepClause":
            words = [one.getText() for one in child.children if not hasattr(one, "children")]
            places = tuple(word for word in words if word in {"from", "to", "step"})
            yield from (ir.NamedExpr(one.expr, at) for one, at in zip(inner, places, strict=True))
        elif kind == "MakeSeriesOperatorByClause":
            yield from (ir.NamedExpr(one.expr, f"by:{one.name or ''}") for one in inner)


def _named(node: Any) -> Iterator[Any]:
    """The outermost named expressions in a clause."""
    for child in lower._rule_children(node):  # noqa: SLF001
        if type(child).__name__ == "NamedExpressionContext":
            yield child
        else:
            yield from _named(child)


def make(parts: tuple[ir.NamedExpr, ...], before: ir.Query) -> ir.Query:
    """The query that makes the series.

    Args:
        parts: The expressions of the operator; see `parts`.
        before: The query up to it.
    """
    places: dict[str, list[ir.NamedExpr]] = {}
    for part in parts:
        place, _, name = (part.name or "").partition(":")
        places.setdefault(place, []).append(ir.NamedExpr(part.expr, name or None))
    on, step = places["on"][0].expr, places["step"][0].expr
    if not isinstance(on, ir.ColumnRef):
        raise KqlUnsupportedError("operator make-series", hint="`on` takes a column")
    source = ir.Query(ir.TableRef(_INPUT))
    first = places["from"][0].expr if "from" in places else _end(source, "min", on, step)
    if "to" in places:
        last = places["to"][0].expr
    elif "until" in places:  # which `range` includes
        last = ir.BinaryOp("+", places["until"][0].expr, _INSTANT)
    else:
        last = ir.BinaryOp("+", _end(source, "max", on, step), step)
    within = ir.Where(ir.BinaryOp("and", ir.BinaryOp(">=", on, first), ir.BinaryOp("<", on, last)))
    keys = [_as_column(key, f"Column{place + 1}") for place, key in enumerate(places.get("by", []))]
    names = [key.name or "" for key in keys]
    aggregates = [_as_column(one, _default_name(one)) for one in places["aggregate"]]
    defaults = [one.expr for one in places["default"]]
    at = ir.NamedExpr(ir.FunctionCall("bin_at", (on, step, first)), on.name)
    binned = ir.Query(source.source, [within, ir.Summarize(tuple(aggregates), (*keys, at))])
    one = ir.Extend((ir.NamedExpr(ir.Literal(1, "long"), "__one"),))
    groups = ir.Query(source.source, [within, ir.Distinct(tuple(keys)), one])
    if not keys:
        groups = ir.Query(ir.PrintSource((ir.NamedExpr(ir.Literal(1, "long"), "__one"),)))
    until = ir.BinaryOp("-", last, _INSTANT)
    grid = ir.Query(ir.RangeSource(on.name, first, until, step), [one])
    filled = [
        ir.NamedExpr(
            ir.FunctionCall("coalesce", (ir.ColumnRef(part.name or ""), default)), part.name
        )
        for part, default in zip(aggregates, defaults, strict=True)
    ]
    lists = [
        ir.NamedExpr(ir.FunctionCall(SERIES, (ir.ColumnRef(name), ir.ColumnRef(on.name))), name)
        for name in (*(part.name or "" for part in aggregates), on.name)
    ]
    by = tuple(ir.NamedExpr(ir.ColumnRef(name), name) for name in names)
    return ir.Query(
        groups.source,
        [
            *groups.operators,
            ir.Join(grid, (ir.JoinKey("__one", "__one"),), "inner"),
            ir.Join(
                binned, tuple(ir.JoinKey(name, name) for name in (*names, on.name)), "leftouter"
            ),
            ir.Extend(tuple(filled)),
            ir.Summarize(tuple(lists), by),
        ],
        [*before.lets, (_INPUT, dataclasses.replace(before, lets=[]))],
        before.parameters,
    )


def _end(source: ir.Query, function: str, on: ir.ColumnRef, step: ir.Expr) -> ir.ToScalar:
    """The first or last bin with rows."""
    extreme = ir.FunctionCall(function, (ir.FunctionCall("bin", (on, step)),))
    return ir.ToScalar(ir.Query(source.source, [ir.Summarize((ir.NamedExpr(extreme, "end"),))]))


def _as_column(named: ir.NamedExpr, otherwise: str) -> ir.NamedExpr:
    name = named.name or (named.expr.name if isinstance(named.expr, ir.ColumnRef) else otherwise)
    return ir.NamedExpr(named.expr, name)


def _default_name(named: ir.NamedExpr) -> str:
    call = named.expr
    if not isinstance(call, ir.FunctionCall):
        return "Column1"
    argument = call.args[0].name if call.args and isinstance(call.args[0], ir.ColumnRef) else ""
    return f"{call.name}_{argument}"
