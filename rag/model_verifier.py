"""A chat model reads all sentences of an answer against their quotes, in one call after the last of them is written."""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from secrets import token_hex
from typing import get_args

from langchain_core.language_models import BaseChatModel

import prompts
from rag import steps
from rag.errors import BackendError
from rag.types import Citation, Sentence, Usage, Verdict
from rag.writers import models, prices
from rag.writers.prompt_context import quoted

_PROMPT = "verify"
_VERDICT = re.compile(rf'"?(\d+)"?\s*[:=]\s*"?({"|".join(get_args(Verdict))})\b', re.IGNORECASE)

log = logging.getLogger("scholiast")


class ModelVerifier:
    """Gives each cited sentence the model's verdict, and says in `reason` that it is the model's."""

    def __init__(self, name: str, model: BaseChatModel, seconds: float) -> None:
        self.name = name
        self._model = model
        self._seconds = seconds

    async def review(
        self, sentences: Sequence[Sentence], citations: Sequence[Citation]
    ) -> tuple[tuple[Sentence, ...], Usage]:
        """The sentences with the model's verdicts, and what that took. Raises BackendError.

        A sentence that cites nothing, or for which the reply has no verdict, keeps its own. So does one that is
        contradicted already: the checks that say so compare numbers, names and negations letter by letter.
        """
        cited = {i for i, sentence in enumerate(sentences) if sentence.citations and sentence.support != "contradicted"}
        if not cited:
            return tuple(sentences), Usage()
        text, usage = await self._ask(prompts.render(_PROMPT, sentences=_listed(sentences, citations, cited)))
        verdicts = {int(number) - 1: verdict.lower() for number, verdict in _VERDICT.findall(text)}
        if missing := cited - verdicts.keys():
            log.warning("%s gave no verdict on %d of %d sentences", self.name, len(missing), len(cited))
        return tuple(
            replace(sentence, support=verdicts[i], reason=f"by {self.name}")
            if i in cited and i in verdicts
            else sentence
            for i, sentence in enumerate(sentences)
        ), usage

    async def _ask(self, prompt: str) -> tuple[str, Usage]:
        with steps.step("model"), models.backend_errors(self.name, self._seconds):
            async with asyncio.timeout(self._seconds):
                reply = await self._model.ainvoke([("user", prompt)])
        counted = reply.usage_metadata
        usage = prices.priced(self.name, models.usage_of(counted)) if counted else Usage()
        text = str(reply.text)
        if not _VERDICT.search(text):
            raise BackendError(f"{self.name}: the reply has no verdict", retryable=False, reason="it gave no verdict")
        return text, usage


def verifier(name: str, base_url: str, seconds: float) -> ModelVerifier:
    """The verifier by the model of that name; slow the first time. Raises ConfigError."""
    return ModelVerifier(name, models.chat_model(name, base_url, seconds), seconds)


def _listed(sentences: Sequence[Sentence], citations: Sequence[Citation], chosen: set[int]) -> str:
    tag = f"quotes-{token_hex(4)}"
    blocks = []
    for i in sorted(chosen):
        quotes = "\n".join(quoted(citation.quote) for citation in citations if citation.sentence == i)
        blocks.append(f"{i + 1}. {quoted(sentences[i].text)}\n<{tag}>\n{quotes}\n</{tag}>")
    return "\n\n".join(blocks)
