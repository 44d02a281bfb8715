"""Answers written by any LangChain chat model, named `provider:model`; nothing else here knows of chat models."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence, Set
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from time import monotonic
from typing import Any, cast

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk

import prompts
from rag import condense
from rag.errors import BackendError, ConfigError, http_status, retryable
from rag.grounding import marks
from rag.grounding.marks import Marks
from rag.grounding.refusals import declines
from rag.protocols import Writer
from rag.text import tokens
from rag.text.analysis import content_stems, share
from rag.types import GenerationInfo, Passage, StandaloneQuery, Turn, Usage
from rag.writers import prompt_context
from rag.writers.reply import Reply

OPENAI = "openai"
WINDOW = 8_192
"""Tokens of a model of which nothing is known."""

MOST_TOKENS = 4_000
"""Of an answer; models that think before they write spend most of it on that."""

CONDENSE_SECONDS = 20.0
_RETRIES = 2
_COUNTED_OTHERWISE = 0.85
"""Other models' tokens are not those that we count."""

_LONGEST_QUESTION = 600
_SAID_BEFORE = 0.5
"""How much of a rewritten question must stand in the conversation, or the model has made something up."""
_LONGEST_MESSAGE = 300
_SYSTEM, _USER, _CONDENSE = "answer.system", "answer.user", "condense"
_ENDED = frozenset({"stop", "end_turn", "stop_sequence", "completed", "eos", "eos_token", "tool_calls", "done"})
_FILTERED = frozenset({"content_filter", "safety", "refusal", "recitation", "prohibited_content", "blocklist", "spii"})

_Messages = Sequence[tuple[str, str]]


def writer(
    name: str, nearest: Writer, base_url: str = "", context_tokens: int = 0, seconds: float = 120.0
) -> "ChatWriter":
    """The writer of that name; slow the first time. `base_url` is for `openai:` models. Raises ConfigError.

    `nearest` picks the sentences that the model is shown apart from their abstracts, because it may well overlook them.
    """
    model = _model(name, base_url, seconds)
    tokens.count("")  # the first count loads the tokenizer
    profile: Mapping[str, Any] = model.profile or {}
    window = context_tokens or profile.get("max_input_tokens") or WINDOW
    return ChatWriter(name, model, nearest, window, seconds)


