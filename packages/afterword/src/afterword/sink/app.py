"""The sink's doors: ingestion, the query API, and `/sink/...` for those who watch or provoke it."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from afterword.sink import envelopes, kql
from afterword.sink.ledger import Entry, Ledger
from afterword.sink.store import DatabaseError, Store

_BULK = 5_000  # items that make a flush worth its while
_FULL = 10 * _BULK  # items in memory at which a request waits for the database
_IDLE_SECONDS = 0.5  # how long an item may wait in memory where no query asks for it


class Sink:
    """The parts of one sink and what its doors do with them.

    Args:
        store: Where accepted items go.
        app_id: The id of the resource this stands for.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, store: Store, *, app_id: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._app_id = app_id
        self._clock = clock
        self._ledger = Ledger()
        self._flushing: asyncio.Task[None] | None = None

    def app(self) -> ASGIApp:
        """The sink as an ASGI application."""
        routes = [
            Route("/v2.1/track", self._track, methods=["POST"]),
            Route("/v2/track", self._track, methods=["POST"]),
            Route("/v1/apps/{app_id}/query", self._query, methods=["GET", "POST"]),
            Route("/sink", self._clear, methods=["DELETE"]),
            Route("/sink/stats", self._stats, methods=["GET"]),
            Route("/sink/requests", self._requests, methods=["GET"]),
            Route("/{path:path}", self._elsewhere, methods=None),
        ]
        return _OneSlash(Starlette(routes=routes, lifespan=self._lifespan))

    async def _track(self, request: Request) -> Response:
        entry = await self._record(request)
        try:
            encoding = request.headers.get("content-encoding", "")
            batch = envelopes.read(entry.body, encoding=encoding, now=self._clock())
        except envelopes.UnreadableBodyError as error:
            whole = envelopes.ItemError(0, error.status, str(error))
            return self._reply(entry, received=0, accepted=0, errors=[whole])
        self._ledger.received += batch.received
        self._ledger.accepted += len(batch.items)
        self._store.add(batch.items)
        await self._keep_up()
        return self._reply(
            entry, received=batch.received, accepted=len(batch.items), errors=batch.errors
        )

    def _reply(
        self, entry: Entry, *, received: int, accepted: int, errors: list[envelopes.ItemError]
    ) -> Response:
        """The service's answer: 200, 206 for some, and the first item's status for none."""
        status = 200 if not errors else 206 if accepted else errors[0].status
        self._ledger.answered(entry, status)
        return _json(
            {
                "itemsReceived": received,
                "itemsAccepted": accepted,
                "appId": self._app_id,
                "errors": [
                    {"index": error.index, "statusCode": error.status, "message": error.message}
                    for error in errors
                ],
            },
            status,
        )

    async def _query(self, request: Request) -> Response:
        try:
            query = await _query_text(request)
            answer = await asyncio.to_thread(self._ask, query)
        except kql.QueryError as error:
            return _json(error.reply(), 400)
        except DatabaseError as error:
            fault = {"code": "InternalServerFault", "message": str(error)}
            return _json({"error": fault}, 503)
        # The standard library's: a sum may be larger than the 64 bits that orjson writes.
        text = await asyncio.to_thread(json.dumps, answer.reply(), separators=(",", ":"))
        return Response(text, media_type="application/json")

    def _ask(self, query: str) -> kql.Answer:
        with self._store.reading() as connection:
            return kql.ask(connection, query)

    async def _stats(self, _request: Request) -> Response:
        stored = await asyncio.to_thread(self._store.counts)
        return _json(self._ledger.counts() | stored)

    async def _requests(self, _request: Request) -> Response:
        return _json({"requests": [entry.as_json() for entry in self._ledger.entries()]})

    async def _clear(self, _request: Request) -> Response:
        await asyncio.to_thread(self._store.clear)
        self._ledger.clear()
        return _json({})

    async def _elsewhere(self, request: Request) -> Response:
        entry = await self._record(request)
        self._ledger.answered(entry, 404)
        return _json({"error": {"code": "PathNotFoundError", "message": "No such path"}}, 404)

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

    async def _keep_up(self) -> None:
        """Start a flush when there is enough for one; wait for it only when memory fills."""
        if self._store.waiting >= _BULK and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.create_task(self._flush())
        if self._store.waiting >= _FULL and self._flushing is not None:
            await self._flushing

    async def _flush(self) -> None:
        try:
            await asyncio.to_thread(self._store.flush)
        except DatabaseError as error:
            print(f"afterword sink: {error}", file=sys.stderr)  # noqa: T201  # its user's terminal

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        tidying = asyncio.create_task(self._tidy())
        yield
        tidying.cancel()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_IDLE_SECONDS)
            if self._store.waiting:
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


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > envelopes.BODY_BYTES:
            raise ClientDisconnect
        chunks.append(chunk)
    return b"".join(chunks)


async def _query_text(request: Request) -> str:
    if request.method == "GET":
        asked: Any = dict(request.query_params)
    else:
        try:
            asked = orjson.loads(await _body(request))
        except orjson.JSONDecodeError as error:
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
    return query


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
