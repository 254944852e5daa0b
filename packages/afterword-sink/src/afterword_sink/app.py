"""The sink as an ASGI application: its paths, and `/sink/...` for tests.

`guard` decides who may reach them.
"""

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from afterword_sink import bodies, grammar, kql, page
from afterword_sink.client import unpacked
from afterword_sink.delivery import Delivery
from afterword_sink.faults import Fault, Plan
from afterword_sink.guard import Guard
from afterword_sink.ingestion import Ingestion, record
from afterword_sink.intake import Intake
from afterword_sink.ledger import Entry, Ledger
from afterword_sink.query_api import QueryApi, disconnected, json_response
from afterword_sink.questions import BusyError, Questions
from afterword_sink.store import DatabaseError, Store


class Sink:
    """The parts of one sink.

    Args:
        store: Keeps accepted items.
        plan: Which fault applies to which request, until `/sink/faults` sets another.
        questions: Runs queries.
        app_id: The id of the resource this stands for.
        key: Its instrumentation key.
        connection_string: Makes a connection string of its URL.
        log: Called with messages for the terminal.
        log_request: Called with each request after it was answered.
        any_age: Accept items that are too old or too new for the service.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        plan: Plan,
        questions: Questions,
        *,
        app_id: str,
        key: str,
        connection_string: Callable[[str], str],
        log: Callable[[str], None],
        log_request: Callable[[Entry], None],
        any_age: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._questions = questions
        self._log = log
        self._connection_string = connection_string
        self.plan = plan
        self.ledger = Ledger(log=log_request)
        self.delivery = Delivery()
        self.intake = Intake(store, log)
        self.app_id = app_id
        self.key = key
        self.any_age = any_age
        self.clock = clock

    def app(self, *, hosts: Collection[str] = (), origins: Collection[str] = ()) -> ASGIApp:
        """The sink as an ASGI application.

        Args:
            hosts: Host names to accept; see `guard`.
            origins: Origins of web pages that may send; see `guard`.
        """
        routes = [
            *Ingestion(self).routes(),
            *QueryApi(self._questions, self.clock).routes(),
            Route("/", self._front, methods=["GET", "HEAD"]),
            Route("/health", _health, methods=["GET", "HEAD"]),
            Route("/QuickPulseService.svc/{call}", _live, methods=["POST"]),
            Route("/sink", self._clear, methods=["DELETE"]),
            Route("/sink/stats", self._stats, methods=["GET"]),
            Route("/sink/requests", self._requests, methods=["GET"]),
            Route("/sink/faults", self._faults, methods=["GET"]),
            Route("/sink/faults", self._set_faults, methods=["POST"]),
            Route("/sink/faults", self._clear_faults, methods=["DELETE"]),
        ]
        handlers = {404: self._elsewhere, 405: self._elsewhere, DatabaseError: _unavailable}
        app = Starlette(routes=routes, exception_handlers=handlers, lifespan=self._lifespan)
        return _OneSlash(Guard(app, hosts=hosts, origins=origins, log=self._log))

    def stop(self) -> None:
        """End what would delay the shutdown: connections held by a fault, and running queries."""
        self.delivery.stop()
        self._questions.stop()

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with self.intake.running():
            yield

    async def _front(self, request: Request) -> Response:
        """The page for a browser; the health answer for other clients."""
        if "text/html" not in request.headers.get("accept", ""):
            return await _health(request)
        question, answer, wrong = request.query_params.get("q", ""), None, ""
        if question.strip():
            try:
                given = await self._questions.ask(
                    kql.Question(question), functools.partial(disconnected, request)
                )
                answer = unpacked(json.loads(b"".join(given.reply()))) if given else None
            except kql.QueryError as error:
                wrong = error.detail
            except BusyError:
                wrong = "Too many queries run at once."
        counts = await asyncio.to_thread(self._store.counts)
        text = page.render(
            connection_string=self._connection_string(str(request.base_url)),
            counts={"customEvents": counts["stored"], **counts["other_items"]},
            entries=self.ledger.entries(),
            question=question,
            answer=answer,
            wrong=wrong,
        )
        return HTMLResponse(text, headers=page.HEADERS)

    async def _stats(self, _request: Request) -> Response:
        stored = await asyncio.to_thread(self._store.counts)
        return json_response(self.ledger.counts() | stored)

    async def _requests(self, _request: Request) -> Response:
        return json_response({"requests": [entry.as_json() for entry in self.ledger.entries()]})

    async def _clear(self, _request: Request) -> Response:
        await self.intake.clear()
        self.ledger.clear()
        self.plan = Plan()
        return json_response({})

    async def _faults(self, _request: Request) -> Response:
        return json_response({"faults": self.plan.as_json()})

    async def _set_faults(self, request: Request) -> Response:
        try:
            faults, seed = _plan_of(bodies.load(await bodies.body_of(request.stream())))
        except ValueError as error:  # no JSON, or no faults
            wrong = {"code": "BadArgumentError", "message": str(error)}
            return json_response({"error": wrong}, 400)
        self.plan = Plan(faults, seed)
        return await self._faults(request)

    async def _clear_faults(self, request: Request) -> Response:
        self.plan = Plan()
        return await self._faults(request)

    async def _elsewhere(self, request: Request, error: Exception) -> Response:
        """Answer an unknown path with 404, and record the request like any other."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        self.ledger.answered(await record(request, self), status)
        message = {"code": "PathNotFoundError", "message": "The requested path does not exist"}
        return json_response({"error": message}, status)


class _OneSlash:
    """Treats `//v2.1/track` as `/v2.1/track`: exporters append to an endpoint ending in a slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = "/" + scope["path"].lstrip("/")
        with contextlib.suppress(ClientDisconnect):  # while its body was read
            await self._app(scope, receive, send)


def _plan_of(asked: Any) -> tuple[list[Fault], int]:
    """The faults and the seed in the body of `POST /sink/faults`."""
    scripts = asked.get("faults") if isinstance(asked, dict) else None
    if not isinstance(scripts, list) or not all(isinstance(script, str) for script in scripts):
        raise ValueError('the body is {"faults": ["500 times=2", ...], "seed": 0}')
    seed = asked.get("seed", 0)
    if not isinstance(seed, int):
        raise ValueError("the seed is a whole number")  # noqa: TRY004  # a value from outside
    return [fault for script in scripts for fault in grammar.parse(script)], seed


async def _health(_request: Request) -> Response:
    return json_response({"status": "ok", "sink": "afterword-sink"})


async def _live(request: Request) -> Response:
    """Answer an SDK's live metrics that nobody is watching, so that it sends none."""
    await bodies.body_of(request.stream())
    return Response(headers={"x-ms-qps-subscribed": "false"})


async def _unavailable(_request: Request, error: Exception) -> Response:
    return json_response({"error": {"code": "InternalServerFault", "message": str(error)}}, 503)
