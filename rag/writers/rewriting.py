"""Follow-ups rewritten by a chat model, so that they stand alone."""

import re
from collections.abc import Sequence
from dataclasses import replace

import prompts
from rag import condense
from rag.errors import BackendError
from rag.grounding.refusals import declines
from rag.protocols import QueryRewriter
from rag.text.analysis import content_stems, share
from rag.types import StandaloneQuery, Turn
from rag.writers import prompt_context
from rag.writers.client import ChatClient

REWRITE_SECONDS = 20.0
_LONGEST_QUESTION = 600
_SHARE_FROM_CONVERSATION = 0.5
"""How much of a rewritten question must stand in the conversation, or the model has made something up."""

_PROMPT = "condense"


class ModelRewriter:
    """Asks the model where the rules say that a question needs its history, and keeps to the rules where that fails."""

    def __init__(self, client: ChatClient, rules: QueryRewriter) -> None:
        self._client = client
        self._rules = rules

    async def rewrite(self, question: str, history: Sequence[Turn]) -> StandaloneQuery:
        """By the model if the rules say that it needs the history; by the rules if the model fails or is slow."""
        by_rules = await self._rules.rewrite(question, history)
        if not by_rules.goes_on:
            return by_rules
        prompt = prompts.render(
            _PROMPT, conversation=prompt_context.conversation(history), question=prompt_context.quoted(question)
        )
        try:
            text, usage = await self._client.ask([("user", prompt)], seconds=REWRITE_SECONDS)
        except BackendError:
            return by_rules
        rewritten = _one_question(text)
        if not _is_plausible(rewritten, question, history):
            return replace(by_rules, usage=usage)
        return replace(by_rules, question=rewritten, search=rewritten, usage=usage)


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
