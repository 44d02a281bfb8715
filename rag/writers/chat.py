"""Answers written by any LangChain chat model, and follow-ups rewritten by it."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence, Set
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk

import prompts
from rag import condense
from rag.errors import BackendError, ConfigError
from rag.grounding import marks
from rag.grounding.marks import MarkFilter
from rag.grounding.refusals import declines
from rag.protocols import QueryRewriter, Writer
from rag.text import tokens
from rag.text.analysis import content_stems, share
from rag.types import GenerationInfo, Passage, StandaloneQuery, Turn, Usage
from rag.writers import models, prompt_context

REWRITE_SECONDS = 20.0
MAX_CHARACTERS = 8_000
"""A longer answer is cut off; the prompt asks for a few sentences."""

MAX_CHARACTERS_WITH_REASONING = 200_000
_OTHER_TOKENIZERS = 0.85
"""Other models' tokens are not those that we count."""

_LONGEST_QUESTION = 600
_SHARE_FROM_CONVERSATION = 0.5
"""How much of a rewritten question must stand in the conversation, or the model has made something up."""

_REPETITIONS = 4
_LONGEST_PERIOD = 300
_CHECK_EVERY = 100
_OPEN, _CLOSE = "<think>", "</think>"
_SYSTEM, _USER, _CONDENSE = "answer.system", "answer.user", "condense"
_ENDED = frozenset({"stop", "end_turn", "stop_sequence", "completed", "eos", "eos_token", "tool_calls", "done"})
_FILTERED = frozenset({"content_filter", "safety", "refusal", "recitation", "prohibited_content", "blocklist", "spii"})

_Messages = Sequence[tuple[str, str]]


def writer(
    name: str,
    nearest: Writer,
    base_url: str = "",
    context_tokens: int = 0,
    seconds: float = 120.0,
    rules: QueryRewriter | None = None,
) -> "ChatWriter":
    """The writer of that name; slow the first time. `base_url` is for `openai:` models. Raises ConfigError.

    `nearest` picks the sentences that the model is shown apart from their abstracts, because it may well overlook them;
    `rules` say which questions need the model to be rewritten, and rewrite them when it fails.
    """
    model = models.chat_model(name, base_url, seconds)
    tokens.count("")  # the first count loads the tokenizer
    return ChatWriter(name, model, nearest, models.window_of(model, context_tokens), seconds, rules)


class ChatWriter:
    """Asks the model, and says in its GenerationInfo how that went. The model's own client is the one that retries."""

    def __init__(
        self,
        name: str,
        model: BaseChatModel,
        nearest: Writer,
        window: int = models.DEFAULT_WINDOW,
        seconds: float = 120.0,
        rules: QueryRewriter | None = None,
    ) -> None:
        self.name = name
        self._model = model
        self._nearest = nearest
        self._window = window
        self._seconds = seconds
        self._rules = rules or condense.RuleBasedRewriter()

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str | GenerationInfo]:
        """Yield the answer as it comes. Raises BackendError when the model fails, also after some of it."""
        messages, numbers = await self._prompt(question, passages, history)
        shown = MarkFilter(numbers)  # not every passage was worth showing, or had room
        reply = _Reply()
        async with aclosing(self._pieces(messages, reply, self._seconds)) as pieces:
            async for piece in pieces:
                for text in shown.feed(piece):
                    yield text
        for text in shown.flush():
            yield text
        if reply.broken_off:
            yield "…"
        yield GenerationInfo(
            model=self.name,
            prompt=prompts.version(_SYSTEM, _USER),
            usage=reply.usage,
            notice=f"{self.name}: {reply.cut}." if reply.cut else "",
            complete=not reply.cut,
        )

    async def rewrite(self, question: str, history: Sequence[Turn]) -> StandaloneQuery:
        """By the model if the rules say that it needs the history; by the rules if the model fails or is slow."""
        by_rules = await self._rules.rewrite(question, history)
        if not by_rules.goes_on:
            return by_rules
        prompt = prompts.render(
            _CONDENSE,
            conversation=prompt_context.conversation(history),
            question=prompt_context.quoted(question),
        )
        reply = _Reply()
        try:
            seconds = min(REWRITE_SECONDS, self._seconds)
            async with aclosing(self._pieces([("user", prompt)], reply, seconds)) as pieces:
                text = "".join([piece async for piece in pieces])
        except BackendError:
            text = ""
        rewritten = _one_question(text)
        if not _is_plausible(rewritten, question, history):
            return replace(by_rules, usage=reply.usage)
        return replace(by_rules, question=rewritten, search=rewritten, usage=reply.usage)

    async def _prompt(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn]
    ) -> tuple[_Messages, Set[int]]:
        """The messages, and the numbers of the passages in them."""
        system = prompts.render(_SYSTEM)
        conversation = prompt_context.conversation(history)
        earlier = f"\nThe conversation before the question:\n{conversation}\n" if conversation else ""
        near = prompt_context.worth_showing(question, passages)
        tag = prompt_context.new_tag()
        picked = [piece async for piece in self._nearest.write(question, near, history) if isinstance(piece, str)]
        nearest = prompt_context.excerpt("".join(picked), tag)
        picked_from = {number for _, _, number in marks.places(nearest)}
        frame = prompts.render(_USER, abstracts="", conversation=earlier, question=question, nearest=nearest)
        room = int((self._window - models.reserved_tokens(self._window)) * _OTHER_TOKENIZERS)
        packed = prompt_context.pack(near, room - tokens.count(system + frame), tag)
        if not packed.numbers:
            raise ConfigError(
                f"no sentence of an abstract fits into the {self._window:,} tokens of {self.name} beside the prompt "
                "and the question; set SCHOLIAST_MODEL_CONTEXT_TOKENS to the window that the model really has"
            )
        user = prompts.render(_USER, abstracts=packed.text, conversation=earlier, question=question, nearest=nearest)
        return [("system", system), ("user", user)], picked_from.union(packed.numbers)

    async def _pieces(self, messages: _Messages, reply: "_Reply", seconds: float) -> AsyncGenerator[str]:
        async with aclosing(self._chunks(messages, seconds)) as chunks:
            async for chunk in chunks:
                piece = reply.take(chunk)
                if piece:
                    yield piece
                if reply.cut:
                    break
        reply.end(self.name)

    async def _chunks(self, messages: _Messages, seconds: float) -> AsyncGenerator[AIMessageChunk]:
        """The deadline counts the time that the model takes, not what the reader takes in between."""
        stream = cast(AsyncGenerator[AIMessageChunk], self._model.astream(list(messages)))
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


