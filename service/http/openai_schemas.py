"""OpenAI's chat objects: a request to a question, an Answer to a completion or its chunks, a failure to an error."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from rag import serialize
from rag.errors import RequestError
from rag.grounding.inert import inert
from rag.text import tokens
from rag.text.analysis import replace_surrogates
from rag.types import Answer, Effort, Turn
from service.http import annotations, unknown

CHAT_PATH = "/v1/chat/completions"
RESPONSES_PATH = "/v1/responses"
MODELS_PATH = "/v1/models"
END_OF_STREAM = b"data: [DONE]\n\n"

_NEAREST = "\n\nThe nearest statements, which may not answer this:\n"
_SOURCES = "\n\nSources:\n"
_CONTRADICTED = "\n\nContradicted by the abstracts:\n"
_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})
IGNORED = frozenset(
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "modalities",
        "moderation",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)
"""What OpenAI documents for a request (its client of version 3.54), and has no meaning here."""

_ERROR_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class ChatMessage(BaseModel):
    """A message of any role; unknown roles and fields are ignored."""

    role: str
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What a stream sends besides the text."""

    include_usage: bool | None = False


class ResponseFormat(BaseModel):
    """How the completion is to be written: as text. JSON by a schema could not carry the marks of its citations."""

    type: Literal["text"]


class ChatRequest(BaseModel):
    """A request for a completion. What OpenAI knows and has no meaning here, such as `temperature`, is ignored."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {"model": "scholiast", "messages": [{"role": "user", "content": "What is Hydra?"}]}
        },
    )

    model: str = Field(description="`scholiast`, `scholiast/LIBRARY`, or what writes the answer; see /v1/models.")
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    effort: Effort | None = Field(default=None, description="Ours: `deep` for a deep answer, in `extra_body`.")
    n: int | None = None

    def question_and_history(self) -> tuple[str, tuple[Turn, ...]]:
        """The last message of the user, and the messages before it, oldest first. Raises RequestError."""
        if self.n not in (None, 1):
            raise RequestError(f"n is {self.n}; there is one answer to a question, so leave n out")
        self._check_others(self.model_extra or {})
        return question_and_history(self.messages, "messages")

    def _check_others(self, others: Mapping[str, Any]) -> None:
        """Raise RequestError for what OpenAI does not know either, and for what the client would miss in the reply."""
        if others.get("tool_choice") not in (None, "auto", "none"):
            raise RequestError("tool_choice asks for a call of a tool, but only text is answered; leave it out")
        if others.get("function_call") not in (None, "auto", "none"):
            raise RequestError("function_call asks for a call, but only text is answered; leave it out")
        if others.get("logprobs") or others.get("top_logprobs"):
            raise RequestError("logprobs are asked for, but there are none; leave logprobs and top_logprobs out")
        if others.get("audio") or "audio" in (others.get("modalities") or ()):
            raise RequestError("audio is asked for, but only text is answered; leave audio and modalities out")
        for name in others.keys() - IGNORED:
            raise RequestError(unknown.message(name, sorted({*type(self).model_fields, *IGNORED})))


@dataclass(frozen=True)
class Completion:
    """A completion that is being written: what stays the same from the first chunk to the last."""

    id: str
    created: int
    model: str
    prompt_tokens: int
    """Our own count, used when the model reports none."""

    @classmethod
    def begin(cls, request: ChatRequest) -> "Completion":
        """A completion with a new id. Blocks for a moment the first time, while the tokenizer loads."""
        prompt = sum(tokens.count(plain(message)) for message in request.messages)
        return cls(f"chatcmpl-{uuid4().hex}", int(time.time()), request.model, prompt)

    def body(self, answer: Answer) -> dict[str, Any]:
        """The completion as one object."""
        message = {
            "role": "assistant",
            "content": answer.text + ending(answer),
            "refusal": None,
            "annotations": chat_annotations(answer),
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        usage = self.usage(answer)
        return {
            **self._base("chat.completion"),
            "choices": [choice],
            "usage": usage,
            "scholiast": serialize.answer(answer),
        }

    def chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
        """One chunk of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._base("chat.completion.chunk"), "choices": [choice], **more}

    def usage_chunk(self, answer: Answer) -> dict[str, Any]:
        """The chunk with the token counts, after the last that has a choice."""
        return {**self._base("chat.completion.chunk"), "choices": [], "usage": self.usage(answer)}

    def usage(self, answer: Answer) -> dict[str, int]:
        """The model's own token counts, or ours if it reports none."""
        return usage(answer, self.prompt_tokens)

    def _base(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "system_fingerprint": None}


