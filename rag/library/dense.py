"""Papers ranked by their chunks that lie nearest to a vector, from the vector index or from all vectors."""

from collections.abc import Collection, Iterable

from rag.library.catalog import Catalog
from rag.library.quantised import QuantisedVectors
from rag.library.schema import LibraryRow
from rag.library.sync import Indexes
from rag.protocols import VectorIndex
from rag.types import Vectors

Hits = list[tuple[str, float]]
"""Paper ids and scores, best first; equal scores by id."""

_CHUNKS_PER_PAPER = 4
_WIDENING = 4

_COMPARED_FOR_EACH = 4
"""Up to so many papers for each one wanted, comparing all their vectors takes no longer than choosing among them."""

_SCANNED = 5_000
"""Looking at the 8-bit vectors of so many papers takes as long as asking the vector index for as many neighbours as are
wanted (`eval/results/scale.md`)."""


class DenseSearch:
    """The papers of a library nearest to a vector: all of them, or of a choice, by whichever way is the shortest."""

    def __init__(self, catalog: Catalog, library: str) -> None:
        """Reads nothing until something is asked."""
        self._catalog = catalog
        self._library = library
        self._quantised = QuantisedVectors(catalog, library)

    def close(self) -> None:
        """Stop reading ahead."""
        self._quantised.close()

    def nearest(
        self, indexes: Indexes, state: LibraryRow, vector: Vectors, limit: int, allowed: Collection[str] | None
    ) -> Hits:
        """At most `limit` papers, of those allowed; None allows all. `state` is the library's. Raises LibraryError."""
        if allowed is None:
            return search(indexes.vectors(), vector, limit, limit, None)
        stored = len(indexes.keywords())
        # About how many of the nearest papers have to be seen before `limit` of those allowed are among them.
        papers = limit * stored // max(len(allowed), 1)
        is_sooner_scanned = len(allowed) * limit < _SCANNED * (papers - limit)
        if is_sooner_scanned and len(allowed) > limit * _COMPARED_FOR_EACH and self._quantised.is_ready(state, stored):
            allowed = self._quantised.nearest(vector, allowed, limit, state)
        elif len(allowed) > papers > 0:
            return search(indexes.vectors(), vector, limit, papers, allowed)
        return compare(self._catalog.chunk_vectors(self._library, allowed, state.dimension), vector, limit)


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
