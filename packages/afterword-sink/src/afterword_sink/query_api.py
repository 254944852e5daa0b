"""The query API, under the paths of Azure Monitor's two APIs.

`/v1/apps/…` is the path of Application Insights; `/v1/workspaces/…`, `/v1/{resource}/…` and
`/v1/$batch` are those of Log Analytics. Here all of them query the same tables.
"""

import functools
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from afterword_sink import bodies, kql
from afterword_sink.kql.timespan import parse as parse_span
from afterword_sink.questions import BusyError, Questions

_BUSY = {"error": {"code": "ThrottledError", "message": "Too many queries run at once"}}
_BATCH = 100  # requests in one; the service's own limit


class QueryApi:
    """The endpoints that answer queries.

    Args:
        questions: Runs queries.
        clock: Seconds since the epoch.
    """

    def __init__(self, questions: Questions, clock: Callable[[], float]) -> None:
        self._questions = questions
        self._clock = clock

    def routes(self) -> list[Route]:
        """The paths and their handlers."""
        return [
            Route("/v1/apps/{app_id}/query", self._query, methods=["GET", "POST"]),
            Route("/v1/workspaces/{workspace_id}/query", self._query, methods=["GET", "POST"]),
            Route("/v1/$batch", self._batch, methods=["POST"]),
            Route("/v1/{resource_id:path}/query", self._query, methods=["GET", "POST"]),
        ]

    async def _query(self, request: Request) -> Response:
        try:
            asked = dict(request.query_params) if request.method == "GET" else await _body(request)
            question = self._question(asked)
            answer = await self._questions.ask(question, functools.partial(disconnected, request))
        except kql.QueryError as error:
            return json_response(error.reply(), 400)
        except BusyError:
            return Response(
                orjson.dumps(_BUSY), 429, {"Retry-After": "1"}, media_type="application/json"
            )
        if answer is None:
            raise ClientDisconnect
        return StreamingResponse(_parts(answer), media_type="application/json")

    async def _batch(self, request: Request) -> Response:
        """Answer several queries in one request."""
        try:
            asked = await _body(request)
        except kql.QueryError as error:
            return json_response(error.reply(), 400)
        parts = asked.get("requests")
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            return json_response(_invalid("'requests' is a list of objects").reply(), 400)
        if len(parts) > _BATCH:
            return json_response(_invalid(f"more than {_BATCH} requests").reply(), 400)
        responses = [await self._part(part, request) for part in parts]
        return Response(
            b'{"responses":[' + b",".join(responses) + b"]}", media_type="application/json"
        )

    async def _part(self, part: dict[str, Any], request: Request) -> bytes:
        try:
            question = self._question(part.get("body"))
            answer = await self._questions.ask(question, functools.partial(disconnected, request))
            if answer is None:
                raise ClientDisconnect
            status, body = 200, b"".join(answer.reply())
        except kql.QueryError as error:
            status, body = 400, orjson.dumps(error.reply())
        except BusyError:
            status, body = 429, orjson.dumps(_BUSY)
        head = orjson.dumps({"id": str(part.get("id", "")), "status": status})
        return head[:-1] + b',"headers":{"Content-Type":"application/json"},"body":' + body + b"}"

    def _question(self, asked: Any) -> kql.Question:
        query = asked.get("query") if isinstance(asked, dict) else None
        if not isinstance(query, str):
            raise kql.QueryError(
                "QueryValidationError", "The query is missing.", "'query' property is required"
            )
        span = asked.get("timespan")
        if not span:
            return kql.Question(query)
        try:
            now = datetime.fromtimestamp(self._clock(), UTC)
            return kql.Question(query, parse_span(str(span), now=now))
        except ValueError as error:
            raise _invalid(str(error)) from error


async def disconnected(request: Request) -> None:
    """Return when the client disconnects; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _parts(answer: kql.Answer) -> AsyncIterator[bytes]:
    for part in answer.reply():
        yield part


async def _body(request: Request) -> dict[str, Any]:
    try:
        asked = bodies.load(await bodies.body_of(request.stream()))
    except bodies.UnreadableBodyError as error:
        raise kql.QueryError("QueryValidationError", "The body is not JSON.", str(error)) from error
    return asked if isinstance(asked, dict) else {}


def _invalid(detail: str) -> kql.QueryError:
    return kql.QueryError("QueryValidationError", "The request is not valid.", detail)


def json_response(content: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")
