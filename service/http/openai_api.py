"""The OpenAI-compatible door: chat completions, streamed or not, for clients that know nothing of us."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Scope

from rag import serialize
from rag.engine import TOP_K, Delta, Done, Engine, Event, Sources
from rag.errors import NotFoundError
from rag.history.answers import AskRequest
from rag.workspace import Workspace, list_libraries, offered_models
from service.http import dependencies, openai_errors, openai_schemas
from service.http.answering import whole
from service.http.dependencies import Caller, MetricsDependency, WorkspaceDependency
from service.http.metrics import Metrics
from service.http.openai_schemas import ChatRequest, Completion
from service.http.sse import AnswerStream, problem

OURS = "scholiast"

routes = APIRouter(
    tags=["openai"],
    dependencies=[dependencies.key],
    responses={status: {"model": openai_errors.Failure} for status in (400, 401, 403, 404, 413, 500, 502, 503)},
)


@routes.post(openai_errors.CHAT, responses=openai_schemas.DESCRIBED)
async def complete(
    wanted: ChatRequest,
    request: Request,
    workspace: WorkspaceDependency,
    metrics: MetricsDependency,
    caller: Caller,
) -> Response:
    """Answer the last message of the user; citations stand in the text, the Answer in the field `scholiast`."""
    question, history = wanted.asked()
    engine = await _engine(workspace, wanted.model)
    completion = await asyncio.to_thread(Completion.begin, wanted)
    ask_request = AskRequest(question=question, history=history, top_k=TOP_K, door="openai", caller=caller)
    events = workspace.answers.ask(engine, ask_request)
    if wanted.stream:
        usage = bool(wanted.stream_options and wanted.stream_options.include_usage)
        return CompletionStream(events, metrics, completion, usage)
    answer = await whole(request, events)
    metrics.finished(answer)
    return JSONResponse(completion.whole(answer))


@routes.get(openai_errors.MODELS)
async def models(workspace: WorkspaceDependency) -> Response:
    """What may be named as `model`."""
    return JSONResponse({"object": "list", "data": [_model(name) for name in await _names(workspace)]})


@routes.get(f"{openai_errors.MODELS}/{{name:path}}")
async def model(name: str, workspace: WorkspaceDependency) -> Response:
    """One of them."""
    if name not in await _names(workspace):
        raise _no_model(name)
    return JSONResponse(_model(name))


class CompletionStream(AnswerStream):
    """The events of an answer as chunks of a completion; the Answer is on the one that has the finish reason."""

    def __init__(
        self, events: AsyncGenerator[Event], metrics: Metrics, completion: Completion, include_usage: bool
    ) -> None:
        super().__init__(events, metrics.finished)
        self._completion = completion
        self._include_usage = include_usage

    def encoded(self, event: Event | Exception, scope: Scope) -> bytes:
        """None, one or several chunks."""
        match event:
            case Sources():
                return self._chunk({"role": "assistant", "content": ""})
            case Delta(text):
                return self._chunk({"content": text})
            case Done(answer):
                ending = openai_schemas.ending(answer)
                last = self._chunk({"content": ending}) if ending else b""
                last += self._chunk({}, "stop", scholiast=serialize.answer(answer))
                if self._include_usage:
                    last += openai_schemas.data(self._completion.usage_chunk(answer))
                return last + openai_schemas.END
            case Exception():
                return b"data: " + bytes(problem(event, scope).body) + b"\n\n" + openai_schemas.END
            case _:
                return b""

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
        if self._include_usage:
            more["usage"] = None
        return openai_schemas.data(self._completion.chunk(delta, finish_reason, **more))


async def _engine(workspace: Workspace, name: str) -> Engine:
    """What a model's name means: a library of ours with the service's own writer, or a writer with the default one."""
    ours, _, library = name.partition("/")
    if ours == OURS:
        return await workspace.engine(library)
    if name not in _writers(workspace):
        raise _no_model(name)
    return await workspace.engine("", name)


async def _names(workspace: Workspace) -> list[str]:
    libraries = await list_libraries(workspace.settings)
    return [OURS, *(f"{OURS}/{library.name}" for library in libraries), *_writers(workspace)]


def _writers(workspace: Workspace) -> list[str]:
    return list(offered_models(workspace.settings))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": OURS}


def _no_model(name: str) -> NotFoundError:
    return NotFoundError(f"the model {name!r} does not exist; GET /v1/models lists what there is, such as {OURS!r}")
