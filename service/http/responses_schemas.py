"""OpenAI's objects of the Responses API: a request to a question, an Answer to a response and its events."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from rag import serialize
from rag.errors import RequestError
from rag.text import tokens
from rag.types import Answer, Effort, Turn
from service.http import annotations, openai_schemas, unknown
from service.http.openai_schemas import ChatMessage, ending

IGNORED = frozenset(
    [
        "access_programs",
        "background_options",
        "context_management",
        "image",
        "include",
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
        "stream_options",
        "temperature",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    ]
)
"""What OpenAI documents for a request (its client of version 3.54), and has no meaning here."""

_LOGPROBS = "message.output_text.logprobs"
_ID = "resp_"
_ANSWER_ID = "ans_"


class InputItem(ChatMessage):
    """A message of the input; items of other types are refused, as nothing here could use them."""

    type: str = "message"
    role: str = ""


class TextFormat(BaseModel):
    """How the text is to be written: as text. JSON by a schema could not carry the marks of its citations."""

    type: Literal["text"]


class TextOptions(BaseModel):
    """The form of the text; `verbosity` is ignored."""

    format: TextFormat | None = None


class ResponseRequest(BaseModel):
    """A request for a response. What OpenAI knows and has no meaning here, such as `temperature`, is ignored."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"example": {"model": "scholiast", "input": "What is Hydra?"}}
    )

    model: str = Field(description="`scholiast`, `scholiast/LIBRARY`, or what writes the answer; see /v1/models.")
    input: str | list[InputItem] = Field(description="The question, or messages whose last one of the user it is.")
    instructions: str | None = Field(default=None, description="Told back; it does not decide how to answer.")
    previous_response_id: str | None = Field(
        default=None, description="A response to the same key, which this one follows."
    )
    stream: bool | None = False
    text: TextOptions | None = None
    tool_choice: str | dict[str, Any] | None = None
    background: bool | None = None
    conversation: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    store: bool | None = None
    effort: Effort | None = Field(default=None, description="Ours: `deep` for a deep answer, in `extra_body`.")

    def question_and_history(self) -> tuple[str, tuple[Turn, ...]]:
        """The last message of the user, and the messages before it, oldest first. Raises RequestError."""
        self._check()
        return openai_schemas.question_and_history(self.messages(), "input")

    def messages(self) -> list[ChatMessage]:
        """The input as messages. Raises RequestError for an item that is none."""
        if isinstance(self.input, str):
            return [ChatMessage(role="user", content=self.input)]
        for place, item in enumerate(self.input):
            if item.type != "message":
                raise RequestError(f"input[{place}] is of type {item.type!r}; only messages can be answered")
        return list(self.input)

    def previous_answer(self) -> str | None:
        """The id of the answer that this one follows. Raises RequestError for an id that is none of ours."""
        if self.previous_response_id is None:
            return None
        if not self.previous_response_id.startswith(_ID):
            raise RequestError(f"previous_response_id is {self.previous_response_id[:80]!r}; ids begin with {_ID}")
        return _ANSWER_ID + self.previous_response_id.removeprefix(_ID)

    def _check(self) -> None:
        """Raise RequestError for what OpenAI does not know either, and for what the client would miss in the reply."""
        others = self.model_extra or {}
        if self.tool_choice not in (None, "auto", "none"):
            raise RequestError("tool_choice asks for a call of a tool, but only text is answered; leave it out")
        if others.get("top_logprobs") or _LOGPROBS in (others.get("include") or ()):
            raise RequestError("logprobs are asked for, but there are none; leave top_logprobs and include out")
        if self.background:
            raise RequestError("background is true, but a response is given at once; leave it out, or stream")
        if self.conversation is not None:
            raise RequestError("conversation names one of OpenAI's; follow a response with previous_response_id")
        if self.prompt is not None:
            raise RequestError("prompt names a template that is stored at OpenAI; send the question as input")
        if self.store is False:
            raise RequestError("store is false, but every answer is stored, with its evidence; leave it out")
        for name in others.keys() - IGNORED:
            raise RequestError(unknown.message(name, sorted({*type(self).model_fields, *IGNORED})))


@dataclass(frozen=True)
class ResponseDraft:
    """A response that is being written: what stays the same from its first event to its last."""

    request: ResponseRequest
    hex: str
    created: int
    prompt_tokens: int
    """Our own count, used when the model reports none."""

    @classmethod
    def begin(cls, request: ResponseRequest) -> "ResponseDraft":
        """A response with a new id. Blocks for a moment the first time, while the tokenizer loads."""
        prompt = sum(tokens.count(openai_schemas.plain(message)) for message in request.messages())
        return cls(request, uuid4().hex, int(time.time()), prompt)

    @property
    def answer_id(self) -> str:
        """The id of the answer, by which the next request finds it."""
        return f"{_ANSWER_ID}{self.hex}"

    @property
    def item_id(self) -> str:
        """The id of the one message of the output."""
        return f"msg_{self.hex}"

    def unfinished(self, status: str = "in_progress", error: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The response without an output."""
        return {
            "id": f"{_ID}{self.hex}",
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": error,
            "incomplete_details": None,
            "instructions": self.request.instructions,
            "max_output_tokens": None,
            "metadata": (self.request.model_extra or {}).get("metadata") or {},
            "model": self.request.model,
            "output": [],
            "parallel_tool_calls": False,
            "previous_response_id": self.request.previous_response_id,
            "reasoning": None,
            "store": True,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "none",
            "tools": [],
            "top_p": None,
            "truncation": "disabled",
            "usage": None,
        }

    def body(self, answer: Answer) -> dict[str, Any]:
        """The response as one object; the Answer is in `scholiast`."""
        return {
            **self.unfinished("completed"),
            "output": [self.message(self.part(answer))],
            "usage": self._usage(answer),
            "scholiast": serialize.answer(answer),
        }

    def message(self, *content: Mapping[str, Any]) -> dict[str, Any]:
        """The message of the output, with its content or before it has any."""
        status = "completed" if content else "in_progress"
        return {
            "id": self.item_id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": list(content),
        }

    def part(self, answer: Answer | None = None) -> dict[str, Any]:
        """The text of the message, with an annotation for each mark and quote; empty before it is written."""
        text = answer.text + ending(answer) if answer else ""
        return {
            "type": "output_text",
            "text": text,
            "annotations": annotations.url_citations(answer) if answer else [],
            "logprobs": [],
        }

    def _usage(self, answer: Answer) -> dict[str, Any]:
        counted = openai_schemas.usage(answer, self.prompt_tokens)
        return {
            "input_tokens": counted["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": counted["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": counted["total_tokens"],
        }
