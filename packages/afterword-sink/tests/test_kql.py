"""What is added to the translator: functions, operators, plugins, and words for what is refused."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from afterword_sink.kql import QueryError, Question, ask


@pytest.fixture(scope="module")
def table() -> Iterator[duckdb.DuckDBPyConnection]:
    """Six rows `t`: an hour apart, `x` from 0 to 5, `s` a, b, c, a, b, c, and a bag."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        """
        CREATE TABLE t AS SELECT
            TIMESTAMP '2026-11-24' + to_hours(range::INTEGER) AS ts,
            range AS x,
            ['a', 'b', 'c'][range % 3 + 1] AS s,
            ('{"n": ' || range || ', "w": "w' || range || '", "f": 1.5, "l": [1]}')::JSON AS d
        FROM range(6)
        """
    )
    yield connection
    connection.close()


CASES: list[tuple[str, list[list[Any]]]] = [
    # aggregates
    ("where s == 'b' | summarize percentiles(x, 50, 95) by s", [["b", 1, 4]]),
    ("summarize count_distinct(s), count_distinctif(s, x > 3)", [[3, 2]]),
    ("summarize minif(x, x > 2), maxif(x, x < 4)", [[3, 3]]),
    ("summarize make_list_if(x, x > 2), array_length(make_set_if(s, x > 3))", [["[3, 4, 5]", 2]]),
    ("summarize round(stdevp(x), 3), round(variancep(x), 3)", [[1.708, 2.917]]),
    ("summarize dcountif(s, x > 4), countif(x > 4)", [[1, 1]]),
    ("summarize bin(min(ts), 7d), max(x) - min(x)", [["2026-11-23T00:00:00Z", 5]]),
    ("project s, x | summarize take_any(*) by s | where s == 'b' | project-keep s", [["b"]]),
    ("where x == 3 | summarize take_any(s, x)", [["a", 3]]),
    ("where x == 3 | summarize take_any(*) | project s, x", [["a", 3]]),
    ("summarize make_list(x, 2), array_length(make_set(s, 2)), make_list(x)",
     [["[0, 1]", 2, "[0, 1, 2, 3, 4, 5]"]]),
    ("project s | extend l = split('a,b', ',') | summarize array_length(make_set(l))", [[2]]),
    # the rows around a row
    ("order by x desc | serialize | extend r = row_number() | where x == 3 | project r", [[3]]),
    ("order by x desc | extend r = row_number(10) | project r | top 1 by r asc", [[10]]),
    (
        ("order by x asc | extend p = prev(x), n = next(x, 2, -1), c = row_cumsum(x) "
        "| project x, p, n, c"),
        [[0, None, 2, 0], [1, 0, 3, 1], [2, 1, 4, 3], [3, 2, 5, 6], [4, 3, -1, 10], [5, 4, -1, 15]],
    ),
    ("summarize n = count() by s | order by s desc | extend rank = row_number() | project s, rank",
     [["c", 1], ["b", 2], ["a", 3]]),
    # columns by pattern
    ("project-keep s, x* | take 1", [[0, "a"]]),
    ("project-reorder s, t* | project-away d | where x == 1", [["b", "2026-11-24T01:00:00Z", 1]]),
    ("project-reorder * desc | project-away d, ts | where x == 1", [[1, "b"]]),
    ("where x == 1 | project s, x | extend all = pack_all() | project all",
     [['{"s":"b","x":1}']]),
    # fewer rows
    ("sample 2 | count", [[2]]),
    ("sample-distinct 2 of s | count", [[2]]),
    ("project s | distinct * | count", [[3]]),
    ("search 'w3' | project x", [[3]]),
    ("as rows | count", [[6]]),
    # plugins
    ("where x == 2 | evaluate bag_unpack(d) | project-away ts", [[2, "c", 1.5, "[1]", 2, "w2"]]),
    ("where x == 2 | evaluate bag_unpack(d, 'd_') | project d_n + 1", [[3]]),
    ("project s, x | evaluate pivot(s, sum(x))", [[3, 5, 7]]),
    ("project s | evaluate pivot(s)", [[2, 2, 2]]),
    ("evaluate pivot(s, count(), x) | where x == 1", [[1, 0, 1, 0]]),
    # series
    (
        "make-series count() on ts step 3h",
        [["[3, 3]", '["2026-11-24T00:00:00Z", "2026-11-24T03:00:00Z"]']],
    ),
    (
        ("make-series n = count(), m = sum(x) default=-1 on ts from datetime(2026-11-24) "
        "to datetime(2026-11-24 06:00) step 2h by s | order by s asc | project s, n, m"),
        [["a", "[1, 1, 0]", "[0, 3, -1]"], ["b", "[1, 0, 1]", "[1, -1, 4]"],
         ["c", "[0, 1, 1]", "[-1, 2, 5]"]],
    ),
    (
        ("make-series n = count() on ts in range(datetime(2026-11-24), datetime(2026-11-24 04:00), "
        "2h) | mv-expand n to typeof(long) | project n"),
        [[2], [2], [1]],
    ),
    # scalars
    ("take 1 | project parse_version('1.10.2') > parse_version('1.9')", [[True]]),
    ("take 1 | project bin_at(ts + 3d, 7d, datetime(2026-11-22))", [["2026-11-22T00:00:00Z"]]),
    ("take 1 | project bin_at(7, 5, 1), strcmp('a', 'b'), tohex(255)", [[6, -1, "ff"]]),
    ("take 1 | project bag_keys(d), bag_has_key(d, 'n')", [['["n","w","f","l"]', True]]),
    ("take 1 | project url_encode('a b'), url_decode('a%20b')", [["a%20b", "a b"]]),
    ("take 1 | project unixtime_seconds_todatetime(1764000000)", [["2025-11-24T16:00:00Z"]]),
    ("take 1 | project unixtime_milliseconds_todatetime(1764000000123)",
     [["2025-11-24T16:00:00.123000Z"]]),
    ("take 1 | project strlen(tostring(new_guid())), rand() < 1", [[36, True]]),
    ("take 1 | project range(1, 7, 3), range(1, 3), repeat('a', 2)",
     [["[1, 4, 7]", "[1, 2, 3]", '["a", "a"]']]),
    ("take 1 | mv-expand at = range(datetime(2026-11-24), datetime(2026-11-25), 6h) | count",
     [[5]]),
    ("take 1 | mv-expand n = range(1, x + 3) to typeof(long) | summarize sum(n)", [[6]]),
    ("take 1 | project extract_json('$.n', d)", [["0"]]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "rows"), CASES, ids=[case[0][:60] for case in CASES])
def test_what_is_added(table: duckdb.DuckDBPyConnection, query: str, rows: list[list[Any]]) -> None:
    assert ask(table, Question(f"t | {query}")).rows == rows


@pytest.mark.parametrize(
    "query",
    [
        "t | join kind=inner (t | distinct * | project-keep x) on x | count",
        "let u = t | project-keep x; u | count",
        (
            "let step = 1h; t | make-series n = count() on ts from datetime(2026-11-24) "
            "to datetime(2026-11-24 06:00) step step | mv-expand n to typeof(long) "
            "| summarize Count = sum(n)"
        ),
        "t | where x in ((t | project-keep x)) | count",
        "union (t | sample 3), (t | project-reorder x | sample 3) | count",
        "let n = toscalar(t | project-keep x | count); t | where n == 6 | count",
        "range i from 1 to 6 step 1 | extend r = row_number() | summarize max(r)",
        "let o = t | order by x asc; o | where x > -1 | extend r = row_number() | summarize max(r)",
        "t | serialize | extend r = row_number() | summarize max(r)",
        "t | serialize r = row_number() | summarize max(r)",
        "t | extend six = toscalar(t | project-keep x | count) | summarize max(six)",
    ],
)
def test_within_another_query(table: duckdb.DuckDBPyConnection, query: str) -> None:
    assert ask(table, Question(query)).rows == [[6]]


def test_the_names_of_the_columns(table: duckdb.DuckDBPyConnection) -> None:
    for query, names in {
        "summarize percentiles(x, 50, 99.9) by s": ["s", "percentile_x_50", "percentile_x_99_9"],
        "summarize count_distinct(s), minif(x, x > 1)": ["count_distinct_s", "minif_x"],
        "make-series count(), avg(x) on ts step 1h by s": ["s", "count_", "avg_x", "ts"],
        "evaluate pivot(s, sum(x), d)": ["d", "a", "b", "c"],
        "evaluate bag_unpack(d)": ["ts", "x", "s", "f", "l", "n", "w"],
        "summarize take_any(*) by s": ["s", "ts", "x", "d"],
    }.items():
        assert [name for name, _ in ask(table, Question(f"t | {query}")).columns] == names, query


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("nope", "SemanticError", "there is no table 'nope'; there are t"),
        ("union t, nope", "SemanticError", "there is no table 'nope'; there are t"),
        (
            "t | where nope > 1",
            "SemanticError",
            "there is no column 'nope' here; there are ts, x, s, d",
        ),
        ("t | project x | extend y = ts", "SemanticError", "no column 'ts' here; there are x"),
        ("t | project-keep nope", "SemanticError", "there is no column 'nope' here"),
        ("t | where x =", "SyntaxError", "line 1, column 14: mismatched input '<EOF>'"),
        ("t\n| wher x", "SyntaxError", "line 2, column 1"),
        ("t | extend y = foo(x)", "UnsupportedError", "does not know the function 'foo'"),
        ("t | summarize foo(x)", "UnsupportedError", "does not know the aggregate 'foo'"),
        (
            "t | top-nested 3 of s by count()",
            "UnsupportedError",
            "the operator 'top-nested' (line 1",
        ),
        ("t | mv-apply y = x on (take 1)", "UnsupportedError", "the operator 'mv-apply'"),
        ("t | evaluate autocluster()", "UnsupportedError", "known are bag_unpack, pivot"),
        ("t | order by x | extend y = row_cumsum(x, x > 1)", "UnsupportedError", "row_cumsum"),
        ("t | extend p = prev(x)", "SemanticError", "no order for prev(): put | order by"),
        (
            "t | order by x asc | distinct x | extend row_number()",
            "SemanticError",
            "no order for row_number()",
        ),
        (".show tables", "UnsupportedError", "control commands"),
    ],
)
def test_what_is_refused_is_said_in_words_of_kql(
    table: duckdb.DuckDBPyConnection, query: str, code: str, said: str
) -> None:
    with pytest.raises(QueryError) as refused:
        ask(table, Question(query))
    assert refused.value.code == code
    assert said in refused.value.detail
    assert "\n" not in refused.value.detail
    assert "wave" not in refused.value.detail
