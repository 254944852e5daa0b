"""The tables, and which kind of telemetry goes into which.

The columns are those of Microsoft's reference: of the query API (`customEvents`), and of a Log
Analytics workspace (`AppEvents`), which is a view of the same rows.
"""

from afterword_sink.table import (
    BASE,
    Column,
    Table,
    bucket,
    columns,
    flag,
    milliseconds,
    number,
    severity,
    text,
)

_MAPS = {"properties": "JSON", "measurements": "JSON"}
_OUTER = f'{BASE}."exceptions"[1]'
_INNER = f'{BASE}."exceptions"[-1]'
_FRAME = '"parsedStack"[1]'
_METRIC = f'{BASE}."metrics"[1]'


def _texts(*names: str) -> dict[str, object]:
    return dict.fromkeys(names, "VARCHAR")


def _spent(field: str = "duration") -> tuple[Column, Column]:
    return (
        Column("duration", "DOUBLE", milliseconds(field), "DurationMs"),
        Column("performanceBucket", "VARCHAR", bucket(field), "PerformanceBucket"),
    )


def _part(name: str, field: str, workspace: str) -> Column:
    return Column(name, "DOUBLE", milliseconds(field), workspace)


def _exception(name: str, source: str, workspace: str) -> Column:
    return Column(name, "VARCHAR", f"coalesce({source}, '')", workspace)


