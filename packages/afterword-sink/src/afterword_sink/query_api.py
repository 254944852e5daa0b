"""The query API: a question in, a table out, under the paths of Application Insights."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from afterword_sink import bodies, kql
from afterword_sink.questions import BusyError, Questions


class QueryApi:
    """The endpoints that answer questions.

    Args:
        questions: Asks the store.
    """

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def routes(self) -> list[Route]:
        """The paths and what is done there."""
        return [Route("/v1/apps/{app_id}/query", self._query, methods=["GET", "POST"])]

    async def _query(self, request: Request) -> Response:
        try:
            question = await _question(request)
            answer = await self._questions.ask(question, _disconnected(request))
        except kql.QueryError as error:
            return json_response(error.reply(), 400)
        except BusyError:
            busy = {"code": "ThrottledError", "message": "Too many queries run at once"}
            return Response(
                orjson.dumps({"error": busy}), 429, {"Retry-After": "1"}, "application/json"
            )
        if answer is None:
            raise ClientDisconnect
        return StreamingResponse(_parts(answer), media_type="application/json")


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
            asked = bodies.load(await bodies.body_of(request.stream()))
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


def json_response(content: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")
