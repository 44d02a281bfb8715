"""A model's reply within bounds: no endless repetition, no megabytes; and what is known of it at its end."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from langchain_core.messages import AIMessageChunk

from rag.errors import BackendError
from rag.types import Usage
from rag.writers import models
from rag.writers.reply_text import AnswerText

MAX_CHARACTERS = 8_000
"""A longer answer is cut off; the prompt asks for a few sentences."""

MAX_CHARACTERS_WITH_REASONING = 200_000

_REPETITIONS = 4
_LONGEST_PERIOD = 300
_CHECK_EVERY = 100
_ENDED = frozenset({"stop", "end_turn", "stop_sequence", "completed", "eos", "eos_token", "tool_calls", "done"})
_FILTERED = frozenset({"content_filter", "safety", "refusal", "recitation", "prohibited_content", "blocklist", "spii"})


@dataclass
class Reply:
    """A model's reply within bounds: no reasoning, no endless repetition, no megabytes; and what is known of it.

    `cut` says why the rest of the reply is not wanted, or why it is not whole; empty as long as all is well.
    """

    text: str = ""
    usage: Usage = field(default_factory=Usage)
    cut: str = ""
    _finish_reason: str = ""
    _received: int = 0
    _checked: int = 0
    _answer: AnswerText = field(default_factory=AnswerText)

    def take(self, chunk: AIMessageChunk) -> str:
        """The part of the chunk that belongs to the answer."""
        self._note(chunk)
        self._received += len(chunk.text)
        shown = self._within_bounds(self._answer.feed(chunk.text))
        if len(self.text) >= MAX_CHARACTERS or self._received > MAX_CHARACTERS_WITH_REASONING:
            self.cut = f"the answer was cut off at {len(self.text):,} characters"
        elif len(self.text) >= self._checked + _CHECK_EVERY:
            self._checked = len(self.text)
            self.cut = "the model began to repeat itself" if _repeats(self.text) else ""
        return shown

    def end(self, name: str) -> str:
        """The rest of the answer, and note whether the reply is whole. Raises BackendError if it just stopped."""
        rest = self._within_bounds(self._answer.flush())
        stopped_by_us = bool(self.cut)
        self.cut = self.cut or self._why_cut()
        if not self._finish_reason and not stopped_by_us and name.startswith(f"{models.OPENAI}:"):
            raise BackendError(f"{name}: the reply stopped before its end", retryable=True, reason="it stopped midway")
        if self.cut and not self.text and self._finish_reason not in _FILTERED:
            raise BackendError(f"{name}: {self.cut} before it wrote a word", retryable=False, reason=self.cut)
        if not self.text and not self.cut:
            self.cut = "the model wrote nothing"
        return rest

    def _within_bounds(self, pieces: Sequence[str]) -> str:
        shown = "".join(pieces)[: MAX_CHARACTERS - len(self.text)]
        self.text += shown
        return shown

    def _note(self, chunk: AIMessageChunk) -> None:
        if chunk.usage_metadata:
            self.usage += models.usage_of(chunk.usage_metadata)
        about = chunk.response_metadata
        names = ("finish_reason", "stop_reason", "done_reason", "status")
        self._finish_reason = str(next((about[n] for n in names if about.get(n)), self._finish_reason)).lower()

    def _why_cut(self) -> str:
        if not self._finish_reason or self._finish_reason in _ENDED:
            return ""
        if self._finish_reason in _FILTERED:
            return "the provider's content filter stopped the answer"
        return f"the answer was cut off ({self._finish_reason})"


def _repeats(text: str) -> bool:
    """Whether the text ends with the same words several times over."""
    periods = range(1, min(_LONGEST_PERIOD, len(text) // _REPETITIONS) + 1)
    return any(text.endswith(text[-period:] * _REPETITIONS) and text[-period:].strip(" .-_=*\n|") for period in periods)
