"""Answers written by any LangChain chat model."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from rag import condense
from rag import question as questions
from rag.errors import BackendError
from rag.protocols import QueryRewriter, Writer
from rag.types import GenerationInfo, Passage, StandaloneQuery, Turn, Usage
from rag.writers import client as clients
from rag.writers import grading, models, prices, prompting, structured
from rag.writers.client import ChatClient
from rag.writers.prompting import Prompt
from rag.writers.reply import Reply
from rag.writers.rewriting import ModelRewriter

WIDE_FROM = 12_000
"""The window from which a model is shown all abstracts, and decides itself whether they answer."""

_ENDS = (".", "!", "?", "…", "。", "！", "？", "”")
WORTH_READING = 3.0
"""The grade from which an abstract goes into a prompt that has no room for all of them."""

log = logging.getLogger("scholiast")


def writer(
    name: str,
    nearest: Writer,
    base_url: str = "",
    context_tokens: int = 0,
    seconds: float = 120.0,
    rules: QueryRewriter | None = None,
    prompt: str = "auto",
) -> "ChatWriter":
    """The writer of that name; slow the first time. `base_url` is for `openai:` models. Raises ConfigError.

    `nearest` picks the sentences that a small model is shown apart from their abstracts, because it may well overlook
    them; `rules` say which questions need the model to be rewritten, and rewrite them when it fails. `prompt` is
    `narrow`, `wide`, or `auto`: wide unless the window or the model is small.
    """
    client = clients.client(name, base_url, context_tokens, seconds)
    wide = prompt == "wide" or (prompt == "auto" and client.window >= WIDE_FROM and not models.is_small(name))
    return ChatWriter(client, nearest, rules, wide=wide)


class ChatWriter:
    """Asks the model, and says in its GenerationInfo how that went."""

    def __init__(
        self, client: ChatClient, nearest: Writer, rules: QueryRewriter | None = None, *, wide: bool = False
    ) -> None:
        self.name = client.name
        self.client = client
        self.wide = wide
        self._nearest = nearest
        self._rewriter = ModelRewriter(client, rules or condense.RuleBasedRewriter())

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str | GenerationInfo]:
        """Yield the answer as it comes. Raises BackendError when the model fails, also after some of it."""
        prompt, usage, read = await self._prompt(question, passages, history)
        reply = Reply()
        end = ""
        schema = structured.SCHEMA if self.wide else None
        pieces = self.client.stream(prompt.messages, reply, schema=schema, plain=prompt.plain)
        async with aclosing(pieces):
            async for piece in pieces:
                for text in prompt.reader.feed(piece):
                    end = text
                    yield text
        for text in prompt.reader.flush():
            end = text
            yield text
        if reply.cut and end and not end.rstrip().endswith(_ENDS):
            yield "…"
        cut = f"{self.name}: {reply.cut}." if reply.cut else ""
        unread = f"{read} of {len(passages)} abstracts were read." if self.wide and read < len(passages) else ""
        yield GenerationInfo(
            model=self.name,
            prompt=prompt.version,
            usage=usage + prices.priced(self.name, reply.usage),
            notice=" ".join(filter(None, (cut, unread))),
            complete=not reply.cut and not prompt.reader.partial,
        )

    async def rewrite(self, question: str, history: Sequence[Turn]) -> StandaloneQuery:
        """A follow-up that stands alone, by the model where the rules say that it needs the history."""
        return await self._rewriter.rewrite(question, history)

    async def _prompt(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn]
    ) -> tuple[Prompt, Usage, int]:
        """The prompt, what it took to choose the abstracts for it, and how many were read for that.

        Where a question takes several abstracts and not all of them fit, the model grades them in parts first.
        """
        if not self.wide:
            prompt = await prompting.narrow(self.client, self._nearest, question, passages, history)
            return prompt, Usage(), prompt.shown
        prompt = prompting.wide(self.client, question, passages, history)
        if prompt.shown == len(passages) or questions.analyse(question).shape == "single":
            return prompt, Usage(), prompt.shown
        try:
            grades, usage = await grading.grade(self.client, question, passages)
        except BackendError as error:
            log.warning("%s could not grade %d abstracts: %s", self.name, len(passages), error)
            return prompt, Usage(), prompt.shown
        worth = sorted((grade for grade in grades if grade.grade >= WORTH_READING), key=lambda grade: -grade.grade)
        chosen = [grade.passage for grade in worth]
        return prompting.wide(self.client, question, chosen or passages, history), usage, len(grades)
