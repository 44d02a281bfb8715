"""The OpenAI-compatible API: chat completions, streamed or not, and the list of models."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Scope

from rag import serialize
from rag.engine import TOP_K, Delta, Done, Engine, Event, Sources
from rag.engines import offered_models
from rag.errors import NotFoundError
from rag.history.answers import AskRequest
from rag.types import Turn
from rag.wording import small_talk
from rag.workspace import Workspace, list_libraries
from service.http import dependencies, openai_schemas
from service.http.dependencies import Caller, MetricsDependency, WorkspaceDependency
from service.http.metrics import Metrics
from service.http.openai_schemas import CHAT_PATH, END_OF_STREAM, MODELS_PATH, ChatRequest, Completion, data_event
from service.http.sse import AnswerStream, problem_response, until_deadline, wait_for_answer

OWNER = "scholiast"
CHAT_TASK = "Give this chat a title."
"""Stands for whatever a chat interface asks for besides the questions of people."""

routes = APIRouter(tags=["openai"], dependencies=[dependencies.api_key], responses=openai_schemas.ERRORS)


@routes.post(CHAT_PATH, responses=openai_schemas.COMPLETION)
async def complete(
    body: ChatRequest,
    request: Request,
    workspace: WorkspaceDependency,
    metrics: MetricsDependency,
    caller: Caller,
) -> Response:
    """Answer the last message of the user; citations stand in the text, the Answer in the field `scholiast`."""
    question, history = asked_in_chat(*body.question_and_history())
    engine = await engine_of(workspace, body.model)
    completion = await asyncio.to_thread(Completion.begin, body)
    ask_request = AskRequest(
        question=question, history=history, top_k=TOP_K, effort=body.effort or "quick", door="openai", caller=caller
    )
    events = until_deadline(request, workspace.answers.ask(engine, ask_request))
    if body.stream:
        include_usage = bool(body.stream_options and body.stream_options.include_usage)
        return CompletionStream(events, metrics, completion, include_usage)
    answer = await wait_for_answer(request, events)
    metrics.count_answer(answer)
    return JSONResponse(completion.body(answer))


@routes.get(MODELS_PATH)
async def models(workspace: WorkspaceDependency) -> Response:
    """List what may be named as `model`."""
    return JSONResponse({"object": "list", "data": [_model(name) for name in await _names(workspace)]})


@routes.get(f"{MODELS_PATH}/{{name:path}}")
async def model(name: str, workspace: WorkspaceDependency) -> Response:
    """Describe one model."""
    if name not in await _names(workspace):
        raise _no_model(name)
    return JSONResponse(_model(name))


class CompletionStream(AnswerStream):
    """The events of an answer as chunks of a completion; the Answer is on the one that has the finish reason."""

    def __init__(
        self, events: AsyncGenerator[Event], metrics: Metrics, completion: Completion, include_usage: bool
    ) -> None:
        super().__init__(events, metrics.count_answer)
        self._completion = completion
        self._include_usage = include_usage

    def encode(self, event: Event | Exception, scope: Scope) -> bytes:
        """None, one or several chunks."""
        match event:
            case Sources():
                return self._chunk({"role": "assistant", "content": ""})
            case Delta(text):
                return self._chunk({"content": text})
            case Done(answer):
                ending = openai_schemas.ending(answer)
                last = self._chunk({"content": ending}) if ending else b""
                cited = openai_schemas.chat_annotations(answer)
                last += self._chunk({"annotations": cited} if cited else {}, "stop", scholiast=serialize.answer(answer))
                if self._include_usage:
                    last += data_event(self._completion.usage_chunk(answer))
                return last + END_OF_STREAM
            case Exception():
                return b"data: " + bytes(problem_response(event, scope).body) + b"\n\n" + END_OF_STREAM
            case _:
                return b""

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
        if self._include_usage:
            more["usage"] = None
        return data_event(self._completion.chunk(delta, finish_reason, **more))


def asked_in_chat(question: str, history: tuple[Turn, ...]) -> tuple[str, tuple[Turn, ...]]:
    """What a chat interface asks: of a task besides people's questions, which may quote the whole chat, its name."""
    return (CHAT_TASK, ()) if small_talk(question) == "chat_task" else (question, history)


async def engine_of(workspace: Workspace, name: str) -> Engine:
    """What a model's name means: one of our libraries with the default writer, or a writer with the default library."""
    owner, _, library = name.partition("/")
    if owner == OWNER:
        return await workspace.engine(library)
    if name not in offered_models(workspace.settings):
        raise _no_model(name)
    return await workspace.engine("", name)


async def _names(workspace: Workspace) -> list[str]:
    libraries = await list_libraries(workspace.settings)
    return [OWNER, *(f"{OWNER}/{library.name}" for library in libraries), *offered_models(workspace.settings)]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": OWNER}


def _no_model(name: str) -> NotFoundError:
    return NotFoundError(f"the model {name!r} does not exist; GET /v1/models lists what there is, such as {OWNER!r}")
