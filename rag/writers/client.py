"""One chat model as everything here asks it: streamed, within a deadline, by a JSON schema where it takes one."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk

from rag import steps
from rag.errors import BackendError
from rag.text import tokens
from rag.types import Usage
from rag.writers import models, prices
from rag.writers.reply import Reply

Messages = Sequence[tuple[str, str]]

_FORM_REFUSED = frozenset({"HTTP 400", "HTTP 404", "HTTP 422", "HTTP 501"})
"""How servers refuse a parameter that they don't know."""


@dataclass
class Abilities:
    """What is known of a model and its server; found out by asking, and remembered by the process."""

    schema: bool
    """Whether it may take a JSON schema for its reply."""


class ChatClient:
    """Asks one model. Its own SDK is the one that retries."""

    def __init__(
        self, name: str, model: BaseChatModel, window: int, seconds: float, abilities: Abilities | None = None
    ) -> None:
        self.name = name
        self.window = window
        self.seconds = seconds
        self.abilities = abilities or Abilities(schema=False)
        self._model = model

    async def stream(
        self,
        messages: Messages,
        reply: Reply,
        seconds: float = 0.0,
        schema: Mapping[str, Any] | None = None,
        plain: Messages = (),
    ) -> AsyncGenerator[str]:
        """Yield the answer as it comes, and note in `reply` how it went. Raises BackendError.

        `schema` is asked of a model that may take it. One whose server refuses it is asked again without, with the
        messages `plain` if there are any; if that works, it never gets a schema again.
        """
        refused = False
        if schema is not None and self.abilities.schema:
            try:
                async with aclosing(self._pieces(messages, reply, seconds, schema)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except BackendError as error:
                refused = error.reason in _FORM_REFUSED and not reply.text
                if not refused:
                    raise
        async with aclosing(self._pieces(plain or messages, reply, seconds, None)) as pieces:
            async for piece in pieces:
                if refused:
                    self.abilities.schema = False
                yield piece

    async def ask(
        self, messages: Messages, schema: Mapping[str, Any] | None = None, seconds: float = 0.0
    ) -> tuple[str, Usage]:
        """The whole answer, and what it took. Raises BackendError."""
        reply = Reply()
        async with aclosing(self.stream(messages, reply, seconds, schema)) as pieces:
            text = "".join([piece async for piece in pieces])
        return text, prices.priced(self.name, reply.usage)

    async def _pieces(
        self, messages: Messages, reply: Reply, seconds: float, schema: Mapping[str, Any] | None
    ) -> AsyncGenerator[str]:
        written = self._chunks(messages, min(seconds or self.seconds, self.seconds), schema)
        async with aclosing(steps.stepwise("model", written)) as chunks:
            async for chunk in chunks:
                if piece := reply.take(chunk):
                    yield piece
                if reply.cut:
                    break
        if rest := reply.end(self.name):
            yield rest

    async def _chunks(
        self, messages: Messages, seconds: float, schema: Mapping[str, Any] | None
    ) -> AsyncGenerator[AIMessageChunk]:
        """The deadline counts the time that the model takes, not what the reader takes in between."""
        options = models.schema_options(self._model, schema) if schema else {}
        stream = cast(AsyncGenerator[AIMessageChunk], self._model.astream(list(messages), **options))
        left = seconds
        async with aclosing(stream):
            while True:
                start = monotonic()
                with models.backend_errors(self.name, seconds):
                    async with asyncio.timeout(left):
                        chunk = await anext(stream, None)
                if chunk is None:
                    return
                left -= monotonic() - start
                yield chunk


@lru_cache(maxsize=32)
def abilities(name: str, base_url: str) -> Abilities:
    """What is known of the model of that name at that address; the same object each time."""
    return Abilities(schema=True)


def client(name: str, base_url: str = "", context_tokens: int = 0, seconds: float = 120.0) -> ChatClient:
    """The client of the model of that name; slow the first time. Raises ConfigError."""
    model = models.chat_model(name, base_url, seconds)
    tokens.count("")  # the first count loads the tokenizer
    known = abilities(name, base_url)
    known.schema = known.schema and models.may_take_schema(name, model)
    return ChatClient(name, model, models.window_of(model, context_tokens), seconds, known)
