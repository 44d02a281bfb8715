"""The papers nearest to a vector, by their best chunk: asked of the index, or of every vector of a few papers."""

from collections.abc import Collection, Iterable

from rag.library.stored import Vectors
from rag.library.vector_index import Chroma

Hits = list[tuple[str, float]]
"""Paper ids and scores, best first; equal scores by id."""

_CHUNKS_PER_PAPER = 4
_WIDER = 4


def in_index(chroma: Chroma, vector: Vectors, limit: int, papers: int, allowed: Collection[str] | None) -> Hits:
    """Ask for the chunks of about so many papers, then for more, until enough pass or there are no more.

    Only papers in `allowed`; None means every paper.
    """
    wanted = papers * _CHUNKS_PER_PAPER
    while True:
        hits = chroma.nearest(vector, wanted)
        best = _best([hit for hit in hits if allowed is None or hit[0] in allowed], limit)
        if len(best) == limit or len(hits) < wanted:
            return best
        wanted *= _WIDER


def among(papers: Iterable[tuple[str, Vectors]], vector: Vectors, limit: int) -> Hits:
    """Compare with the vectors of each paper, shape (chunks, dimension)."""
    return _best([(id, float((vectors @ vector).max())) for id, vectors in papers if len(vectors)], limit)


def _best(hits: Hits, limit: int) -> Hits:
    """The best score of each paper."""
    best: dict[str, float] = {}
    for id, score in hits:
        best[id] = max(score, best.get(id, score))
    return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))[:limit]
