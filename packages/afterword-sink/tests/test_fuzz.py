"""No body and no question is answered 500, and none spoils what comes after it."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from afterword_sink import LocalSink
from afterword_sink.kql import QueryError, Question, ask

Call = Callable[..., Any]
shared_sink = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(max_size=20) | st.sampled_from(
    ["\x00", "\ud7ff", "\ufeff", "'", '"', "\\", "%s", "$app_id", "\n", "é" * 9000, "a.b", "Time"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
PLACES = [
    "-",
    "tags",
    "data",
    "data.baseType",
    "data.baseData",
    "data.baseData.properties",
    "time",
    "sampleRate",
    "iKey",
    "name",
    "data.baseData.measurements",
    "data.baseData.name",
]
KINDS = ["EventData", "MessageData", "MetricData", "ExceptionData", "RequestData"]
PATHS = ["/v2.1/track", "/v2/track", "/v1/apps/x/query", "/sink/faults", "/sink/stats", "/", "/x"]


def taken(sink: LocalSink) -> bool:
    """Whether all that was accepted so far stands in the tables."""
    stats = sink.stats()
    return bool(stats["stored"] + sum(stats["other_items"].values()) == stats["accepted"])


@shared_sink
@given(
    path=st.sampled_from(PATHS),
    method=st.sampled_from(["POST", "GET", "PUT", "DELETE", "OPTIONS"]),
    body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
    packed=st.sampled_from(["", "gzip", "wrong", "identity", "br"]),
    kind=st.sampled_from(["application/json", "application/x-protobuf", "text/plain", ""]),
)
def test_any_body(
    call: Call, *, path: str, method: str, body: bytes, packed: str, kind: str
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    if packed:
        headers["Content-Encoding"] = "gzip" if packed == "wrong" else packed
    if packed == "gzip":
        body = gzip.compress(body)
    assert call(method, path, body, headers).status < 500
    call("DELETE", "/sink/faults")


@shared_sink
@given(
    place=st.sampled_from(PLACES),
    values=st.dictionaries(TEXT, JSON, max_size=5) | JSON,
    kind=st.sampled_from(KINDS),
)
@example(place="tags", values={"AI.user.id": "a", "ai.user.id": "b"}, kind="EventData")
@example(place="data.baseData", values={"Name": 1, "name": "n"}, kind="EventData")
@example(place="data.baseData", values={"metrics": "x"}, kind="MetricData")
@example(place="data.baseData", values={"metrics": [1, None, {"value": "x"}]}, kind="MetricData")
@example(place="data.baseData", values={"metrics": [{"count": 1e300}]}, kind="MetricData")
@example(place="data.baseData", values={"metrics": {"value": []}}, kind="MetricData")
@example(place="data.baseData", values={"exceptions": {"a": 1}}, kind="ExceptionData")
@example(place="data.baseData", values={"exceptions": [None, 1, [2]]}, kind="ExceptionData")
@example(place="data.baseData", values={"exceptions": [{"parsedStack": 1}]}, kind="ExceptionData")
@example(place="data.baseData", values={"severityLevel": [1]}, kind="MessageData")
@example(place="data.baseData", values={"severityLevel": 1e300}, kind="MessageData")
@example(place="data.baseData", values={"duration": "99999999.1:2:3"}, kind="RequestData")
@example(place="data.baseData", values={"duration": {"a": 1}, "success": 3}, kind="RequestData")
@example(place="sampleRate", values=5e-324, kind="EventData")
@example(place="time", values="2026-11-24T24:00:00Z", kind="EventData")
def test_any_envelope(
    sink: LocalSink, track: Call, envelope: Call, *, place: str, values: Any, kind: str
) -> None:
    """What is accepted is stored, and can be asked for."""
    whole = envelope()
    whole["data"]["baseType"] = kind
    *way, last = place.split(".")
    target: Any = whole
    for step in way:
        target = target[step]
    if last == "-":
        whole |= values if isinstance(values, dict) else {}
    elif isinstance(target.get(last), dict) and isinstance(values, dict):
        target[last] |= values
    else:
        target[last] = values
    assert track(whole, envelope()).status in {200, 206, 400}
    assert taken(sink)
    sink.query("customEvents | take 1000")
    sink.query("union traces, customMetrics, exceptions, requests | take 1000")


WORDS = st.sampled_from(
    [
        "customEvents",
        "|",
        "where",
        "summarize",
        "extend",
        "project",
        "by",
        "count()",
        "dcount(user_Id)",
        "bin(timestamp,",
        "1h)",
        "(",
        ")",
        "==",
        "!=",
        "and",
        "or",
        "not",
        "name",
        "'x'",
        '"y"',
        "1",
        "-1",
        "1.5",
        "now()",
        "ago(1d)",
        "let",
        "x",
        "=",
        ";",
        "join",
        "on",
        "kind=inner",
        "union",
        "print",
        "take",
        "5",
        "top",
        "order",
        "asc",
        "desc",
        "tostring(",
        "dynamic([1])",
        ".",
        "..",
        ",",
        "[",
        "]",
        "$left",
        "mv-expand",
        "customDimensions",
        "iff(",
        "render",
        "make-series",
        "range",
        "from",
        "to",
        "step",
        "datetime(2020-01-01)",
        "1d",
        "arg_max(timestamp,",
        "*)",
        "//",
        "@'z'",
        "percentile(",
        "datatable(a:long)[1]",
        "evaluate",
        "parse_json(",
        "set",
        "query_now=",
        "has",
        "contains",
        "in~",
        "between",
        "externaldata",
        "database(",
        "cluster(",
        ".show",
        "tables",
        "row_number()",
        "prev(",
        "percentiles(",
    ]
)


@settings(max_examples=300)
@given(question=st.lists(WORDS, max_size=15).map(" ".join) | st.text(max_size=60))
@example(question="set query_now=datetime(2020-01-01); print now()")
@example(question="declare query_parameters(a:long); print a")
@example(question="print cluster('a').database('b').c")
@example(question="print x = 1e999")
@example(question="print tolong(1e300) + 1")
def test_any_question(filled_connection: Any, question: str) -> None:
    said = " "
    try:
        json.loads(b"".join(ask(filled_connection, Question(question), most_rows=100).reply()))
    except QueryError as error:
        said = error.detail
    assert said
    assert "translate/" not in said
    assert "\nLINE" not in said
    assert len(said) < 1500


@pytest.fixture(scope="module")
def filled_connection() -> Iterator[Any]:
    import duckdb  # here: Hypothesis keeps this module's globals, and DuckDB reports them as leaked

    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    connection.execute(
        "CREATE TABLE \"customEvents\" AS SELECT now()::TIMESTAMP AS timestamp, 'n' AS name, "
        '\'u\' AS "user_Id", \'{"a": [1, 2]}\'::JSON AS "customDimensions" FROM range(5)'
    )
    yield connection
    connection.close()
