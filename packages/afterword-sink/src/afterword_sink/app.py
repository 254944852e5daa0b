"""The request handlers: ingestion, the query API, and `/sink/...` for tests.

Who may reach them is looked at in `guard`.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from afterword_sink import answers, bodies, envelopes, grammar, kql
from afterword_sink.answers import Answer
from afterword_sink.delivery import Connection, Delivery
from afterword_sink.envelopes import Item
from afterword_sink.faults import Fault, Plan
from afterword_sink.guard import Guard
from afterword_sink.ledger import Entry, Ledger
from afterword_sink.questions import BusyError, Questions
from afterword_sink.store import DatabaseError, Store

_BULK = 5_000  # items that make a flush worth its while
_FULL = 10 * _BULK  # items in memory at which a request waits for the database
_IDLE_SECONDS = 0.5  # how long an item may wait in memory where no query asks for it


class Sink:
    """The parts of one sink and what its request handlers do with them.

    Args:
        store: Where accepted items go.
        plan: Which request meets which fault, until `/sink/faults` is told another.
        questions: Asks the store.
        app_id: The id of the resource this stands for.
        tell: Told what the person at the terminal should know.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        plan: Plan,
        questions: Questions,
        *,
        app_id: str,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._questions = questions
        self._tell = tell
        self._app_id = app_id
        self._clock = clock
        self._plan = plan
        self._ledger = Ledger()
        self.delivery = Delivery()
        self._flushing: asyncio.Task[None] | None = None
        self._complaint = ""

    def app(self, *, hosts: Collection[str] = (), origins: Collection[str] = ()) -> ASGIApp:
        """The sink as an ASGI application.

        Args:
            hosts: Names that it is called by; see `guard`.
            origins: Of web pages that may send; see `guard`.
        """
        routes = [
            Route("/v2.1/track", self._track, methods=["POST"]),
            Route("/v2/track", self._track, methods=["POST"]),
            Route("/v1/apps/{app_id}/query", self._query, methods=["GET", "POST"]),
            Route("/sink", self._clear, methods=["DELETE"]),
            Route("/sink/stats", self._stats, methods=["GET"]),
            Route("/sink/requests", self._requests, methods=["GET"]),
            Route("/sink/faults", self._faults, methods=["GET"]),
            Route("/sink/faults", self._set_faults, methods=["POST"]),
            Route("/sink/faults", self._clear_faults, methods=["DELETE"]),
        ]
        handlers = {404: self._elsewhere, 405: self._elsewhere, DatabaseError: _unavailable}
        app = Starlette(routes=routes, exception_handlers=handlers, lifespan=self._lifespan)
        return _OneSlash(Guard(app, hosts=hosts, origins=origins, tell=self._tell))

    def let_go(self) -> None:
        """Drop what would hold up the end: answers under way by a fault, and running queries."""
        self.delivery.let_go()
        self._questions.let_go()

    async def _track(self, request: Request) -> Response:
        entry = await self._record(request)
        now = self._clock()
        fault = self._plan.next()
        try:
            encoding = request.headers.get("content-encoding", "")
            batch = envelopes.read(entry.body, encoding=encoding, now=now)
        except bodies.UnreadableBodyError as error:
            batch = envelopes.Batch(errors=[envelopes.ItemError(0, error.status, str(error))])
        answer = answers.answer(batch, fault, dice=self._plan.dice, now=now, app_id=self._app_id)
        self._ledger.received += batch.received
        if fault is not None:
            entry.fault = fault.text
            return _Provoked(functools.partial(self._misbehave, entry, fault, answer))
        reply = answer.reply
        if not await self._keep(answer.stored, answer.accepted):
            reply = answers.unavailable(batch.received, self._app_id)
        self._ledger.answered(entry, reply.status)
        return Response(reply.body, reply.status, media_type="application/json")

    async def _misbehave(
        self, entry: Entry, fault: Fault, answer: Answer, connection: Connection
    ) -> None:
        """Store what a fault leaves to store, before or after the answer, and play it."""
        if fault.store:
            await self._keep(answer.stored, 0)
        arrival = await self.delivery.send(answer.reply, fault, connection)
        if arrival.whole and not fault.store:
            await self._keep(answer.stored, answer.accepted)
        self._ledger.answered(entry, arrival.status)

    async def _keep(self, items: list[Item], accepted: int) -> bool:
        """Store items; False where there is no room for them."""
        if self._store.is_file:
            try:
                await asyncio.to_thread(self._store.write, items)
            except DatabaseError as error:
                self._complain(error)
                return False
            self._complaint = ""
        else:
            if self._complaint or self._store.waiting >= _FULL:
                await self._flush()
            if self._complaint:
                return False
            self._store.add(items)
            self._keep_up()
        self._ledger.accepted += accepted
        return True

    async def _query(self, request: Request) -> Response:
        try:
            question = await _question(request)
            answer = await self._questions.ask(question, _disconnected(request))
        except kql.QueryError as error:
            return _json(error.reply(), 400)
        except BusyError:
            busy = {"code": "ThrottledError", "message": "Too many queries run at once"}
            return Response(
                orjson.dumps({"error": busy}), 429, {"Retry-After": "1"}, "application/json"
            )
        if answer is None:
            raise ClientDisconnect
        return StreamingResponse(_parts(answer), media_type="application/json")

    async def _stats(self, _request: Request) -> Response:
        stored = await asyncio.to_thread(self._store.counts)
        return _json(self._ledger.counts() | stored)

    async def _requests(self, _request: Request) -> Response:
        return _json({"requests": [entry.as_json() for entry in self._ledger.entries()]})

    async def _clear(self, _request: Request) -> Response:
        await asyncio.to_thread(self._store.clear)
        self._complaint = ""
        self._ledger.clear()
        self._plan = Plan()
        return _json({})

    async def _faults(self, _request: Request) -> Response:
        return _json({"faults": self._plan.as_json()})

    async def _set_faults(self, request: Request) -> Response:
        try:
            faults, seed = _plan_of(bodies.load(await _body(request)))
        except ValueError as error:  # no JSON, or no faults
            return _json({"error": {"code": "BadArgumentError", "message": str(error)}}, 400)
        self._plan = Plan(faults, seed)
        return await self._faults(request)

    async def _clear_faults(self, request: Request) -> Response:
        self._plan = Plan()
        return await self._faults(request)

    async def _elsewhere(self, request: Request, error: Exception) -> Response:
        """What no door is for is written down too, so that nothing can be sent unseen."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        self._ledger.answered(await self._record(request), status)
        message = {"code": "PathNotFoundError", "message": "The requested path does not exist"}
        return _json({"error": message}, status)

    async def _record(self, request: Request) -> Entry:
        body = await _body(request)
        scope = request.scope
        query = scope["query_string"]
        return self._ledger.open(
            time=self._clock(),
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1")
            + (f"?{query.decode('latin-1')}" if query else ""),
            headers=[
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in scope["headers"]
            ],
            body=body,
        )

    def _keep_up(self) -> None:
        """Start a flush when there is enough for one."""
        if self._store.waiting >= _BULK and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.create_task(self._flush(_BULK))

    async def _flush(self, at_most: int | None = None) -> None:
        try:
            await asyncio.to_thread(self._store.flush, at_most)
            self._complaint = ""
        except DatabaseError as error:
            self._complain(error)

    def _complain(self, error: DatabaseError) -> None:
        """Say it on the terminal, once."""
        if str(error) != self._complaint:
            self._complaint = str(error)
            self._tell(self._complaint)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        tidying = asyncio.create_task(self._tidy())
        yield
        tidying.cancel()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_IDLE_SECONDS)
            if self._store.waiting and (self._flushing is None or self._flushing.done()):
                await self._flush()


class _OneSlash:
    """Takes `//v2.1/track` for `/v2.1/track`: exporters append to an endpoint ending in a slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = "/" + scope["path"].lstrip("/")
        with contextlib.suppress(ClientDisconnect):  # it went away in the middle of its body
            await self._app(scope, receive, send)


