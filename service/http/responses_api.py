"""OpenAI's Responses API, streamed or not: the same answers as chat completions, with annotations for citations."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Scope

from rag.engine import TOP_K, Delta, Done, Event, Sources
from rag.errors import NotFoundError, RequestError
from rag.history.answers import AskRequest
from rag.types import Answer, Step
from service.http import dependencies, openai_schemas
from service.http.dependencies import Caller, MetricsDependency, WorkspaceDependency
from service.http.metrics import Metrics
from service.http.openai_api import asked_in_chat, engine_of
from service.http.openai_schemas import RESPONSES_PATH, ending
from service.http.responses_schemas import ResponseDraft, ResponseRequest
from service.http.sse import AnswerStream, problem_response, until_deadline, wait_for_answer

routes = APIRouter(tags=["openai"], dependencies=[dependencies.api_key], responses=openai_schemas.ERRORS)


@routes.post(RESPONSES_PATH, responses=openai_schemas.RESPONSE)
async def respond(
    body: ResponseRequest,
    request: Request,
    workspace: WorkspaceDependency,
    metrics: MetricsDependency,
    caller: Caller,
) -> Response:
    """Answer the input; each mark of the text is an annotation, and the Answer is in the field `scholiast`."""
    question, history = asked_in_chat(*body.question_and_history())
    if (previous := body.previous_answer()) is not None:
        try:
            history = (*await workspace.answers.turns(previous, caller), *history)
        except NotFoundError as error:
            raise RequestError(
                f"previous_response_id is {body.previous_response_id!r}, and no response to this key has that id, or "
                "it is no longer stored; send the messages before this one as input"
            ) from error
    engine = await engine_of(workspace, body.model)
    draft = await asyncio.to_thread(ResponseDraft.begin, body)
    ask_request = AskRequest(
        question=question,
        history=history,
        top_k=TOP_K,
        effort=body.effort or "quick",
        door="openai",
        caller=caller,
        answer_id=draft.answer_id,
    )
    events = until_deadline(request, workspace.answers.ask(engine, ask_request))
    if body.stream:
        return ResponseStream(events, metrics, draft)
    answer = await wait_for_answer(request, events)
    metrics.count_answer(answer)
    return JSONResponse(draft.body(answer))


class ResponseStream(AnswerStream):
    """The events of an answer as those of a response, numbered from 0."""

    def __init__(self, events: AsyncGenerator[Event], metrics: Metrics, draft: ResponseDraft) -> None:
        super().__init__(events, metrics.count_answer)
        self._draft = draft
        self._sent = 0
        self._writing = False

    def encode(self, event: Event | Exception, scope: Scope) -> bytes:
        """None, one or several events."""
        return b"".join(self._numbered(name, data) for name, data in self._named(event, scope))

    def _named(self, event: Event | Exception, scope: Scope) -> Iterator[tuple[str, dict[str, Any]]]:
        if not self._sent and isinstance(event, Step | Sources):
            yield "created", {"response": self._draft.unfinished()}
            yield "in_progress", {"response": self._draft.unfinished()}
        match event:
            case Delta(text):
                yield from self._text(text)
            case Done(answer):
                yield from self._text(ending(answer))
                yield from self._end(answer)
            case Exception():
                message = json.loads(bytes(problem_response(event, scope).body))["error"]["message"]
                error = {"code": "server_error", "message": message}
                yield "failed", {"response": self._draft.unfinished("failed", error)}

    def _text(self, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if not self._writing:
            self._writing = True
            yield "output_item.added", {"output_index": 0, "item": self._draft.message()}
            yield "content_part.added", {**self._place, "part": self._draft.part()}
        if text:
            yield "output_text.delta", {**self._place, "delta": text, "logprobs": []}

    def _end(self, answer: Answer) -> Iterator[tuple[str, dict[str, Any]]]:
        part = self._draft.part(answer)
        for number, annotation in enumerate(part["annotations"]):
            place = {**self._place, "annotation_index": number}
            yield "output_text.annotation.added", {**place, "annotation": annotation}
        yield "output_text.done", {**self._place, "text": part["text"], "logprobs": []}
        yield "content_part.done", {**self._place, "part": part}
        yield "output_item.done", {"output_index": 0, "item": self._draft.message(part)}
        yield "completed", {"response": self._draft.body(answer)}

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self._draft.item_id, "output_index": 0, "content_index": 0}

    def _numbered(self, name: str, data: Mapping[str, Any]) -> bytes:
        type = f"response.{name}"
        event = json.dumps({"type": type, "sequence_number": self._sent, **data}, ensure_ascii=False)
        self._sent += 1
        return f"event: {type}\ndata: {event}\n\n".encode()
