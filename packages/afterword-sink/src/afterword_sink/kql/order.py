"""Whether the rows have an order: functions such as `prev` need one, as in Kusto."""

import dataclasses
from typing import Any

from duckdb_kql import KqlSchemaError, ir

from afterword_sink.kql.functions import ROW_FUNCTIONS
from afterword_sink.kql.noted import Noted

SERIALIZED = "__rows"
"""`as __rows` stands for `serialize`, which the grammar does not accept alone."""
_ORDER_KEPT = ("AsOperator", "ProjectKeepOperator", "ProjectReorderOperator", "SearchOperator")


def is_ordered(query: ir.Query, ordered_lets: frozenset[str]) -> bool:
    """Whether the rows of a query have an order that functions such as `prev` may rely on."""
    ordered = isinstance(query.source, ir.RangeSource | ir.DataTable | ir.PrintSource) or (
        isinstance(query.source, ir.TableRef) and query.source.name in ordered_lets
    )
    for operator in query.operators:
        ordered = _makes_order(operator) or (ordered and _keeps_order(operator))
    return ordered


def after(operator: ir.Operator, *, ordered: bool) -> bool:
    """Whether there is an order after an operator.

    Args:
        operator: The operator.
        ordered: Whether there is one before it.

    Raises:
        KqlSchemaError: The operator needs an order, and there is none.
    """
    makes_order = _makes_order(operator)
    if not ordered and not makes_order and (function := _row_function(operator)):
        raise KqlSchemaError(
            function,
            hint=f"there is no order for {function}(): put | order by … or | serialize before it",
        )
    return makes_order or (ordered and _keeps_order(operator))


def _makes_order(operator: ir.Operator) -> bool:
    if isinstance(operator, Noted):
        return operator.kind == "SerializeOperator" or operator.text == SERIALIZED
    return isinstance(operator, ir.Sort | ir.Top)


def _keeps_order(operator: ir.Operator) -> bool:
    if isinstance(operator, Noted):
        return operator.kind in _ORDER_KEPT
    loses = ir.Summarize | ir.Join | ir.Lookup | ir.Union | ir.Distinct | ir.Count
    return not isinstance(operator, loses)


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