@dataclass
class _Reply:
    """A model's reply within bounds: no reasoning, no endless repetition, no megabytes; and what is known of it.

    `cut` says why the rest of the reply is not wanted, or why it is not whole; empty as long as all is well.
    """

    text: str = ""
    usage: Usage = field(default_factory=Usage)
    cut: str = ""
    broken_off: bool = False
    _finish_reason: str = ""
    _received: int = 0
    _checked: int = 0
    _start: str | None = ""
    _reasoning: bool = False

    def take(self, chunk: AIMessageChunk) -> str:
        """The part of the chunk that belongs to the answer."""
        self._note(chunk)
        piece = chunk.text
        self._received += len(piece)
        shown = self._without_reasoning(piece)[: MAX_CHARACTERS - len(self.text)]
        self.text += shown
        if len(self.text) >= MAX_CHARACTERS or self._received > MAX_CHARACTERS_WITH_REASONING:
            self.cut = f"the answer was cut off at {len(self.text):,} characters"
        elif len(self.text) >= self._checked + _CHECK_EVERY:
            self._checked = len(self.text)
            self.cut = "the model began to repeat itself" if _repeats(self.text) else ""
        return shown

    def end(self, name: str) -> None:
        """Find out whether the reply is whole. Raises BackendError if it just stopped."""
        stopped_by_us = bool(self.cut)
        self.cut = self.cut or self._why_cut()
        if not self._finish_reason and not stopped_by_us and name.startswith(f"{models.OPENAI}:"):
            raise BackendError(f"{name}: the reply stopped before its end", retryable=True, reason="it stopped midway")
        if self.cut and not self.text and self._finish_reason not in _FILTERED:
            raise BackendError(f"{name}: {self.cut} before it wrote a word", retryable=False, reason=self.cut)
        if not self.text and not self.cut:
            self.cut = "the model wrote nothing"
        self.broken_off = bool(self.cut and self.text) and not self.text.rstrip().endswith((".", "!", "?", "…"))

    def _note(self, chunk: AIMessageChunk) -> None:
        counted = chunk.usage_metadata
        if counted:
            self.usage += Usage(prompt_tokens=counted["input_tokens"], completion_tokens=counted["output_tokens"])
        about = chunk.response_metadata
        names = ("finish_reason", "stop_reason", "done_reason", "status")
        self._finish_reason = str(next((about[n] for n in names if about.get(n)), self._finish_reason)).lower()

    def _why_cut(self) -> str:
        if not self._finish_reason or self._finish_reason in _ENDED:
            return ""
        if self._finish_reason in _FILTERED:
            return "the provider's content filter stopped the answer"
        return f"the answer was cut off ({self._finish_reason})"

    def _without_reasoning(self, piece: str) -> str:
        """Local models write their reasoning before the answer, between <think> and </think>."""
        if self._start is None:
            return piece
        self._start += piece
        start = self._start.lstrip()
        self._reasoning = self._reasoning or start.startswith(_OPEN)
        if self._reasoning and _CLOSE in start:
            return self._answer(start.partition(_CLOSE)[2].lstrip())
        if self._reasoning or _OPEN.startswith(start):
            return ""
        return self._answer(self._start)

    def _answer(self, begun: str) -> str:
        self._start = None
        return begun


def _repeats(text: str) -> bool:
    """Whether the text ends with the same words several times over."""
    periods = range(1, min(_LONGEST_PERIOD, len(text) // _REPETITIONS) + 1)
    return any(text.endswith(text[-period:] * _REPETITIONS) and text[-period:].strip(" .-_=*\n|") for period in periods)


def _is_plausible(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether it may be the question: not an answer to it, not made up, not what needed rewriting."""
    said = " ".join([question, *(turn.content for turn in history)])
    repeated = content_stems(rewritten) == content_stems(question) and condense.is_anaphoric(question)
    answered = "?" in question and "?" not in rewritten
    made_up = share(content_stems(rewritten), content_stems(said)) < _SHARE_FROM_CONVERSATION
    return bool(rewritten) and not (repeated or answered or made_up)


def _one_question(text: str) -> str:
    """The first line, without what models like to put around it; empty if that can't be the question."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = re.sub(
        r"^(?:\W*(?:rewritten|standalone|stand-alone)?\s*question\s*:)?\W*(?=\w)", "", line, flags=re.IGNORECASE
    )
    line = line.strip(' "“”*`')
    return "" if len(line) > _LONGEST_QUESTION or (declines(line) and not line.endswith("?")) else line
