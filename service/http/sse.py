"""An answer as server-sent events: `sources`, `delta`, `citation`, `done`, or `error` in band, with heartbeats."""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import anyio
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from rag import serialize
from rag.engine import CitationEvent, Delta, Done, Event, Sources
from rag.errors import ScholiastError
from rag.types import Answer
from service.http import problems

HEARTBEAT_SECONDS = 15.0

log = logging.getLogger("scholiast")


class AnswerStream(EventSourceResponse):
    """Sends what an engine yields; a failure before the first event is an ordinary answer with its status.

    The engine's generator runs in one task from beginning to end, so that timeouts inside it hold, and that task is
    cancelled as soon as the client leaves.
    """

    def __init__(self, events: AsyncGenerator[Event], finished: Callable[[Answer], None]) -> None:
        """`finished` is told of the whole answer."""
        super().__init__((), headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._events = events
        self._finished = finished

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_when_gone, receive, tasks.cancel_scope)
            async with aclosing(self._outgoing()) as outgoing:
                first = await anext(outgoing)
                if isinstance(first, Exception):
                    await problem(first, scope)(scope, receive, send)
                else:
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    await _send_piece(send, self.encoded(first, scope))
                    await self._send_rest(outgoing, scope, send)
            tasks.cancel_scope.cancel()

    async def _outgoing(self) -> AsyncGenerator[Event | Exception]:
        """What the engine yields, and the exception that it ends with."""
        async with aclosing(self._events) as events:
            try:
                async for event in events:
                    if isinstance(event, Done):
                        self._finished(event.answer)
                    yield event
            except Exception as error:
                yield error

    async def _send_rest(self, outgoing: AsyncGenerator[Event | Exception], scope: Scope, send: Send) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_beat, send)
            async for event in outgoing:
                await _send_piece(send, self.encoded(event, scope))
            tasks.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b""})

    def encoded(self, event: Event | Exception, scope: Scope) -> bytes:
        """What is sent of an event; an exception is the last one."""
        match event:
            case Sources(passages):
                return _event("sources", {"passages": [serialize.passage(passage) for passage in passages]})
            case Delta(text):
                return _event("delta", {"text": text})
            case CitationEvent(citation):
                return _event("citation", serialize.citation(citation))
            case Done(answer):
                return _event("done", serialize.answer(answer))
            case Exception():
                return format_sse_event(event="error", data_str=bytes(problem(event, scope).body).decode())


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return format_sse_event(event=name, data_str=json.dumps(data, ensure_ascii=False))


def problem(error: Exception, scope: Scope) -> JSONResponse:
    """The answer to a request that failed; a bug goes into the log."""
    if not isinstance(error, ScholiastError):
        log.error("request %s failed", scope.get("state", {}).get("request_id"), exc_info=error)
    return problems.of(error, scope)


async def _send_piece(send: Send, piece: bytes) -> None:
    if piece:
        await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _beat(send: Send) -> None:
    """So that nobody in between takes a connection on which nothing is said for a dead one."""
    while True:
        await anyio.sleep(HEARTBEAT_SECONDS)
        await _send_piece(send, KEEPALIVE_COMMENT)


async def cancel_when_gone(receive: Receive, work: anyio.CancelScope) -> None:
    """Cancel the work as soon as the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
    work.cancel()
