"""The objects of OpenAI's Responses API: a request to a question, an Answer to a response or to the events of one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from rag import serialize
from rag.errors import RequestError
from rag.types import Answer, Effort, Turn
from service.http import annotations, unknown
from service.http.openai_schemas import ChatMessage, conversation, count_prompt, ending, used_tokens
from service.http.sse import as_json

IGNORED = frozenset(
    [
        "access_programs",
        "background_options",
        "context_management",
        "image",
        "include",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "moderation",
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "temperature",
        "tools",
        "top_p",
        "truncation",
        "user",
    ]
)
"""What OpenAI documents for a request (its client of version 3.54), and has no meaning here."""

REFUSED = {
    "background": "nothing is answered in the background; leave background out, and wait or stream",
    "conversation": "conversations are not kept for this API; send the messages before the question in input",
    "previous_response_id": "responses are not kept for this API; send the messages before the question in input",
    "prompt": "there are no stored prompts; leave prompt out",
    "text": "text asks for another format than text, which could not carry the marks of citations; leave it out",
    "tool_choice": "tool_choice asks for a call of a tool, but only text is answered; leave it out",
    "top_logprobs": "logprobs are asked for, but there are none; leave top_logprobs out",
}
"""What the client would miss in the reply, with what to do; values that ask for nothing are let pass."""

_TEXT_FORMATS: tuple[Mapping[str, Any], ...] = ({}, {"format": {"type": "text"}})


class InputItem(ChatMessage):
    """A message; items that are none, such as calls of tools and reasoning, have no role and are ignored."""

    role: str = ""


class ResponseRequest(BaseModel):
    """A request for a response. What OpenAI knows and has no meaning here, such as `temperature`, is ignored."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"example": {"model": "scholiast", "input": "What is Hydra?"}}
    )

    model: str = Field(description="`scholiast`, `scholiast/LIBRARY`, or what writes the answer; see /v1/models.")
    input: str | list[InputItem] = Field(
        description="The question, or the messages of a conversation that end with it."
    )
    stream: bool | None = False
    effort: Effort | None = Field(default=None, description="Ours: `deep` for a deep answer, in `extra_body`.")

    @property
    def messages(self) -> list[InputItem]:
        """The input as messages."""
        return [InputItem(role="user", content=self.input)] if isinstance(self.input, str) else self.input

    def question_and_history(self) -> tuple[str, tuple[Turn, ...]]:
        """As `conversation` has it. Raises RequestError for what the client would miss in the reply, too."""
        others = self.model_extra or {}
        for name, message in REFUSED.items():
            if not _asks_for_nothing(name, others.get(name)):
                raise RequestError(message)
        for name in others.keys() - IGNORED - REFUSED.keys():
            raise RequestError(unknown.message(name, sorted({*type(self).model_fields, *IGNORED, *REFUSED})))
        return conversation(self.messages, "input")


def _asks_for_nothing(name: str, value: Any) -> bool:
    if name == "text" and isinstance(value, Mapping):
        return {key: inner for key, inner in value.items() if key == "format"} in _TEXT_FORMATS
    return not value or (name == "tool_choice" and value in ("auto", "none"))


@dataclass(frozen=True)
class ResponseObject:
    """A response that is being written: what stays the same from the first event to the last."""

    id: str
    message_id: str
    created: int
    model: str
    prompt_tokens: int
    _numbers: "count[int]" = field(default_factory=count)

    @classmethod
    def begin(cls, request: ResponseRequest) -> "ResponseObject":
        """A response with a new id. Blocks as `count_prompt` does."""
        prompt, id = count_prompt(request.messages), uuid4().hex
        return cls(f"resp_{id}", f"msg_{id}", int(time.time()), request.model, prompt)

    def body(self, answer: Answer) -> dict[str, Any]:
        """The response as one object. `metadata`, which clients keep, names the stored Answer and its outcome."""
        prompt, written = used_tokens(answer, self.prompt_tokens)
        usage = {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": answer.usage.cached_tokens, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + written,
        }
        return {
            **self._state("completed"),
            "output": [self._message(answer)],
            "usage": usage,
            "metadata": {"scholiast_answer": answer.id, "scholiast_outcome": answer.outcome},
            "scholiast": serialize.answer(answer),
        }

    def opening(self) -> bytes:
        """The events before the first word."""
        empty = {"id": self.message_id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        return (
            self._event("response.created", response=self._state("in_progress"))
            + self._event("response.in_progress", response=self._state("in_progress"))
            + self._event("response.output_item.added", output_index=0, item=empty)
            + self._part_event("response.content_part.added", part=_part("", []))
        )

    def delta(self, text: str) -> bytes:
        """The event of a piece of text."""
        return self._part_event("response.output_text.delta", delta=text, logprobs=[])

    def closing(self, answer: Answer) -> bytes:
        """What follows the text, the annotations, and the events that repeat the whole."""
        added, message = ending(answer), self._message(answer)
        [part] = message["content"]
        cited = (
            self._part_event("response.output_text.annotation.added", annotation_index=place, annotation=annotation)
            for place, annotation in enumerate(part["annotations"])
        )
        return b"".join(
            [
                self.delta(added) if added else b"",
                *cited,
                self._part_event("response.output_text.done", text=part["text"], logprobs=[]),
                self._part_event("response.content_part.done", part=part),
                self._event("response.output_item.done", output_index=0, item=message),
                self._event("response.completed", response=self.body(answer)),
            ]
        )

    def failure(self, error: Mapping[str, Any]) -> bytes:
        """The last event of a response that failed."""
        code = error["code"] or error["type"]
        return self._event("error", code=code, message=error["message"], param=error["param"])

    def _message(self, answer: Answer) -> dict[str, Any]:
        part = _part(answer.text + ending(answer), annotations.url_citations(answer))
        return {
            "id": self.message_id,
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }

    def _state(self, status: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "model": self.model,
            "output": [],
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": False,
            "store": False,
            "tool_choice": "none",
            "tools": [],
        }

    def _part_event(self, kind: str, **more: Any) -> bytes:
        return self._event(kind, item_id=self.message_id, output_index=0, content_index=0, **more)

    def _event(self, kind: str, **more: Any) -> bytes:
        data = {"type": kind, "sequence_number": next(self._numbers), **more}
        return format_sse_event(event=kind, data_str=as_json(data))


def _part(text: str, cited: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": cited, "logprobs": []}


RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "OpenAI's `response`, or with `stream` its events; `scholiast` in it is the Answer.",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}},
    }
}
"""For the OpenAPI description of the route; OpenAI documents the shape."""
