"""The response to a question, and the streams that a client can take up again after its connection dropped."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from rag import serialize
from rag.engine import Event
from rag.errors import RequestError
from rag.types import Answer
from service.http import dependencies, schemas
from service.http.dependencies import Caller, LiveStreamsDependency
from service.http.live_streams import LiveStream, LiveStreams
from service.http.metrics import Metrics
from service.http.sse import (
    AnswerStream,
    EventStream,
    cancel_on_disconnect,
    disconnected,
    problem_response,
    send_heartbeats,
    send_piece,
    until_deadline,
    wait_for_answer,
)

routes = APIRouter(
    prefix="/v1/streams",
    tags=["questions"],
    dependencies=dependencies.ours,
    responses=schemas.problems(401, 403, 404, 422, 500),
)

LastEventId = Annotated[str, Header(alias="Last-Event-ID", description="The id of the last event that came.")]


class StreamRemoval(BaseModel):
    """A stream that was given up; `cancelled` says whether its answer was still being written."""

    id: str
    cancelled: bool


async def answer_response(
    request: Request, events: AsyncGenerator[Event], metrics: Metrics, *, stream: bool, resumable: bool = False
) -> Response:
    """The Answer as JSON, or its events as a stream, resumable if there is room for one more of that kind.

    Raises what the events raise, but for a stream.
    """
    if resumable and not stream:
        raise RequestError("resumable is about streams, and stream is not set; set both, or none")
    events = until_deadline(request, events)
    if stream:
        streams: LiveStreams = request.app.state.streams
        live = streams.begin(request.state.caller) if resumable else None
        return (
            ResumableStream(events, metrics.count_answer, live) if live else AnswerStream(events, metrics.count_answer)
        )
    answer = await wait_for_answer(request, events)
    metrics.count_answer(answer)
    return JSONResponse(serialize.answer(answer))


class ResumableStream(AnswerStream):
    """Sends an answer, and goes on with it without its client for as long as its stream waits for a reader.

    All within the request that asked, so that it takes one of the places for questions until it ends.
    """

    def __init__(self, events: AsyncGenerator[Event], on_answer: Callable[[Answer], None], live: LiveStream) -> None:
        super().__init__(events, on_answer)
        self._live = live
        self._connection, self._watch = anyio.CancelScope(), anyio.CancelScope()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. A client that leaves before the first event cancels the work."""
        live = self._live
        try:
            with live.work:
                async with anyio.create_task_group() as tasks, aclosing(self._outgoing()) as outgoing:
                    tasks.start_soon(self._notice_leaving, receive)
                    first = await anext(outgoing)
                    if isinstance(first, Exception):
                        live.end()
                        live.give_up()
                        await problem_response(first, scope)(scope, receive, send)
                        self._watch.cancel()
                        return
                    live.add(self.encode(first, scope))
                    tasks.start_soon(self._send, send)
                    async for event in outgoing:
                        live.add(self.encode(event, scope))
                    live.end()
        finally:
            live.end()
        if live.work.cancelled_caught and live.sent and not self._connection.cancel_called:
            await send({"type": "http.response.body", "body": b""})

    async def _notice_leaving(self, receive: Receive) -> None:
        with self._watch:
            await disconnected(receive)
            if self._live.sent:
                self._connection.cancel()
                self._live.wait_for_reader()
            else:
                self._live.give_up()

    async def _send(self, send: Send) -> None:
        with self._connection:
            await _send_all(self._live, 0, self.raw_headers, send)
        self._watch.cancel()


class ResumedStream(EventStream):
    """What is missing of a stream, and then its live rest."""

    def __init__(self, live: LiveStream, after: int) -> None:
        super().__init__()
        self._live, self._after = live, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_on_disconnect, receive, tasks.cancel_scope)
            await _send_all(self._live, self._after, self.raw_headers, send)
            tasks.cancel_scope.cancel()


@routes.get("/{id}", responses={200: {"content": {"text/event-stream": {"schema": schemas.EVENT}}}})
async def resume(id: str, streams: LiveStreamsDependency, caller: Caller, last_event_id: LastEventId = "") -> Response:
    """Take a stream up again: the events after `Last-Event-ID`, or all of them, and then what is still to come."""
    live = streams.get(id, caller)
    return ResumedStream(live, live.number(last_event_id))


@routes.delete("/{id}", responses={200: {"model": StreamRemoval}})
async def give_up(id: str, streams: LiveStreamsDependency, caller: Caller) -> Response:
    """Cancel a resumable answer at once."""
    live = streams.get(id, caller)
    cancelled = not live.ended
    live.give_up()
    return JSONResponse({"id": id, "cancelled": cancelled})


async def _send_all(live: LiveStream, after: int, headers: Any, send: Send) -> None:
    """A whole response, with the events after that number."""
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send_heartbeats, send)
        async with aclosing(live.read(after)) as pieces:
            async for piece in pieces:
                await send_piece(send, piece)
        tasks.cancel_scope.cancel()
    await send({"type": "http.response.body", "body": b""})
