"""An embedder that keeps the last queries' vectors: a question is searched for several times before it is answered."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Embedder
from rag.recent import Recent

KEPT_QUERIES = 1_000
"""How many; 1.5 MB with 384 dimensions."""


class CachedQueries:
    """Embeds a query that was embedded before at no cost; documents as ever."""

    def __init__(self, embedder: Embedder, most: int = KEPT_QUERIES) -> None:
        """Of more than `most` queries, those that were asked for longest ago are dropped."""
        self._embedder = embedder
        self._vectors = Recent[str, NDArray[np.float32]](most)

    @property
    def name(self) -> str:
        """The embedder's own: it makes the vectors."""
        return self._embedder.name

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the embedder does."""
        return await self._embedder.embed(texts)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """As the embedder does; nobody may write to the vector."""
        vector = self._vectors.get(text)
        if vector is None:
            vector = await self._embedder.embed_query(text)
            vector.flags.writeable = False
            self._vectors.put(text, vector)
        return vector
