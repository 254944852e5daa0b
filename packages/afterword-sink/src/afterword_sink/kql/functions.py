"""Functions of KQL that `duckdb-kql` lacks or implements differently: rows for its registry.

A template has DuckDB's SQL with a `{0}` for the first argument. Functions over the rows around a
row (`prev`, `row_number`) use the order of the operator before.
"""

from collections.abc import Callable

from duckdb_kql import KqlUnsupportedError, ir
from duckdb_kql import translate as writer
from duckdb_kql.translate.functions import (
    AGGREGATE_FUNCTIONS,
    SCALAR_FUNCTIONS,
    AggregateSpec,
    FunctionSpec,
)

_ORIGIN = "TIMESTAMP '0001-01-01'"
_SO_FAR = "OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
_PART = "coalesce(TRY_CAST(str_split({0}, '.')[%d] AS DECIMAL(38, 0)), 0)"
_VERSION_PART = _PART + " * 1e%d::DECIMAL(38, 0)"

_SCALARS = {
    "bag_has_key": ("list_contains(json_keys({0}), {1})", 2),
    "bag_keys": ("to_json(json_keys({0}))", 1),
    "extract_json": ("json_extract_string({1}, {0})", 2),
    "extractjson": ("json_extract_string({1}, {0})", 2),
    "new_guid": ("gen_random_uuid()", 0),
    "parse_version": (
        " + ".join(_VERSION_PART % (place, 8 * (4 - place)) for place in (1, 2, 3, 4)), 1,
    ),
    "rand": ("random()", 0),
    "strcmp": ("sign(CAST({0} > {1} AS INTEGER) - CAST({0} < {1} AS INTEGER))", 2),
    "todecimal": ("TRY_CAST({0} AS DECIMAL(38, 10))", 1),
    "tohex": ("lower(to_hex(CAST({0} AS BIGINT)))", 1),
    "unixtime_milliseconds_todatetime": ("make_timestamp(CAST({0} * 1000 AS BIGINT))", 1),
    "unixtime_seconds_todatetime": ("make_timestamp(CAST({0} * 1000000 AS BIGINT))", 1),
    "url_decode": ("url_decode({0})", 1),
    "url_encode": ("url_encode({0})", 1),
    "url_encode_component": ("url_encode({0})", 1),
}  # fmt: skip
_KEPT = "{0} IS NOT NULL AND {1}"
# A dynamic array adds its elements to the set, any other value itself; as in duckdb-kql.
_MEMBERS = (
    "list_distinct(flatten(list(CASE WHEN json_type(TRY_CAST({0} AS JSON)) = 'ARRAY' "
    "THEN CAST(to_json({0}) AS JSON[]) ELSE [to_json({0})] END) FILTER (WHERE {0} IS NOT NULL)))"
)
_AGGREGATES = {
    "count_distinct": ("count(DISTINCT {0})", 1, None),
    "count_distinctif": ("count(DISTINCT {0}) FILTER (WHERE {1})", 2, None),
    "make_list_if": (f"coalesce(list({{0}}) FILTER (WHERE {_KEPT}), [])", 2, "list"),
    "make_set_if": (f"coalesce(list(DISTINCT {{0}}) FILTER (WHERE {_KEPT}), [])", 2, "set"),
    "maxif": ("max({0}) FILTER (WHERE {1})", 2, None),
    "minif": ("min({0}) FILTER (WHERE {1})", 2, None),
    "stdevp": ("coalesce(stddev_pop({0}), 0.0)", 1, None),
    "take_anyif": ("any_value({0}) FILTER (WHERE {1})", 2, None),
    "variancep": ("coalesce(var_pop({0}), 0.0)", 1, None),
}
_GATHERED = {
    "make_list": "coalesce(list({0}) FILTER (WHERE {0} IS NOT NULL), [])",
    "make_set": f"coalesce({_MEMBERS}, [])",
}
ROW_FUNCTIONS = frozenset({"next", "prev", "row_cumsum", "row_number"})
"""Functions over other rows, which must have an order."""
SERIES = "__series"
"""Our own aggregate: the values of a group in the order of time, for make-series."""


class _Gathering(AggregateSpec):
    """`make_list(x, 10)`, `make_set(x, 10)`: with a second argument, at most so many values."""

    def render(self, args: list[str]) -> str:
        """The SQL of a call."""
        if not 1 <= len(args) <= 2:  # noqa: PLR2004  # the value, and how many
            raise ValueError(f"{self.name} takes 1 or 2 arguments")
        gathered = self.template.format(args[0])
        if len(args) == 2:  # noqa: PLR2004
            gathered = f"({gathered})[1:{args[1]}]"
        return f"to_json({gathered})" if self.name == "make_set" else gathered


