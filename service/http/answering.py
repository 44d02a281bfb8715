"""An answer to an HTTP request, whole or as a stream; either way nobody goes on working for a client that has left."""

from collections.abc import AsyncGenerator

import anyio
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from rag import serialize
from rag.engine import Event, collect_answer
from rag.types import Answer
from service.http.metrics import Metrics
from service.http.sse import AnswerStream, cancel_when_gone


async def answered(request: Request, events: AsyncGenerator[Event], metrics: Metrics, *, stream: bool) -> Response:
    """The contract's Answer, or its events."""
    if stream:
        return AnswerStream(events, metrics.finished)
    answer = await whole(request, events)
    metrics.finished(answer)
    return JSONResponse(serialize.answer(answer))


async def whole(request: Request, events: AsyncGenerator[Event]) -> Answer:
    """The answer that the events end with. Raises what they raise, and ClientDisconnect when the client has left."""
    ended: Answer | Exception = ClientDisconnect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancel_when_gone, request.receive, tasks.cancel_scope)
        try:
            ended = await collect_answer(events)
        except Exception as error:  # raised below: a task group would wrap it
            ended = error
        tasks.cancel_scope.cancel()
    if isinstance(ended, Exception):
        raise ended
    return ended
