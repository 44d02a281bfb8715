"""Papers ranked by their chunks that lie nearest to a vector, from the vector index or from all vectors."""

from collections.abc import Collection, Iterable

from rag.protocols import VectorIndex
from rag.types import Vectors

Hits = list[tuple[str, float]]
"""Paper ids and scores, best first; equal scores by id."""

_CHUNKS_PER_PAPER = 4
_WIDENING = 4


def search(index: VectorIndex, vector: Vectors, limit: int, papers: int, allowed: Collection[str] | None) -> Hits:
    """Fetch the chunks of about that many papers, then more, until `limit` allowed papers are found or none are left.

    `allowed` is None for every paper.
    """
    chunks = papers * _CHUNKS_PER_PAPER
    while True:
        hits = index.nearest(vector, chunks)
        best = _best_per_paper([hit for hit in hits if allowed is None or hit[0] in allowed], limit)
        # A paper as near as the last one may come before it by its id, so it has to be among those fetched.
        if len(hits) < chunks or (len(best) == limit and hits[-1][1] < best[-1][1]):
            return best
        chunks *= _WIDENING


def compare(papers: Iterable[tuple[str, Vectors]], vector: Vectors, limit: int) -> Hits:
    """Compare with every chunk of each paper, vectors of shape (chunks, dimension)."""
    return _best_per_paper([(id, float((vectors @ vector).max())) for id, vectors in papers if len(vectors)], limit)


def _best_per_paper(hits: Hits, limit: int) -> Hits:
    best: dict[str, float] = {}
    for id, score in hits:
        best[id] = max(score, best.get(id, score))
    return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))[:limit]
