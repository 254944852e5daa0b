"""Each kind of telemetry in its table, under the query API's names and the workspace's."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from afterword_sink import LocalSink
from afterword_sink.tables import TABLE_OF, TABLES

FRAME = {"level": 0, "method": "run", "assembly": "main", "fileName": "main.py", "line": 3}
# baseType, baseData, the table, its own columns, the workspace's table, its own columns
KINDS: list[tuple[str, dict[str, Any], str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "EventData",
        {"name": "done", "measurements": {"ms": 2.5}},
        "customEvents",
        {"name": "done", "customMeasurements": {"ms": 2.5}, "itemType": "customEvent"},
        "AppEvents",
        {"Name": "done", "Measurements": {"ms": 2.5}, "Type": "AppEvents"},
    ),
    (
        "RequestData",
        {"id": "r1", "source": "s", "name": "GET /", "url": "http://x/", "success": False,
         "responseCode": "500", "duration": "1.02:03:04.5678901"},
        "requests",
        {"id": "r1", "name": "GET /", "url": "http://x/", "success": "False", "resultCode": "500",
         "duration": 93_784_567.89, "performanceBucket": ">=5min", "source": "s"},
        "AppRequests",
        {"Id": "r1", "Success": False, "ResultCode": "500", "DurationMs": 93_784_567.89},
    ),
    (
        "RemoteDependencyData",
        {"id": "d1", "target": "db", "type": "SQL", "name": "q", "data": "SELECT 1",
         "success": True, "resultCode": "0", "duration": "00:00:00.300"},
        "dependencies",
        {"id": "d1", "target": "db", "type": "SQL", "data": "SELECT 1", "success": "True",
         "duration": 300.0, "performanceBucket": "250ms-500ms"},
        "AppDependencies",
        {"DependencyType": "SQL", "Success": True, "DurationMs": 300.0},
    ),
    (
        "MessageData",
        {"message": "hello", "severityLevel": "Warning"},
        "traces",
        {"message": "hello", "severityLevel": 2},
        "AppTraces",
        {"Message": "hello", "SeverityLevel": 2},
    ),
    (
        "ExceptionData",
        {"severityLevel": 3,
         "exceptions": [{"typeName": "ValueError", "message": "no", "parsedStack": [FRAME]},
                        {"typeName": "KeyError", "message": "inner"}]},
        "exceptions",
        {"type": "ValueError", "outerMessage": "no", "innermostType": "KeyError", "method": "run",
         "problemId": "KeyError", "severityLevel": 3},
        "AppExceptions",
        {"ExceptionType": "ValueError", "OuterMessage": "no", "InnermostMessage": "inner"},
    ),
    (
        "PageviewData",
        {"id": "p", "name": "Home", "url": "http://x/", "duration": "00:00:02"},
        "pageViews",
        {"name": "Home", "url": "http://x/", "duration": 2000.0, "performanceBucket": "1sec-3sec"},
        "AppPageViews",
        {"Name": "Home", "DurationMs": 2000.0},
    ),
    (
        "PageviewPerformanceData",
        {"name": "Home", "perfTotal": "00:00:01", "networkConnect": "00:00:00.100",
         "domProcessing": "00:00:00.250"},
        "browserTimings",
        {"name": "Home", "totalDuration": 1000.0, "networkDuration": 100.0, "sendDuration": None},
        "AppBrowserTimings",
        {"TotalDurationMs": 1000.0, "ProcessingDurationMs": 250.0},
    ),
    (
        "MetricData",
        {"metrics": [{"name": "size", "value": 12.5, "count": 2, "min": 5, "max": 7.5}]},
        "customMetrics",
        {"name": "size", "value": 12.5, "valueSum": 12.5, "valueCount": 2, "valueMin": 5.0},
        "AppMetrics",
        {"Name": "size", "Sum": 12.5, "Max": 7.5},
    ),
    (
        "AvailabilityData",
        {"id": "a", "name": "ping", "duration": "00:00:00.0500000", "success": True,
         "runLocation": "here", "message": "fine"},
        "availabilityResults",
        {"name": "ping", "location": "here", "success": "True", "duration": 50.0},
        "AppAvailabilityResults",
        {"Location": "here", "Success": True},
    ),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_each_kind_in_its_table(
    sink: LocalSink, track: Callable[..., Any], envelope: Callable[..., dict[str, Any]], kind: Any
) -> None:
    base_type, base, table, expected, workspace, expected_there = kind
    data = {"baseType": base_type, "baseData": {"properties": {"a": "b"}} | base}
    assert track(envelope(data=data)).status == 200
    (row,) = sink.query(table)
    assert {name: row[name] for name in expected} == expected
    assert (row["customDimensions"], row["user_Id"]) == ({"a": "b"}, "u1")
    (there,) = sink.query(workspace)
    assert {name: there[name] for name in expected_there} == expected_there
    assert (there["Properties"], there["UserId"], there["AppRoleName"]) == (
        {"a": "b"}, "u1", "atomic",
    )  # fmt: skip
    assert there["TimeGenerated"] == row["timestamp"]
    counts = {name: sink.query(f"{name} | count")[0]["Count"] for name in TABLES}
    assert counts == dict.fromkeys(TABLES, 0) | {table: 1}


def test_every_base_type_has_a_table() -> None:
    assert {kind[0] for kind in KINDS} <= set(TABLE_OF)
    assert set(TABLE_OF.values()) == set(TABLES)


def test_a_union_over_all_tables(
    sink: LocalSink, track: Callable[..., Any], envelope: Callable[..., dict[str, Any]]
) -> None:
    for base_type, base, *_ in KINDS:
        track(envelope(data={"baseType": base_type, "baseData": base}))
    rows = sink.query(f"union {', '.join(TABLES)} | summarize n = count() by itemType")
    assert {row["itemType"]: row["n"] for row in rows} == {
        "customEvent": 1, "request": 1, "dependency": 1, "trace": 1, "exception": 1, "pageView": 1,
        "browserTiming": 1, "customMetric": 1, "availabilityResult": 1,
    }  # fmt: skip
    assert json.dumps(sink.stats()["other_items"])
