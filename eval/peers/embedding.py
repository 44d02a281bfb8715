"""The product's own embedder inside another system's process, so that all search with the same vectors, without a hop.

Needs what `requirements/minilm.txt` has. The graph of the model is in the user's cache when a peer starts.
"""

import asyncio
import threading
from collections.abc import Sequence

from rag.embedders.minilm import DIMENSION, MiniLM

__all__ = ["DIMENSION", "MINILM", "embed", "embed_one"]

MINILM = MiniLM()
_OWN = threading.local()


def embed(texts: Sequence[str]) -> list[list[float]]:
    """Unit vectors in the order of the texts. Thread-safe, for code that is not async."""
    if not hasattr(_OWN, "runner"):
        _OWN.runner = asyncio.Runner()
    vectors: list[list[float]] = _OWN.runner.run(MINILM.embed(texts)).tolist()
    return vectors


def embed_one(text: str) -> list[float]:
    """The vector of one text."""
    return embed([text])[0]
