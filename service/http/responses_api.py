"""OpenAI's Responses API: as chat completions, and with annotations that LangChain and others keep."""

import asyncio
import json
from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Scope

from rag.engine import Delta, Done, Event
from service.http import dependencies, openai_schemas, responses_schemas
from service.http.dependencies import Caller, MetricsDependency, WorkspaceDependency
from service.http.metrics import Metrics
from service.http.openai_api import chat_request, engine_of
from service.http.openai_schemas import RESPONSES_PATH
from service.http.responses_schemas import ResponseObject, ResponseRequest
from service.http.sse import AnswerStream, problem_response, until_deadline, wait_for_answer

routes = APIRouter(tags=["openai"], dependencies=[dependencies.api_key], responses=openai_schemas.ERRORS)


@routes.post(RESPONSES_PATH, responses=responses_schemas.RESPONSE)
async def respond(
    body: ResponseRequest,
    request: Request,
    workspace: WorkspaceDependency,
    metrics: MetricsDependency,
    caller: Caller,
) -> Response:
    """Answer the last message of the user; each citation is an annotation, the Answer in the field `scholiast`."""
    ask_request = chat_request(body.question_and_history(), body.effort, caller)
    engine = await engine_of(workspace, body.model)
    response = await asyncio.to_thread(ResponseObject.begin, body)
    events = until_deadline(request, workspace.answers.ask(engine, ask_request))
    if body.stream:
        return ResponseStream(events, metrics, response)
    answer = await wait_for_answer(request, events)
    metrics.count_answer(answer)
    return JSONResponse(response.body(answer))


class ResponseStream(AnswerStream):
    """The events of an answer as those of a response."""

    def __init__(self, events: AsyncGenerator[Event], metrics: Metrics, response: ResponseObject) -> None:
        super().__init__(events, metrics.count_answer)
        self._response = response
        self._opened = False

    def encode(self, event: Event | Exception, scope: Scope) -> bytes:
        """None, one or several events."""
        opening = b"" if self._opened else self._response.opening()
        self._opened = True
        match event:
            case Delta(text):
                return opening + self._response.delta(text)
            case Done(answer):
                return opening + self._response.closing(answer)
            case Exception():
                error = json.loads(bytes(problem_response(event, scope).body))["error"]
                return opening + self._response.failure(error)
            case _:
                return opening
