"""A model on the loopback: answers every prompt with the same few words, and remembers the prompt.

It speaks what the clients speak: the Anthropic messages API (Claude Code), OpenAI's chat
completions API (Copilot CLI, OpenCode) and responses API (Codex CLI), the Gemini API; whole or as a
stream of server-sent events.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

ANSWER = "Done, says the stub model."
NAME = "stub-model"
_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


class StubModel:
    """A model server on a free port of 127.0.0.1, from entry to exit.

    Attributes:
        prompts: The body of each request for an answer, as text, in the order of their arrival.
        others: What else was asked for, as `METHOD path`.
    """

    def __init__(self) -> None:
        self.prompts: list[str] = []
        self.others: list[str] = []
        model = self

        class Handler(_Handler):
            stub = model

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    """The routes."""

    protocol_version = "HTTP/1.1"
    stub: StubModel

    def do_POST(self) -> None:  # the base class calls it so
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path.endswith("/messages/count_tokens"):
            self._whole({"input_tokens": 1})
        elif path.endswith("/messages"):
            self._answer(body, _message(), _message_events())
        elif path.endswith("/chat/completions"):
            self._answer(body, _completion(), _completion_events())
        elif path.endswith("/responses"):
            self._answer(body, _response(), _response_events())
        elif path.endswith(":countTokens"):
            self._whole({"totalTokens": 1})
        elif path.endswith(":generateContent"):
            self._answer(body, _content(), iter(()))
        elif path.endswith(":streamGenerateContent"):
            self.stub.prompts.append(body.decode("utf-8", "replace"))
            self._stream(iter([("", _content())]))
        else:
            self._unknown()

    def do_GET(self) -> None:  # the base class calls it so
        if self.path.partition("?")[0].endswith("/models"):
            self._whole({"object": "list", "data": [{"id": NAME, "object": "model"}]})
        else:
            self._unknown()

    do_HEAD = do_GET  # noqa: N815  # the base class calls it so

    def log_message(self, *_: object) -> None:
        """Nothing: what was asked for is remembered instead."""

    def _answer(self, body: bytes, whole: object, events: Iterator[tuple[str, object]]) -> None:
        self.stub.prompts.append(body.decode("utf-8", "replace"))
        if json.loads(body).get("stream"):
            self._stream(events)
        else:
            self._whole(whole)

    def _unknown(self) -> None:
        self.stub.others.append(f"{self.command} {self.path}")
        self._whole({"error": {"type": "not_found_error", "message": "no such path"}}, 404)

    def _whole(self, value: object, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self, events: Iterator[tuple[str, object]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")  # the stream's end is the connection's
        self.end_headers()
        for name, value in events:
            data = value if isinstance(value, str) else json.dumps(value)
            head = f"event: {name}\n" if name else ""
            self.wfile.write(f"{head}data: {data}\n\n".encode())


def _message(**changed: object) -> dict[str, Any]:
    """An answer in the messages API."""
    return {
        "id": "msg_stub",
        "type": "message",
        "role": "assistant",
        "model": NAME,
        "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
        **changed,
    }


def _message_events() -> Iterator[tuple[str, object]]:
    """The same as a stream, each event with its name."""
    empty = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": ANSWER}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    events: tuple[dict[str, object], ...] = (
        {"type": "message_start", "message": _message(content=[], stop_reason=None)},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    )
    for event in events:
        yield str(event["type"]), event


def _response(**changed: object) -> dict[str, Any]:
    """An answer in the responses API."""
    usage: dict[str, object] = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    usage |= {"input_tokens_details": {"cached_tokens": 0}}
    usage |= {"output_tokens_details": {"reasoning_tokens": 0}}
    head = {"id": "resp_stub", "object": "response", "status": "completed"}
    return {**head, "output": [_said()], "usage": usage, **changed}


def _said() -> dict[str, object]:
    part = {"type": "output_text", "text": ANSWER, "annotations": []}
    head = {"type": "message", "role": "assistant", "id": "msg_stub", "status": "completed"}
    return {**head, "content": [part]}


def _response_events() -> Iterator[tuple[str, object]]:
    """The same as a stream, each event with its name."""
    place = {"item_id": "msg_stub", "output_index": 0, "content_index": 0}
    begun = _response(status="in_progress", output=[], usage=None)
    events: tuple[dict[str, object], ...] = (
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": _said()},
        {"type": "response.output_text.delta", **place, "delta": ANSWER},
        {"type": "response.output_item.done", "output_index": 0, "item": _said()},
        {"type": "response.completed", "response": _response()},
    )
    for event in events:
        yield str(event["type"]), event


def _content() -> dict[str, Any]:
    """An answer in the Gemini API, where a stream has the same in one piece."""
    content = {"role": "model", "parts": [{"text": ANSWER}]}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    candidate = {"content": content, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": NAME}


def _completion() -> dict[str, Any]:
    """An answer in the chat completions API."""
    message = {"role": "assistant", "content": ANSWER}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": "chatcmpl-stub", "object": "chat.completion", "created": 0, "model": NAME}
    return {**head, "choices": [choice], "usage": _USAGE}


def _completion_events() -> Iterator[tuple[str, object]]:
    """The same as a stream, whose events have no names."""
    head = {"id": "chatcmpl-stub", "object": "chat.completion.chunk", "created": 0, "model": NAME}
    delta = {"role": "assistant", "content": ANSWER}
    for choice in (
        {"index": 0, "delta": delta, "finish_reason": None},
        {"index": 0, "delta": {}, "finish_reason": "stop"},
    ):
        yield "", {**head, "choices": [choice]}
    yield "", {**head, "choices": [], "usage": _USAGE}
    yield "", "[DONE]"
