"""OpenAI's chat objects: the messages that come in to a question, and an Answer to a completion or its chunks."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from rag import serialize
from rag.errors import RequestError
from rag.text import tokens
from rag.types import Answer, Turn

_SOURCES = "\n\nSources:\n"
_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})


class ChatMessage(BaseModel):
    """Any message; what a role or a field that we do not know says is passed over."""

    role: str
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What a stream shall have besides."""

    include_usage: bool | None = False


class ChatRequest(BaseModel):
    """A request for a completion. Parameters that have no meaning here, such as `temperature`, are passed over."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "example": {"model": "scholiast", "messages": [{"role": "user", "content": "What is Hydra?"}]}
        },
    )

    model: str = Field(description="`scholiast`, `scholiast/LIBRARY`, or what writes the answer; see /v1/models.")
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = None

    def asked(self) -> tuple[str, tuple[Turn, ...]]:
        """The last message of the user, and what both sides said before. Raises RequestError.

        Messages of other roles are passed over: how to answer is not for a client's system message to say.
        """
        if self.n not in (None, 1):
            raise RequestError(f"n is {self.n}; there is one answer to a question, so leave n out")
        spoken = [(number, message) for number, message in enumerate(self.messages) if message.role == "user"]
        if not spoken:
            raise RequestError("messages has none whose role is user; the last of them is the question")
        last, question = spoken[-1]
        turns = [turn for number, message in enumerate(self.messages[:last]) for turn in _turns(message, number)]
        return _text(question, last), tuple(turns)


@dataclass(frozen=True)
class Completion:
    """What stays the same from the first chunk to the last."""

    id: str
    created: int
    model: str
    prompt_tokens: int
    """As we count them, for when the model does not."""

    @classmethod
    def begin(cls, request: ChatRequest) -> "Completion":
        """Blocks for a moment the first time that tokens are counted."""
        prompt = sum(tokens.count(_plain(message)) for message in request.messages)
        return cls(f"chatcmpl-{uuid4().hex}", int(time.time()), request.model, prompt)

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The completion as one object."""
        message = {"role": "assistant", "content": answer.text + ending(answer), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        usage = self.usage(answer)
        return {
            **self._base("chat.completion"),
            "choices": [choice],
            "usage": usage,
            "scholiast": serialize.answer(answer),
        }

    def chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
        """A piece of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._base("chat.completion.chunk"), "choices": [choice], **more}

    def usage_chunk(self, answer: Answer) -> dict[str, Any]:
        """The piece that tells the usage, after the last that has a choice."""
        return {**self._base("chat.completion.chunk"), "choices": [], "usage": self.usage(answer)}

    def usage(self, answer: Answer) -> dict[str, int]:
        """As the model counted, else as we do."""
        prompt, completion = answer.usage.prompt_tokens, answer.usage.completion_tokens
        if not prompt and not completion:
            prompt, completion = self.prompt_tokens, tokens.count(answer.text + ending(answer))
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def _base(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "system_fingerprint": None}


def ending(answer: Answer) -> str:
    """What follows the text for readers who see nothing but text: a notice, if there is one, and the sources cited."""
    notice = f"\n\n({answer.notice})" if answer.notice else ""
    papers = {citation.number: citation.paper for citation in answer.citations}
    lines = [
        " ".join([f"[{number}] {paper.title}", *([f"({paper.year})"] if paper.year else []), paper.url or ""]).strip()
        for number, paper in sorted(papers.items())
    ]
    return notice + (_SOURCES + "\n".join(lines) if lines else "")


def data(value: Mapping[str, Any]) -> bytes:
    """An event of a stream."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


END = b"data: [DONE]\n\n"

DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "OpenAI's `chat.completion`, or with `stream` its chunks; `scholiast` in it is the Answer.",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}},
    }
}
"""For the documentation; OpenAI's own has the shape."""


def _turns(message: ChatMessage, number: int) -> Sequence[Turn]:
    if message.role == "user":
        return [Turn(role="user", content=_text(message, number))]
    if message.role == "assistant":  # our own ending is nothing that was said
        return [Turn(role="assistant", content=_plain(message).partition(_SOURCES)[0])]
    return []


def _text(message: ChatMessage, number: int) -> str:
    for place, part in enumerate(message.content if isinstance(message.content, list) else ()):
        if part.get("type") not in _TEXT_PARTS:
            raise RequestError(
                f"messages[{number}].content[{place}] is of type {part.get('type')!r}; only text can be asked"
            )
    return _plain(message)


def _plain(message: ChatMessage) -> str:
    """Its text, whatever else it has."""
    if isinstance(message.content, list):
        return "\n".join(part["text"] for part in message.content if isinstance(part.get("text"), str))
    return message.content or ""
