"""A local Application Insights: ingestion, tables, KQL, and faults on demand.

    cli, local ─ client ── HTTP ── server ─ guard ─ app ─┬─ ingestion   telemetry in
                                                         └─ query_api   queries in

    ingestion ─┬─ envelopes, otlp ─ bodies       what is accepted
               ├─ grammar ─ faults               what goes wrong on demand
               ├─ answers ─ azure_replies, otlp  what is answered
               ├─ delivery                       how the answer is sent
               ├─ ledger                         the last requests, and counts
               └─ intake ─ store ─ tables ─ table   where it is stored
    query_api ── questions ─ kql                 how a query is answered

Importing this loads the standard library only; the server's libraries load in its own process.
"""

from afterword_sink.client import ReceivedRequest, SinkClient, SinkError
from afterword_sink.local import LocalSink

__all__ = ["LocalSink", "ReceivedRequest", "SinkClient", "SinkError"]
