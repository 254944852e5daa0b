"""Parse operators that `duckdb-kql` does not know into placeholders, which `operators` replaces."""

import dataclasses
from typing import Any

from duckdb_kql import ir, lower

from afterword_sink.kql import series

KINDS = frozenset(
    {
        "AsOperator",
        "DistinctOperator",  # only `distinct *`
        "EvaluateOperator",
        "MakeSeriesOperator",
        "ProjectKeepOperator",
        "ProjectReorderOperator",
        "SampleDistinctOperator",
        "SampleOperator",
        "SearchOperator",
        "SerializeOperator",
    }
)
"""Their classes in the grammar."""


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
        if kind in KINDS and (kind != "DistinctOperator" or _takes_all(inner)):
            return _note(inner, kind)
        return read(node)

    def substitute_operator(operator: Any, scalars: Any) -> Any:
        if isinstance(operator, Noted):
            parts = tuple(lower._substitute(part, scalars) for part in operator.parts)  # noqa: SLF001
            return dataclasses.replace(operator, parts=parts)
        return substitute(operator, scalars)

    vars(lower).update(_lower_operator=lower_operator, _substitute_operator=substitute_operator)


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