class ChatWriter:
    """Asks the model, and says in its GenerationInfo how that went. The model's own client is the one that retries."""

    def __init__(
        self, name: str, model: BaseChatModel, nearest: Writer, window: int = WINDOW, seconds: float = 120.0
    ) -> None:
        self.name = name
        self._model = model
        self._nearest = nearest
        self._window = window
        self._seconds = seconds

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str | GenerationInfo]:
        """Yield the answer as it comes. Raises BackendError when the model fails, also after some of it."""
        messages, numbers = await self._prompt(question, passages, history)
        shown = Marks(numbers)  # not every passage was worth showing, or had room
        made = _Made()
        async with aclosing(self._pieces(messages, made, self._seconds)) as pieces:
            async for piece in pieces:
                yield shown.feed(piece)
        yield shown.end()
        if made.broken_off:
            yield "…"
        yield GenerationInfo(
            model=self.name,
            prompt=prompts.version(_SYSTEM, _USER),
            usage=made.usage,
            notice=made.notice(self.name),
            complete=not made.cut,
        )

    async def standalone(self, question: str, history: Sequence[Turn]) -> StandaloneQuery:
        """By the model if the question leans on the history; by our rules if the model fails or takes too long."""
        if not history or not condense.leans_back(question):
            return StandaloneQuery(question=question, search=question)
        words = prompts.render(
            _CONDENSE, conversation=prompt_context.conversation(history), question=prompt_context.quoted(question)
        )
        made = _Made()
        try:
            async with aclosing(self._pieces([("user", words)], made, min(CONDENSE_SECONDS, self._seconds))) as pieces:
                text = "".join([piece async for piece in pieces])
        except BackendError:
            text = ""
        rewritten = _one_question(text)
        if not _stands_for(rewritten, question, history):
            return replace(await condense.RuleBasedRewriter().standalone(question, history), usage=made.usage)
        return StandaloneQuery(question=rewritten, search=rewritten, usage=made.usage)

    async def _prompt(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn]
    ) -> tuple[_Messages, Set[int]]:
        """The messages, and the numbers of the passages in them."""
        system = prompts.render(_SYSTEM)
        told = prompt_context.conversation(history)
        earlier = f"\nThe conversation before the question:\n{told}\n" if told else ""
        near = prompt_context.worth_showing(question, passages)
        tag = prompt_context.tag()
        picked = [piece async for piece in self._nearest.write(question, near, history) if isinstance(piece, str)]
        nearest = prompt_context.excerpt("".join(picked), tag)
        picked_from = {number for _, _, number in marks.places(nearest)}
        frame = prompts.render(_USER, abstracts="", conversation=earlier, question=question, nearest=nearest)
        room = int((self._window - _reserve(self._window)) * _COUNTED_OTHERWISE)
        packed = prompt_context.pack(near, room - tokens.count(system + frame), tag)
        if not packed.numbers:
            raise ConfigError(
                f"no sentence of an abstract fits into the {self._window:,} tokens of {self.name} beside the prompt "
                "and the question; set SCHOLIAST_MODEL_CONTEXT_TOKENS to the window that the model really has"
            )
        user = prompts.render(_USER, abstracts=packed.text, conversation=earlier, question=question, nearest=nearest)
        return [("system", system), ("user", user)], picked_from.union(packed.numbers)

    async def _pieces(self, messages: _Messages, made: "_Made", seconds: float) -> AsyncGenerator[str]:
        reply = Reply()
        async with aclosing(self._chunks(messages, seconds)) as chunks:
            async for chunk in chunks:
                made.note(chunk)
                piece = reply.take(chunk.text)
                if piece:
                    yield piece
                if reply.cut:
                    break
        made.end(self.name, reply)

    async def _chunks(self, messages: _Messages, seconds: float) -> AsyncGenerator[AIMessageChunk]:
        """The deadline counts the time that the model takes, not what the reader takes in between."""
        stream = cast(AsyncGenerator[AIMessageChunk], self._model.astream(list(messages)))
        left = seconds
        async with aclosing(stream):
            while True:
                start = monotonic()
                with _our_errors(self.name, seconds):
                    async with asyncio.timeout(left):
                        chunk = await anext(stream, None)
                if chunk is None:
                    return
                left -= monotonic() - start
                yield chunk


@dataclass
class _Made:
    """What is known of a reply besides its text."""

    usage: Usage = field(default_factory=Usage)
    reason: str = ""
    cut: str = ""
    broken_off: bool = False

    def note(self, chunk: AIMessageChunk) -> None:
        told = chunk.usage_metadata
        if told:
            self.usage += Usage(prompt_tokens=told["input_tokens"], completion_tokens=told["output_tokens"])
        about = chunk.response_metadata
        names = ("finish_reason", "stop_reason", "done_reason", "status")
        self.reason = str(next((about[name] for name in names if about.get(name)), self.reason)).lower()

    def end(self, name: str, reply: Reply) -> None:
        """Find out whether the reply is whole. Raises BackendError if it just stopped."""
        self.cut = reply.cut or self._why_cut()
        if not self.reason and not reply.cut and name.startswith(f"{OPENAI}:"):
            raise BackendError(f"{name}: the reply stopped before its end", retryable=True, reason="it stopped midway")
        if self.cut and not reply.text and self.reason not in _FILTERED:
            raise BackendError(f"{name}: {self.cut} before it wrote a word", retryable=False, reason=self.cut)
        if not reply.text and not self.cut:
            self.cut = "the model wrote nothing"
        self.broken_off = bool(self.cut and reply.text) and not reply.text.rstrip().endswith((".", "!", "?", "…"))

    def notice(self, name: str) -> str:
        return f"{name}: {self.cut}." if self.cut else ""

    def _why_cut(self) -> str:
        if not self.reason or self.reason in _ENDED:
            return ""
        if self.reason in _FILTERED:
            return "the provider's content filter stopped the answer"
        return f"the answer was cut off ({self.reason})"


