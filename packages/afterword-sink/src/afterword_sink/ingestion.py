"""The ingestion endpoints: Application Insights' own protocol, and OTLP for logs."""

import functools
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from afterword_sink import answers, envelopes
from afterword_sink.answers import Answer, Replies
from afterword_sink.azure_replies import AzureReplies
from afterword_sink.bodies import UnreadableBodyError, body_of
from afterword_sink.delivery import Connection, Delivery
from afterword_sink.envelopes import Batch, ItemError
from afterword_sink.faults import Fault, Plan
from afterword_sink.intake import Intake
from afterword_sink.ledger import Entry, Ledger
from afterword_sink.otlp import records, rows
from afterword_sink.otlp.replies import OtlpReplies

Read = Callable[[bytes], Batch]


class State(Protocol):
    """What the endpoints share with the rest of the sink."""

    plan: Plan
    ledger: Ledger
    delivery: Delivery
    intake: Intake
    app_id: str
    key: str
    clock: Callable[[], float]
    any_age: bool


class Ingestion:
    """The endpoints that receive telemetry.

    Args:
        state: The sink's.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """The paths and their handlers."""
        return [
            Route("/v2.1/track", self._track, methods=["POST"]),
            Route("/v2/track", self._track, methods=["POST"]),
            Route("/v1/logs", self._logs, methods=["POST"]),
        ]

    async def _track(self, request: Request) -> Response:
        encoding = request.headers.get("content-encoding", "")
        now = self._state.clock()
        read = functools.partial(
            envelopes.read, encoding=encoding, now=now, any_age=self._state.any_age
        )
        return await self._take(request, read, AzureReplies(self._state.app_id), now)

    async def _logs(self, request: Request) -> Response:
        encoding = request.headers.get("content-encoding", "")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        now = self._state.clock()

        def read(body: bytes) -> Batch:
            found = records.read(body, kind=kind, encoding=encoding)
            return rows.batch(found, key=self._state.key, now=now)

        return await self._take(request, read, OtlpReplies(kind), now)

    async def _take(self, request: Request, read: Read, replies: Replies, now: float) -> Response:
        state = self._state
        entry = await record(request, state)
        fault = state.plan.next()
        try:
            batch = read(entry.body)
        except UnreadableBodyError as error:
            batch = Batch(errors=[ItemError(0, error.status, str(error))])
        answer = answers.answer(batch, fault, replies, rng=state.plan.rng, now=now)
        entry.items = batch.received
        state.ledger.received += batch.received
        if fault is not None:
            entry.fault = fault.text
            return _FaultyResponse(functools.partial(self._play, entry, fault, answer))
        reply = answer.reply
        if await state.intake.keep(answer.stored):
            state.ledger.accepted += answer.accepted
        else:
            reply = replies.refusal(503, batch.received)
        state.ledger.answered(entry, reply.status)
        return Response(reply.body, reply.status, media_type=reply.media_type)

    async def _play(
        self, entry: Entry, fault: Fault, answer: Answer, connection: Connection
    ) -> None:
        """Apply a fault: send its answer, and store what it lets through, before or after."""
        state = self._state
        if fault.store:
            await state.intake.keep(answer.stored)
        arrival = await state.delivery.send(answer.reply, fault, connection)
        if arrival.whole and not fault.store and await state.intake.keep(answer.stored):
            state.ledger.accepted += answer.accepted
        state.ledger.answered(entry, arrival.status)


async def record(request: Request, state: State) -> Entry:
    """Read a request and record it in the ledger."""
    body = await body_of(request.stream())
    scope = request.scope
    query = scope["query_string"]
    return state.ledger.open(
        time=state.clock(),
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1") + (f"?{query.decode('latin-1')}" if query else ""),
        headers=[
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ],
        body=body,
    )


class _FaultyResponse(Response):
    """An answer that `delivery` sends, not Starlette."""

    def __init__(self, deliver: Callable[[Connection], Awaitable[None]]) -> None:
        super().__init__()
        self._deliver = deliver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._deliver(Connection(scope, receive, send))