def chat_annotations(answer: Answer) -> list[dict[str, Any]]:
    """The citations as a chat completion has them."""
    return [annotations.nested(annotation) for annotation in annotations.url_citations(answer)]


def question_and_history(messages: Sequence[ChatMessage], field: str) -> tuple[str, tuple[Turn, ...]]:
    """The last message of the user, and the messages of both sides before it, oldest first. Raises RequestError.

    Other roles are ignored: a client's system message does not decide how to answer. `field` has the messages.
    """
    questions = [(number, message) for number, message in enumerate(messages) if message.role == "user"]
    if not questions:
        raise RequestError(f"{field} has no message whose role is user; the last of them is the question")
    last, question = questions[-1]
    places = ((f"{field}[{number}]", message) for number, message in enumerate(messages[:last]))
    turns = [turn for place, message in places for turn in _turns(message, place)]
    return _text(question, f"{field}[{last}]"), tuple(turns)


def usage(answer: Answer, prompt_tokens: int) -> dict[str, int]:
    """The model's own token counts; `prompt_tokens` and what we count of the text if it reports none."""
    prompt, completion = answer.usage.prompt_tokens, answer.usage.completion_tokens
    if not prompt and not completion:
        prompt, completion = prompt_tokens, tokens.count(answer.text + ending(answer))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def ending(answer: Answer) -> str:
    """What is appended to the text for clients that show only text.

    The notice, if any, the sentences that the abstracts contradict, with the reason, and the cited papers; where none
    is cited, the nearest statements with their papers.
    """
    notice = f"\n\n({answer.notice})" if answer.notice else ""
    contradicted = [f"“{s.text}” ({s.reason})" for s in answer.sentences if s.support == "contradicted"]
    warning = _CONTRADICTED + "\n".join(contradicted) if contradicted else ""
    nearest = [] if answer.citations else [f"- {s.text} [{s.citations[0]}]" for s in answer.more]
    statements = _NEAREST + "\n".join(nearest) if nearest else ""
    further = {quote.number: quote.paper for statement in answer.more for quote in statement.quotes}
    papers = answer.cited_papers or further
    lines = [
        f"[{number}] {paper.title}{paper.suffix} {paper.url or ''}".strip() for number, paper in sorted(papers.items())
    ]
    return inert(notice + warning + statements + (_SOURCES + "\n".join(lines) if lines else ""))


def data_event(value: Mapping[str, Any]) -> bytes:
    """A server-sent event of a stream."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


class ErrorDetail(BaseModel):
    """What went wrong; `param` names the field of the request, if it was one."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """A failure in OpenAI's shape, the only one that its clients read."""

    error: ErrorDetail


COMPLETION: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "OpenAI's `chat.completion`, or with `stream` its chunks; `scholiast` in it is the Answer.",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}},
    }
}
"""For the OpenAPI description of a route that completes; OpenAI documents the shape."""

RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "OpenAI's `response`, or with `stream` its events; `scholiast` in it is the Answer.",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}},
    }
}
"""The same of a route that responds."""

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 413, 500, 502, 503)
}
"""For the OpenAPI description of routes that fail in OpenAI's shape."""


def is_openai_path(path: str) -> bool:
    """Whether the path is one of OpenAI's."""
    return path in (CHAT_PATH, RESPONSES_PATH, MODELS_PATH) or path.startswith(f"{MODELS_PATH}/")


def error_response(status: int, message: str, headers: Mapping[str, str] | None, param: str | None) -> JSONResponse:
    """A failure in OpenAI's shape. OpenAI has no 422, so that is sent as 400."""
    status = 400 if status == 422 else status
    code = _ERROR_CODES.get(status)
    error: dict[str, Any] = {"message": message, "type": _error_type(status), "param": param, "code": code}
    return JSONResponse({"error": error}, status, headers)


def _turns(message: ChatMessage, place: str) -> Sequence[Turn]:
    if message.role == "user":
        return [Turn(role="user", content=_text(message, place))]
    if message.role == "assistant":  # without what we appended
        text = plain(message).partition(_SOURCES)[0].partition(_CONTRADICTED)[0]
        return [Turn(role="assistant", content=text)]
    return []


def _text(message: ChatMessage, place: str) -> str:
    for number, part in enumerate(message.content if isinstance(message.content, list) else ()):
        if part.get("type") not in _TEXT_PARTS:
            raise RequestError(f"{place}.content[{number}] is of type {part.get('type')!r}; only text can be asked")
    return plain(message)


def plain(message: ChatMessage) -> str:
    """Its text, without what is not text."""
    if isinstance(message.content, list):
        text = "\n".join(part["text"] for part in message.content if isinstance(part.get("text"), str))
    else:
        text = message.content or ""
    return replace_surrogates(text)


def _error_type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
