"""Leaves a reranker alone that is down, so that not every question waits for it in vain."""

import logging
from collections.abc import Sequence
from time import monotonic

from rag.errors import BackendError
from rag.protocols import Reranker
from rag.types import Passage

FAILURES = 2
"""In a row, after which it counts as down."""

REST_SECONDS = 30.0
"""How long it is then not asked; after that one question tries it, while the others still go without."""

log = logging.getLogger("scholiast")


class CircuitBreaker:
    """A reranker with a rest after failures. Belongs to one event loop."""

    def __init__(self, reranker: Reranker, rest_seconds: float = REST_SECONDS) -> None:
        self.name = reranker.name
        self._reranker = reranker
        self._rest_seconds = rest_seconds
        self._failures = 0
        self._reason = ""
        self._rest_until = 0.0

    @property
    def down(self) -> str:
        """Why it is left alone; empty as long as it works."""
        return self._reason if self._failures >= FAILURES else ""

    async def rerank(self, question: str, passages: Sequence[Passage]) -> Sequence[float]:
        """As the reranker does. Raises BackendError at once while it rests."""
        if self.down:
            if monotonic() < self._rest_until:
                raise BackendError(
                    f"{self.name} is not asked for now, as it failed {self._failures} times ({self._reason})",
                    retryable=True,
                    reason=f"it is down: {self._reason}",
                )
            self._rest_until = monotonic() + self._rest_seconds  # the others do not try it meanwhile
        try:
            scores = await self._reranker.rerank(question, passages)
        except BackendError as error:
            self._fail(error)
            raise
        if self.down:
            log.info("%s works again", self.name)
        self._failures = 0
        return scores

    def _fail(self, error: BackendError) -> None:
        self._failures += 1
        self._reason = error.reason
        if self._failures == FAILURES:
            log.warning("%s is down (%s) and left alone for %g seconds", self.name, error.reason, self._rest_seconds)
        self._rest_until = monotonic() + self._rest_seconds