def register() -> None:
    """Add these functions to `duckdb-kql`."""
    for name, (template, arity) in _SCALARS.items():
        SCALAR_FUNCTIONS[name] = FunctionSpec(name, "template", template, (arity,))
    for name, (template, arity, prefix) in _AGGREGATES.items():
        AGGREGATE_FUNCTIONS[name] = AggregateSpec(name, template, (arity,), name_prefix=prefix)
    for name, template in _GATHERED.items():
        prefix = name.removeprefix("make_")
        AGGREGATE_FUNCTIONS[name] = _Gathering(name, template, (), name_prefix=prefix)
    AGGREGATE_FUNCTIONS[SERIES] = AggregateSpec(SERIES, "list({0} ORDER BY {1})", (2,))
    for name, render in _SPECIAL.items():
        # Without a row here, `summarize` would report it as an unknown aggregate.
        SCALAR_FUNCTIONS.setdefault(name, FunctionSpec(name, "template", ""))
        writer._SPECIAL_FORMS[name] = render  # noqa: SLF001  # it has no other place


def _arguments(node: ir.FunctionCall, least: int, most: int) -> list[str]:
    if not least <= len(node.args) <= most:
        raise KqlUnsupportedError(
            f"function:{node.name}", hint=f"it takes {least} to {most} arguments"
        )
    return [writer.render_expr(argument) for argument in node.args]


def _is_timespan(node: ir.Expr) -> bool:
    return bool(writer._is_timespan_expr(node))  # noqa: SLF001  # it has no other name


def _render_bin(node: ir.FunctionCall) -> str:
    """`bin` on dates counts from 0001-01-01, so that `bin(timestamp, 7d)` starts on Mondays."""
    if len(node.args) == 2 and _is_timespan(node.args[1]) and not _is_timespan(node.args[0]):  # noqa: PLR2004
        value, size = _arguments(node, 2, 2)
        return f"time_bucket({size}, CAST({value} AS TIMESTAMP), {_ORIGIN})"
    return str(writer.render_bin(node, name=node.name.lower()))


def _render_bin_at(node: ir.FunctionCall) -> str:
    """`bin_at(value, size, fixed point)`."""
    value, size, start = _arguments(node, 3, 3)
    if _is_timespan(node.args[1]):
        return f"time_bucket({size}, CAST({value} AS TIMESTAMP), CAST({start} AS TIMESTAMP))"
    return f"(floor(({value} - {start}) / {size}) * {size} + {start})"


def _render_range(node: ir.FunctionCall) -> str:
    """`range(start, stop[, step])`, an array."""
    start, stop, *step = _arguments(node, 2, 3)
    if not step:
        step = ["INTERVAL 1 HOUR" if _is_moment(node.args[0]) else "1"]
    return f"generate_series({start}, {stop}, {step[0]})"


def _is_moment(node: ir.Expr) -> bool:
    return bool(writer._is_datetime_expr(node))  # noqa: SLF001


def _render_repeat(node: ir.FunctionCall) -> str:
    """`repeat(value, count)`, an array."""
    value, count = _arguments(node, 2, 2)
    return f"list_transform(generate_series(1, {count}), lambda _i: {value})"


def _render_row_number(node: ir.FunctionCall) -> str:
    """`row_number([first])`; the form with a restart condition is not supported."""
    (first,) = _arguments(node, 0, 1) or ["1"]
    return f"(row_number() OVER () + ({first}) - 1)"


def _neighbour(function: str) -> Callable[[ir.FunctionCall], str]:
    """`prev` and `next`: `(value, [distance, [otherwise]])`."""

    def render(node: ir.FunctionCall) -> str:
        value, distance, *otherwise = [*_arguments(node, 1, 3), "1"][: max(2, len(node.args))]
        arguments = ", ".join([value, f"CAST({distance} AS INTEGER)", *otherwise])
        return f"{function}({arguments}) OVER ()"

    return render


def _render_cumulative_sum(node: ir.FunctionCall) -> str:
    """`row_cumsum(value)`; the form with a restart condition is not supported."""
    (value,) = _arguments(node, 1, 1)
    return f"coalesce(sum({value}) {_SO_FAR}, 0)"


_SPECIAL: dict[str, Callable[[ir.FunctionCall], str]] = {
    "bin": _render_bin,
    "floor": _render_bin,
    "bin_at": _render_bin_at,
    "range": _render_range,
    "repeat": _render_repeat,
    "row_number": _render_row_number,
    "prev": _neighbour("lag"),
    "next": _neighbour("lead"),
    "row_cumsum": _render_cumulative_sum,
}
