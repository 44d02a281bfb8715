"""A paper as the library keeps it: cut up, with the vectors of its chunks and sentences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.text.sentences import Span
from rag.types import Paper

Vectors = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredPaper:
    """Offsets count characters of `paper.abstract`; row i of the vectors, shape (n, dimension), belongs to span i."""

    paper: Paper
    chunks: tuple[Span, ...]
    chunk_vectors: Vectors
    sentences: tuple[Span, ...]
    sentence_vectors: Vectors

    def text(self, span: Span) -> str:
        """The words of a chunk or a sentence."""
        return self.paper.abstract[span.start : span.end]
