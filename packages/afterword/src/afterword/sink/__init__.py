"""A local Application Insights: ingestion, the `customEvents` table, KQL, and faults on demand.

    command line    cli ── client ─┐              ┌─ envelopes   what the service takes
    tests, demos    local ─ client ┴─ HTTP ─ app ─┼─ store ─ table   DuckDB
                                      │           ├─ kql         the query API
                                    server        └─ ledger      what came, what was answered

`LocalSink` and `SinkClient` need the standard library only, the sink itself `afterword[sink]`.
"""

from afterword.sink.client import ReceivedRequest, SinkClient, SinkError
from afterword.sink.local import LocalSink

__all__ = ["LocalSink", "ReceivedRequest", "SinkClient", "SinkError"]