def _reserve(window: int) -> int:
    """Tokens that are kept for the answer."""
    return min(MOST_TOKENS, window // 4)


@lru_cache(maxsize=32)
def _model(name: str, base_url: str, seconds: float) -> BaseChatModel:
    provider, _, model = name.partition(":")
    if not provider or not model:
        raise ConfigError(
            f"model {name!r} is not provider:model; set SCHOLIAST_MODEL=openai:gpt-4o-mini, or extractive"
        )
    tokens.prepare()
    options = _openai(base_url, seconds) if provider == OPENAI else {"max_tokens": MOST_TOKENS}
    made = _made(name, provider, model, {**options, "temperature": 0})
    takes = (made.profile or {}).get("temperature", provider != OPENAI or "base_url" in options)
    return made if takes else _made(name, provider, model, options)


def _openai(base_url: str, seconds: float) -> dict[str, Any]:
    base_url = base_url or os.environ.get("OPENAI_BASE_URL", "")
    options: dict[str, Any] = {
        "timeout": seconds,
        "max_retries": _RETRIES,
        "stream_usage": True,
        "stream_chunk_timeout": None,
    }
    if not base_url:
        return {**options, "max_tokens": MOST_TOKENS}
    # Servers that are not OpenAI's know the older name of this limit, and many need no key.
    key = {} if os.environ.get("OPENAI_API_KEY") else {"api_key": "none"}
    return {**options, **key, "base_url": base_url, "extra_body": {"max_tokens": _reserve(WINDOW)}}


def _made(name: str, provider: str, model: str, options: Mapping[str, Any]) -> BaseChatModel:
    try:
        return cast(BaseChatModel, init_chat_model(model, model_provider=provider, **options))
    except ImportError as error:
        package = re.search(r"pip install ([\w-]+)", str(error))
        needed = f"pip install {package[1]}" if package else str(error)
        raise ConfigError(f"model {name!r} needs a package that is not installed: {needed}") from error
    except Exception as error:  # whatever the provider's constructor raises: a missing key, an unknown argument
        raise ConfigError(f"model {name!r} can't be made: {_short(error)}") from error


@contextmanager
def _our_errors(name: str, seconds: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        message = f"{name}: no whole answer within {seconds:g} s; SCHOLIAST_MODEL_TIMEOUT_SECONDS allows more"
        raise BackendError(message, retryable=True, reason=f"no whole answer within {seconds:g} s") from error
    except Exception as error:  # each provider has errors of its own
        status = http_status(error)
        reason = f"HTTP {status}" if status else type(error).__name__
        raise BackendError(f"{name}: {reason}: {_short(error)}", retryable=retryable(error), reason=reason) from error


def _short(error: Exception) -> str:
    text = " ".join(str(getattr(error, "message", "") or error).split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def _stands_for(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether it may be the question: not an answer to it, not made up, not what needed rewriting."""
    said = " ".join([question, *(turn.content for turn in history)])
    repeated = content_stems(rewritten) == content_stems(question) and condense.is_anaphoric(question)
    answered = "?" in question and "?" not in rewritten
    made_up = share(content_stems(rewritten), content_stems(said)) < _SAID_BEFORE
    return bool(rewritten) and not (repeated or answered or made_up)


def _one_question(text: str) -> str:
    """The first line, without what models like to put around it; empty if that can't be the question."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = re.sub(
        r"^(?:\W*(?:rewritten|standalone|stand-alone)?\s*question\s*:)?\W*(?=\w)", "", line, flags=re.IGNORECASE
    )
    line = line.strip(' "“”*`')
    return "" if len(line) > _LONGEST_QUESTION or (declines(line) and not line.endswith("?")) else line