class _Provoked(Response):
    """An answer that is left to `delivery`, not to Starlette."""

    def __init__(self, deliver: Callable[[Connection], Awaitable[None]]) -> None:
        super().__init__()
        self._deliver = deliver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._deliver(Connection(scope, receive, send))


def _plan_of(asked: Any) -> tuple[list[Fault], int]:
    """The faults and the seed in what `POST /sink/faults` was told."""
    scripts = asked.get("faults") if isinstance(asked, dict) else None
    if not isinstance(scripts, list) or not all(isinstance(script, str) for script in scripts):
        raise ValueError('the body is {"faults": ["500 times=2", ...], "seed": 0}')
    seed = asked.get("seed", 0)
    if not isinstance(seed, int):
        raise ValueError("the seed is a whole number")  # noqa: TRY004  # a value from outside
    return [fault for script in scripts for fault in grammar.parse(script)], seed


async def _body(request: Request) -> bytes:
    """The body; of one that is too large its beginning, still too large.

    The rest is read and dropped: a client that is still writing would not see the answer.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        if size <= bodies.BODY_BYTES:
            chunks.append(chunk)
            size += len(chunk)
    return b"".join(chunks)


async def _disconnected(request: Request) -> None:
    """End when the client goes; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _parts(answer: kql.Answer) -> AsyncIterator[bytes]:
    for part in answer.reply():
        yield part


async def _question(request: Request) -> kql.Question:
    if request.method == "GET":
        asked: Any = dict(request.query_params)
    else:
        try:
            asked = bodies.load(await _body(request))
        except bodies.UnreadableBodyError as error:
            raise kql.QueryError(
                "QueryValidationError", "The body is not JSON.", str(error)
            ) from error
    query = asked.get("query") if isinstance(asked, dict) else None
    if not isinstance(query, str):
        raise kql.QueryError(
            "QueryValidationError", "The query is missing.", "'query' property is required"
        )
    if asked.get("timespan"):
        raise kql.QueryError(
            "UnsupportedError",
            "The local sink cannot answer this query; the real service may.",
            "'timespan' is not supported: say it in the query, | where timestamp > ago(1d)",
        )
    return kql.Question(query)


async def _unavailable(_request: Request, error: Exception) -> Response:
    return _json({"error": {"code": "InternalServerFault", "message": str(error)}}, 503)


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
