"""Waits for an answer, or sends it as server-sent events with heartbeats; a client that leaves cancels it.

The events are `sources`, `delta`, `citation` and `done`, for a deep answer `step` before them, or `error` when it fails
after the first of them.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import anyio
from fastapi import Request
from fastapi.responses import JSONResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from rag import serialize
from rag.engine import CitationEvent, Delta, Done, Event, Sources, collect_answer
from rag.errors import BackendError, ScholiastError
from rag.types import Answer, Step
from service.http import problems

HEARTBEAT_SECONDS = 15.0

_TOO_LATE = "the answer took longer than SCHOLIAST_ANSWER_TIMEOUT_SECONDS allows; ask again, or ask for less at once"

log = logging.getLogger("scholiast")


async def until_deadline(request: Request, events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
    """The events, as long as the request's deadline has not passed; then BackendError, and the work is cancelled."""
    async with aclosing(events):
        while True:
            try:
                async with asyncio.timeout_at(request.state.deadline):
                    event = await anext(events)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise BackendError(_TOO_LATE, retryable=True, reason="it took too long", public=_TOO_LATE) from error
            yield event


async def wait_for_answer(request: Request, events: AsyncGenerator[Event]) -> Answer:
    """The answer that the events end with. Raises what they raise, and ClientDisconnect when the client leaves."""
    result: Answer | Exception = ClientDisconnect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancel_on_disconnect, request.receive, tasks.cancel_scope)
        try:
            result = await collect_answer(events)
        except Exception as error:  # raised below: a task group would wrap it
            result = error
        tasks.cancel_scope.cancel()
    if isinstance(result, Exception):
        raise result
    return result


class EventStream(EventSourceResponse):
    """A response of server-sent events that no proxy holds back."""

    def __init__(self) -> None:
        super().__init__((), headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})


class AnswerStream(EventStream):
    """Sends what an engine yields; a failure before the first event is an ordinary response with its status.

    The engine's generator runs in one task from beginning to end, so that timeouts inside it hold, and that task is
    cancelled as soon as the client leaves.
    """

    def __init__(self, events: AsyncGenerator[Event], on_answer: Callable[[Answer], None]) -> None:
        """`on_answer` is called with the finished answer."""
        super().__init__()
        self._events = events
        self._on_answer = on_answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_on_disconnect, receive, tasks.cancel_scope)
            async with aclosing(self._outgoing()) as outgoing:
                first = await anext(outgoing)
                if isinstance(first, Exception):
                    await problem_response(first, scope)(scope, receive, send)
                else:
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    await send_piece(send, self.encode(first, scope))
                    await self._send_rest(outgoing, scope, send)
            tasks.cancel_scope.cancel()

    def encode(self, event: Event | Exception, scope: Scope) -> bytes:
        """What is sent of an event; an exception is the last one."""
        match event:
            case Step():
                return _event("step", {"step": event.name, "text": event.text})
            case Sources(passages):
                return _event("sources", {"passages": [serialize.passage(passage) for passage in passages]})
            case Delta(text):
                return _event("delta", {"text": text})
            case CitationEvent(citation):
                return _event("citation", serialize.citation(citation))
            case Done(answer):
                return _event("done", serialize.answer(answer))
            case Exception():
                return format_sse_event(event="error", data_str=bytes(problem_response(event, scope).body).decode())

    async def _outgoing(self) -> AsyncGenerator[Event | Exception]:
        """What the engine yields, and the exception that it ends with."""
        async with aclosing(self._events) as events:
            try:
                async for event in events:
                    if isinstance(event, Done):
                        self._on_answer(event.answer)
                    yield event
            except Exception as error:
                yield error

    async def _send_rest(self, outgoing: AsyncGenerator[Event | Exception], scope: Scope, send: Send) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_heartbeats, send)
            async for event in outgoing:
                await send_piece(send, self.encode(event, scope))
            tasks.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b""})


def as_json(data: Mapping[str, Any]) -> str:
    """As it stands in an event."""
    return json.dumps(data, ensure_ascii=False)


def problem_response(error: Exception, scope: Scope) -> JSONResponse:
    """The response to a request that failed; a bug goes into the log."""
    if not isinstance(error, ScholiastError):
        log.error("request %s failed", scope.get("state", {}).get("request_id"), exc_info=error)
    return problems.of(error, scope)


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return format_sse_event(event=name, data_str=as_json(data))


async def send_piece(send: Send, piece: bytes) -> None:
    """Send bytes of a body that goes on; nothing for none."""
    if piece:
        await send({"type": "http.response.body", "body": piece, "more_body": True})


async def send_heartbeats(send: Send) -> None:
    """Proxies close connections on which nothing is sent."""
    while True:
        await anyio.sleep(HEARTBEAT_SECONDS)
        await send_piece(send, KEEPALIVE_COMMENT)


async def cancel_on_disconnect(receive: Receive, work: anyio.CancelScope) -> None:
    """Cancel the work when the client leaves."""
    await disconnected(receive)
    work.cancel()


async def disconnected(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
