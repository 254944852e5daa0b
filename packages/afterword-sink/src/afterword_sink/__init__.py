"""A local Application Insights: ingestion, the `customEvents` table, KQL, and faults on demand.

    cli, local ─ client ── HTTP ── server ─ guard ─ app ─┬─ bodies ─ envelopes   what is taken
                                                         ├─ grammar ─ faults     what goes wrong
                                                         ├─ answers              what is answered
                                                         ├─ delivery             how it travels
                                                         ├─ store ─ tables ─ table   the tables
                                                         ├─ questions ─ kql ─ dialect   queries
                                                         └─ ledger               what came and went

`LocalSink` and `SinkClient` load the standard library only.
"""

from afterword_sink.client import ReceivedRequest, SinkClient, SinkError
from afterword_sink.local import LocalSink

__all__ = ["LocalSink", "ReceivedRequest", "SinkClient", "SinkError"]
