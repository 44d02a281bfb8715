"""The configured chat model as a reranker: it grades the passages, a few in each call."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from rag.errors import BackendError
from rag.types import Passage

UNGRADED = 3.0
"""For a passage that the model leaves out: behind those that help, before those that do not."""


class ModelReranker:
    """Grades as for deep answers: one call for each `grading.BATCH` passages. Loads the model at the first `rerank`.

    What the calls take is no part of an answer's `usage`.
    """

    def __init__(self, model: str, base_url: str, context_tokens: int, seconds: float) -> None:
        """`seconds` bounds each call."""
        self.name = f"model:{model}"
        self._arguments = (model, base_url, context_tokens, seconds)

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """One grade from 0 to 10 for each passage, in the same order. Raises BackendError, also where there is none."""
        from rag.writers import client, grading  # LangChain takes seconds to import

        asked = await asyncio.to_thread(client.client, *self._arguments)
        numbered = [replace(passage, number=number) for number, passage in enumerate(passages, start=1)]
        grades, _ = await grading.grade(asked, question, numbered)
        if not grades:
            raise BackendError(
                f"{self.name} graded none of {len(passages)} passages; a larger model follows the form more often",
                retryable=False,
                reason="its reply can't be read",
            )
        given = {grade.passage.number: grade.grade for grade in grades}
        return [given.get(passage.number, UNGRADED) for passage in numbered]
