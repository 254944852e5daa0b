"""A local Application Insights: ingestion, the `customEvents` table, KQL, and faults on demand.

    cli, local ─ client ── HTTP ── server ─ app ─┬─ bodies ─ envelopes   what the service takes
                                                 ├─ grammar ─ faults     what goes wrong, and when
                                                 ├─ answers              what is answered and stored
                                                 ├─ delivery             how an answer travels
                                                 ├─ store ─ table        customEvents, in DuckDB
                                                 ├─ kql                  the query API
                                                 └─ ledger               what came, and what went

`LocalSink` and `SinkClient` load the standard library only.
"""

from afterword_sink.client import ReceivedRequest, SinkClient, SinkError
from afterword_sink.local import LocalSink

__all__ = ["LocalSink", "ReceivedRequest", "SinkClient", "SinkError"]
