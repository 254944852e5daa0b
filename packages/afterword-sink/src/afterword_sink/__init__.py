"""A local Application Insights: ingestion, the `customEvents` table, KQL, and faults on demand.

    cli, local ─ client ── HTTP ── server ─ guard ─ app ─┬─ ingestion   telemetry comes
                                                         └─ query_api   questions come

    ingestion ─┬─ envelopes, otlp ─ bodies       what is taken
               ├─ grammar ─ faults               what goes wrong on demand
               ├─ answers ─ azure_replies, otlp  what is answered
               ├─ delivery                       how the answer travels
               ├─ ledger                         what came and what went
               └─ intake ─ store ─ tables ─ table   where it goes
    query_api ── questions ─ kql                 how a question is answered

`LocalSink` and `SinkClient` load the standard library only.
"""

from afterword_sink.client import ReceivedRequest, SinkClient, SinkError
from afterword_sink.local import LocalSink

__all__ = ["LocalSink", "ReceivedRequest", "SinkClient", "SinkError"]