CUSTOM_EVENTS = Table(
    "customEvents",
    "AppEvents",
    columns("customEvent", Column("name", "VARCHAR", f'{BASE}."name"', "Name"), measurements=True),
    {"name": "VARCHAR", **_MAPS},
)
REQUESTS = Table(
    "requests",
    "AppRequests",
    columns(
        "request",
        Column("id", "VARCHAR", text("id"), "Id"),
        Column("source", "VARCHAR", text("source"), "Source"),
        Column("name", "VARCHAR", text("name"), "Name"),
        Column("url", "VARCHAR", text("url"), "Url"),
        Column("success", "VARCHAR", flag("success"), "Success"),
        Column("resultCode", "VARCHAR", text("responseCode"), "ResultCode"),
        *_spent(),
        measurements=True,
    ),
    {**_texts("id", "source", "name", "url", "success", "responseCode", "duration"), **_MAPS},
)
DEPENDENCIES = Table(
    "dependencies",
    "AppDependencies",
    columns(
        "dependency",
        Column("id", "VARCHAR", text("id"), "Id"),
        Column("target", "VARCHAR", text("target"), "Target"),
        Column("type", "VARCHAR", text("type"), "DependencyType"),
        Column("name", "VARCHAR", text("name"), "Name"),
        Column("data", "VARCHAR", text("data"), "Data"),
        Column("success", "VARCHAR", flag("success"), "Success"),
        Column("resultCode", "VARCHAR", text("resultCode"), "ResultCode"),
        *_spent(),
        measurements=True,
    ),
    {
        **_texts("id", "target", "type", "name", "data", "success", "resultCode", "duration"),
        **_MAPS,
    },
)
TRACES = Table(
    "traces",
    "AppTraces",
    columns(
        "trace",
        Column("message", "VARCHAR", text("message"), "Message"),
        Column("severityLevel", "INTEGER", severity("severityLevel"), "SeverityLevel"),
        measurements=True,
    ),
    {**_texts("message", "severityLevel"), **_MAPS},
)
EXCEPTIONS = Table(
    "exceptions",
    "AppExceptions",
    columns(
        "exception",
        _exception("problemId", f'{BASE}."problemId", {_INNER}."typeName"', "ProblemId"),
        _exception("handledAt", f"{BASE}.\"properties\"->>'handledAt'", "HandledAt"),
        _exception("type", f'{_OUTER}."typeName"', "ExceptionType"),
        _exception("message", f'{_OUTER}."message"', "Message"),
        _exception("assembly", f'{_OUTER}.{_FRAME}."assembly"', "Assembly"),
        _exception("method", f'{_OUTER}.{_FRAME}."method"', "Method"),
        _exception("outerType", f'{_OUTER}."typeName"', "OuterType"),
        _exception("outerMessage", f'{_OUTER}."message"', "OuterMessage"),
        _exception("outerAssembly", f'{_OUTER}.{_FRAME}."assembly"', "OuterAssembly"),
        _exception("outerMethod", f'{_OUTER}.{_FRAME}."method"', "OuterMethod"),
        _exception("innermostType", f'{_INNER}."typeName"', "InnermostType"),
        _exception("innermostMessage", f'{_INNER}."message"', "InnermostMessage"),
        _exception("innermostAssembly", f'{_INNER}.{_FRAME}."assembly"', "InnermostAssembly"),
        _exception("innermostMethod", f'{_INNER}.{_FRAME}."method"', "InnermostMethod"),
        Column("severityLevel", "INTEGER", severity("severityLevel"), "SeverityLevel"),
        Column("details", "JSON", f"coalesce(to_json({BASE}.\"exceptions\"), '[]')", "Details"),
        measurements=True,
    ),
    {
        **_texts("problemId", "severityLevel"),
        "exceptions": [
            {
                **_texts("typeName", "message", "stack"),
                "parsedStack": [_texts("level", "method", "assembly", "fileName", "line")],
            }
        ],
        **_MAPS,
    },
)
PAGE_VIEWS = Table(
    "pageViews",
    "AppPageViews",
    columns(
        "pageView",
        Column("id", "VARCHAR", text("id"), "Id"),
        Column("name", "VARCHAR", text("name"), "Name"),
        Column("url", "VARCHAR", text("url"), "Url"),
        *_spent(),
        measurements=True,
    ),
    {**_texts("id", "name", "url", "duration"), **_MAPS},
)
BROWSER_TIMINGS = Table(
    "browserTimings",
    "AppBrowserTimings",
    columns(
        "browserTiming",
        Column("name", "VARCHAR", text("name"), "Name"),
        Column("url", "VARCHAR", text("url"), "Url"),
        _part("networkDuration", "networkConnect", "NetworkDurationMs"),
        _part("sendDuration", "sentRequest", "SendDurationMs"),
        _part("receiveDuration", "receivedResponse", "ReceiveDurationMs"),
        _part("processingDuration", "domProcessing", "ProcessingDurationMs"),
        _part("totalDuration", "perfTotal", "TotalDurationMs"),
        Column("performanceBucket", "VARCHAR", bucket("perfTotal"), "PerformanceBucket"),
        measurements=True,
    ),
    {
        **_texts("name", "url", "networkConnect", "sentRequest", "receivedResponse"),
        **_texts("domProcessing", "perfTotal"),
        **_MAPS,
    },
)
CUSTOM_METRICS = Table(
    "customMetrics",
    "AppMetrics",
    columns(
        "customMetric",
        Column("name", "VARCHAR", f"coalesce({_METRIC}.\"name\", '')", "Name"),
        Column("value", "DOUBLE", f'{_METRIC}."value"'),
        Column("valueCount", "INTEGER", f'coalesce({_METRIC}."count", 1)'),
        Column("valueSum", "DOUBLE", f'{_METRIC}."value"', "Sum"),
        Column("valueMin", "DOUBLE", f'coalesce({_METRIC}."min", {_METRIC}."value")', "Min"),
        Column("valueMax", "DOUBLE", f'coalesce({_METRIC}."max", {_METRIC}."value")', "Max"),
        Column("valueStdDev", "DOUBLE", f'coalesce({_METRIC}."stdDev", 0)'),
    ),
    {
        "metrics": [
            {
                "name": "VARCHAR",
                **dict.fromkeys(("value", "min", "max", "stdDev"), "DOUBLE"),
                "count": "INTEGER",
            }
        ],
        "properties": "JSON",
    },
)
AVAILABILITY_RESULTS = Table(
    "availabilityResults",
    "AppAvailabilityResults",
    columns(
        "availabilityResult",
        Column("id", "VARCHAR", text("id"), "Id"),
        Column("name", "VARCHAR", text("name"), "Name"),
        Column("location", "VARCHAR", text("runLocation"), "Location"),
        Column("success", "VARCHAR", flag("success"), "Success"),
        Column("message", "VARCHAR", text("message"), "Message"),
        Column("size", "DOUBLE", number("size"), "Size"),
        *_spent(),
        measurements=True,
    ),
    {
        **_texts("id", "name", "runLocation", "success", "message", "duration"),
        "size": "DOUBLE",
        **_MAPS,
    },
)
TABLES = {
    table.name: table
    for table in (
        CUSTOM_EVENTS,
        REQUESTS,
        DEPENDENCIES,
        TRACES,
        EXCEPTIONS,
        PAGE_VIEWS,
        BROWSER_TIMINGS,
        CUSTOM_METRICS,
        AVAILABILITY_RESULTS,
    )
}
TABLE_OF = {
    "AvailabilityData": "availabilityResults",
    "EventData": "customEvents",
    "ExceptionData": "exceptions",
    "MessageData": "traces",
    "MetricData": "customMetrics",
    "PageViewData": "pageViews",
    "PageViewPerfData": "browserTimings",
    "PageviewData": "pageViews",  # the browser SDK's spelling
    "PageviewPerformanceData": "browserTimings",
    "RemoteDependencyData": "dependencies",
    "RequestData": "requests",
}
"""The table of each `baseType`."""
