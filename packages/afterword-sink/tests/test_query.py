"""Questions in KQL: the queries of the documentation, and the form of the public query API."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import duckdb
import pytest

from afterword_sink import LocalSink, SinkError
from afterword_sink.kql import Question, ask

GUID = "00000000-0000-4000-8000-000000000001"
Envelope = Callable[..., dict[str, Any]]


@pytest.fixture
def filled(sink: LocalSink, track: Callable[..., Any], envelope: Envelope) -> LocalSink:
    """Six events of two kinds, by three people, over two days."""
    events = []
    for place, (user, agent, commands, success) in enumerate(
        [
            ("u1", "claude", "/init,/review", "True"),
            ("u1", "claude", "/init", "True"),
            ("u2", "claude", "/test", "False"),
            ("u2", "copilot", "/init", "True"),
            ("u3", "copilot", "", "False"),
            ("u3", "copilot", "/review", "True"),
        ]
    ):
        event = envelope(
            f"e{place}",
            age=place % 2 * 24 * 3600,
            event="agent_session" if place < 4 else "cli_command",
            tags={"ai.user.id": user},
        )
        event["data"]["baseData"]["properties"] |= {
            "agent_type": agent,
            "commands": commands,
            "success": success,
        }
        events.append(event)
    assert track(*events).status == 200
    return sink


def test_count_by_name(filled: LocalSink) -> None:
    rows = filled.query("customEvents | summarize count() by name | order by name asc")
    assert rows == [
        {"name": "agent_session", "count_": 4},
        {"name": "cli_command", "count_": 2},
    ]


def test_distinct_people_by_day_and_agent(filled: LocalSink) -> None:
    rows = filled.query(
        """
        customEvents
        | where timestamp > ago(7d)
        | extend agent = tostring(customDimensions.agent_type)
        | summarize people = dcount(user_Id) by bin(timestamp, 1d), agent
        | order by timestamp asc, agent asc
        """
    )
    assert [(row["agent"], row["people"]) for row in rows] == [
        ("claude", 1),
        ("copilot", 2),
        ("claude", 2),
        ("copilot", 1),
    ]
    assert all(row["timestamp"].endswith("T00:00:00Z") for row in rows)


@pytest.mark.parametrize(
    ("moment", "size", "start"),
    [
        ("2026-11-24 10:00", "7d", "2026-11-23"),  # a Monday, as all are
        ("2026-11-22 23:59", "7d", "2026-11-16"),
        ("1969-12-31 12:00", "7d", "1969-12-29"),
        ("2026-11-24 10:00", "14d", "2026-11-"),
        ("2026-11-24 10:00", "30d", "2026-11-01"),
        ("2026-11-24 10:00", "3d", "2026-11-22"),
        ("2026-11-24 10:00", "5h", "2026-11-24T08"),
        ("2026-11-24 10:07", "5m", "2026-11-24T10:05"),
        ("2026-11-24 10:07", "1d", "2026-11-24"),
    ],
)
def test_bins_count_from_the_year_one(moment: str, size: str, start: str) -> None:
    """As in Kusto, whose `datetime(0001-01-01)` was a Monday."""
    expected = datetime(1, 1, 1, tzinfo=UTC)
    step = {"d": 86400, "h": 3600, "m": 60}[size[-1]] * int(size[:-1])
    seconds = (datetime.fromisoformat(f"{moment}+00:00") - expected) // timedelta(seconds=1)
    expected += timedelta(seconds=seconds // step * step)
    connection = duckdb.connect()
    for query in (
        f"print x = bin(datetime({moment}), {size})",
        f"let size = {size}; print x = bin(datetime({moment}), size)",
        f"datatable(t: datetime)[datetime({moment})] | project x = floor(t, {size})",
    ):
        ((value,),) = ask(connection, Question(query)).rows
        assert value == expected.isoformat().replace("+00:00", "Z")
        assert value.startswith(start)


def test_bins_of_timespans_and_numbers() -> None:
    connection = duckdb.connect()
    query = "print a = bin(14d + 3h, 1d), b = bin(7, 5), c = bin(-7, 5)"
    assert ask(connection, Question(query)).rows == [["14.00:00:00", 5, -10]]


def test_commands_in_a_list(filled: LocalSink) -> None:
    rows = filled.query(
        """
        customEvents
        | mv-expand command = split(tostring(customDimensions.commands), ',') to typeof(string)
        | where command != ''
        | summarize count() by command
        | order by command asc
        """
    )
    assert rows == [
        {"command": "/init", "count_": 3},
        {"command": "/review", "count_": 2},
        {"command": "/test", "count_": 1},
    ]


def test_success_by_agent(filled: LocalSink) -> None:
    rows = filled.query(
        """
        customEvents
        | summarize good = countif(tobool(customDimensions.success)), total = count()
            by agent = tostring(customDimensions.agent_type)
        | order by agent asc
        """
    )
    assert rows == [
        {"agent": "claude", "good": 2, "total": 3},
        {"agent": "copilot", "good": 2, "total": 3},
    ]


def test_the_form_of_the_query_api(filled: LocalSink, call: Callable[..., Any]) -> None:
    query = "customEvents | where name == 'cli_command' | summarize n = count() by name"
    by_post = call("POST", "/v1/apps/any/query", json.dumps({"query": query}))
    by_get = call("GET", f"/v1/apps/any/query?query={quote(query)}")
    assert by_post.status == by_get.status == 200
    assert by_post.json == by_get.json
    assert by_post.headers["content-type"].startswith("application/json")
    assert by_post.json == {
        "tables": [
            {
                "name": "PrimaryResult",
                "columns": [{"name": "name", "type": "string"}, {"name": "n", "type": "long"}],
                "rows": [["cli_command", 2]],
            }
        ]
    }


def test_the_types_of_custom_events(filled: LocalSink, call: Callable[..., Any]) -> None:
    answered = call("POST", "/v1/apps/any/query", json.dumps({"query": "customEvents | take 1"}))
    table = answered.json["tables"][0]
    types = {column["name"]: column["type"] for column in table["columns"]}
    others = {name: type_ for name, type_ in types.items() if type_ != "string"}
    assert others == {
        "timestamp": "datetime",
        "customDimensions": "dynamic",
        "customMeasurements": "dynamic",
        "itemCount": "int",
    }
    assert isinstance(table["rows"][0][3], str)  # a dynamic value is the text of its JSON


@pytest.mark.parametrize(
    ("query", "code", "detail"),
    [
        ("customEvents | wher x", "SyntaxError", "mismatched"),
        ("nowhere | take 1", "SemanticError", "nowhere"),
        ("customEvents | project nothing", "SemanticError", "nothing"),
        ("customEvents | evaluate autocluster()", "UnsupportedError", "autocluster"),
        ("print toint(", "SyntaxError", "line 1, column 12"),
        (".drop table customEvents", "", ""),
        (".set-or-replace customEvents <| print x = 1", "", ""),
        ("", "QueryValidationError", "'query' is required"),
        ("print " + "(" * 3000 + "1" + ")" * 3000, "SyntaxError", "nested too deeply"),
    ],
)
def test_a_query_that_cannot_be_answered(
    filled: LocalSink, call: Callable[..., Any], query: str, code: str, detail: str
) -> None:
    answered = call("POST", "/v1/apps/any/query", json.dumps({"query": query}))
    assert answered.status == 400
    error = answered.json["error"]
    assert error["code"] == "BadArgumentError"
    assert error["message"] == "The request had some invalid properties"
    assert code in error["innererror"]["code"]
    assert detail in error["innererror"]["innererror"]["message"]
    assert filled.query("customEvents | count") == [{"Count": 6}]


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"query": 3}', '{"query": null}'])
def test_a_question_that_is_none(call: Callable[..., Any], body: str) -> None:
    answered = call("POST", "/v1/apps/any/query", body)
    assert answered.status == 400
    assert answered.json["error"]["innererror"]["code"] == "QueryValidationError"


@pytest.mark.parametrize("table", ["customEvents", "AppEvents", "union AppEvents, AppTraces"])
def test_a_timespan_beside_the_query(
    filled: LocalSink, call: Callable[..., Any], table: str
) -> None:
    """Three events are of now, three of yesterday."""
    now = datetime.now(UTC)
    yesterday = f"{now - timedelta(days=1, hours=1):%Y-%m-%dT%H:%M:%SZ}"
    expected = {
        "PT1H": 3, "P2D": 6, "P1W": 6, f"{yesterday}/PT2H": 3, f"{yesterday}/P2D": 6,
        f"PT2H/{now + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}": 3,
        f"{yesterday}/{now + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}": 6,
        "2020-01-01/2020-02-01": 0, "": 6,
    }  # fmt: skip
    got = {}
    for span in expected:
        body = json.dumps({"query": f"{table} | count", "timespan": span})
        answered = call("POST", "/v1/workspaces/any/query", body)
        got[span] = answered.json["tables"][0]["rows"][0][0]
        by_get = f"/v1/apps/x/query?query={quote(f'{table} | count')}&timespan={quote(span)}"
        assert call("GET", by_get).json == answered.json
    assert got == expected
    assert filled.query(f"{table} | count") == [{"Count": 6}]


@pytest.mark.parametrize(
    "span", ["1h", "P", "PT", "P1Y", "P1", "yesterday", "2026-01-01/", "/PT1H", "P9999999999D", 3]
)
def test_a_timespan_that_is_none(call: Callable[..., Any], span: object) -> None:
    body = json.dumps({"query": "customEvents", "timespan": span})
    answered = call("POST", "/v1/apps/any/query", body)
    assert answered.status == 400
    assert "PT1H" in answered.json["error"]["innererror"]["innererror"]["message"]


def test_the_paths_of_log_analytics(filled: LocalSink, call: Callable[..., Any]) -> None:
    question = {"query": "AppEvents | summarize n = count() by Name | order by Name asc"}
    rows = [["agent_session", 4], ["cli_command", 2]]
    resource = "/subscriptions/1/resourceGroups/g/providers/microsoft.insights/components/c"
    for path in ("/v1/workspaces/w/query", f"/v1{resource}/query", f"/v1/{resource}/query"):
        answered = call("POST", path, json.dumps(question), {"Authorization": "Bearer x"})
        assert answered.json["tables"][0]["rows"] == rows
    parts = [
        {"id": "a", "method": "POST", "path": "/query", "workspace": "w", "body": question},
        {"id": "b", "workspace": "w", "body": {"query": "nowhere"}},
        {"id": "c", "workspace": "w", "body": question | {"timespan": "2020-01-01/P1D"}},
        {"id": "d"},
    ]
    responses = call("POST", "/v1/$batch", json.dumps({"requests": parts})).json["responses"]
    assert [(one["id"], one["status"]) for one in responses] == [
        ("a", 200), ("b", 400), ("c", 200), ("d", 400),
    ]  # fmt: skip
    assert responses[0]["body"]["tables"][0]["rows"] == rows
    assert responses[2]["body"]["tables"][0]["rows"] == []
    wrong: dict[str, Any]
    for wrong in ({}, {"requests": 3}, {"requests": [3]}, {"requests": [{}] * 101}):
        assert call("POST", "/v1/$batch", json.dumps(wrong)).status == 400


def test_the_client_tells_the_innermost_reason(sink: LocalSink) -> None:
    with pytest.raises(SinkError, match="nowhere"):
        sink.query("nowhere")


@pytest.mark.parametrize(
    ("sql", "type_", "value"),
    [
        ("TIMESTAMP '2026-11-22 01:02:03.004'", "datetime", "2026-11-22T01:02:03.004000Z"),
        ("TIMESTAMPTZ '2026-11-22 01:02:03+01'", "datetime", "2026-11-22T00:02:03Z"),
        ("DATE '2026-11-22'", "datetime", "2026-11-22T00:00:00Z"),
        ("INTERVAL '26 hours 3 seconds'", "timespan", "1.02:00:03"),
        ("INTERVAL '-90 minutes'", "timespan", "-01:30:00"),
        ("INTERVAL '1500 milliseconds'", "timespan", "00:00:01.5000000"),
        ("TRUE", "bool", True),
        ("170141183460469231731687303715884105727::HUGEINT", "long", 2**127 - 1),
        ("1.5::DOUBLE", "real", 1.5),
        ("'nan'::DOUBLE", "real", "NaN"),
        ("'-inf'::DOUBLE", "real", "-Infinity"),
        ("1.50::DECIMAL(5,2)", "decimal", "1.50"),
        ("NULL::VARCHAR", "string", None),
        (f"uuid '{GUID}'", "guid", GUID),
        ("[1, NULL]", "dynamic", "[1, null]"),
        ("{'t': TIMESTAMP '2026-11-22'}", "dynamic", '{"t": "2026-11-22T00:00:00Z"}'),
        ("'{\"a\":1}'::JSON", "dynamic", '{"a":1}'),
        ("TIME '01:02:03'", "timespan", "01:02:03"),
    ],
)  # fmt: skip
def test_values_are_written_as_the_api_writes_them(sql: str, type_: str, value: object) -> None:
    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    connection.execute(f"CREATE TABLE t AS SELECT {sql} AS x")  # of this file
    answer = ask(connection, Question("t"))
    assert answer.columns == [("x", type_)]
    assert answer.rows == [[value]]
    json.loads(b"".join(answer.reply()))


def test_python_values_that_duckdb_gives() -> None:
    """The types above are all that the driver maps to; they are named here to be found."""
    sql = "SELECT now()::TIMESTAMP, current_date, INTERVAL 1 DAY, 1.0"
    (row,) = duckdb.connect().execute(sql).fetchall()
    assert [type(value) for value in row] == [datetime, date, timedelta, Decimal]
