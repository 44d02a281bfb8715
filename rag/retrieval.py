"""Dense and keyword rankings, fused and grouped by paper."""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from rag.library.library import Library
from rag.protocols import Embedder
from rag.text.analysis import content_stems
from rag.types import EVERYTHING, Filters, Passage, PassageSentence, StoredPaper, Vectors

DENSE_SHARE = 0.5
"""Weight of the dense score; `eval/results/retrieval.md` has the sweep that chose this and the next two."""

STRONG_COSINE = 0.7
STRONG_KEYWORD = 1.2
"""What counts as a full score: the cosine of a chunk, and BM25 as a multiple of the idf of all the question's words."""

POOL = 100
"""How many papers each ranking brings to the fusion."""

RERANKED = 24
"""How many papers of the fusion are looked at sentence by sentence."""

EVIDENCE_WEIGHT = 0.35
"""Weight of the two sentences nearest to the question, beside the fused score."""

MAX_PASSAGE_CHARACTERS = 4_000
NEAR_DUPLICATE = 0.9


class HybridRetriever:
    """Papers whose chunks lie near the question or share its words, best first."""

    def __init__(self, library: Library, embedder: Embedder) -> None:
        self._library = library
        self._embedder = embedder

    async def retrieve(self, question: str, limit: int, filters: Filters = EVERYTHING) -> list[Passage]:
        """One passage for each of at most `limit` papers. Empty when no stored paper passes the filters."""
        allowed = await self._library.allowed(filters)
        vector = (await self._embedder.embed([question]))[0]
        dense, keyword = await asyncio.gather(
            self._library.nearest(vector, POOL, allowed), self._library.matching(question, POOL, allowed)
        )
        idf = sum(self._library.idf(content_stems(question)).values())
        fused = fuse(dict(dense), dict(keyword), STRONG_KEYWORD * idf)
        candidates = sorted(fused, key=lambda paper: (-fused[paper], paper))[: max(RERANKED, 2 * limit)]
        # A paper may have been removed since it was ranked; one without an abstract has nothing to show.
        stored = [paper for paper in (await self._library.stored(candidates)).values() if paper.sentences]
        scored = {paper.paper.id: by_sentences(fused[paper.paper.id], paper, vector) for paper in stored}
        best = sorted(stored, key=lambda paper: (-scored[paper.paper.id], paper.paper.id))
        distinct = _without_near_duplicates(best, limit)
        return [
            _passage(number, paper, scored[paper.paper.id], vector) for number, paper in enumerate(distinct, start=1)
        ]


def fuse(
    dense: Mapping[str, float],
    keyword: Mapping[str, float],
    strong_keyword: float,
    dense_share: float = DENSE_SHARE,
) -> dict[str, float]:
    """Convex combination of the two scores (Bruch et al., 2023, section 4), 0 to 1.

    Each is divided by its best, or by what counts as strong if even the best is weaker: a question of names alone lies
    near nothing, and the least far chunk must not weigh as much as a paper that has the names. A paper that the dense
    ranking left out can't lie nearer than the last one it let in, and is given that score.
    """
    dense_scores, keyword_scores = _to_unit(dense, STRONG_COSINE), _to_unit(keyword, strong_keyword)
    furthest = min(dense_scores.values(), default=0.0)
    return {
        paper: dense_share * dense_scores.get(paper, furthest) + (1 - dense_share) * keyword_scores.get(paper, 0.0)
        for paper in dense_scores.keys() | keyword_scores.keys()
    }


def by_sentences(fused: float, paper: StoredPaper, vector: Vectors) -> float:
    """0 to 1: a paper with two sentences near the question is more likely about it than one with a single one."""
    nearest = np.sort(paper.sentence_vectors @ vector)[-2:]
    return (fused + EVIDENCE_WEIGHT * max(0.0, float(nearest.mean()))) / (1 + EVIDENCE_WEIGHT)


def _to_unit(scores: Mapping[str, float], strong: float) -> dict[str, float]:
    best = max(*scores.values(), strong) if scores else strong
    return {paper: max(score, 0.0) / best if best > 0 else 0.0 for paper, score in scores.items()}


def _without_near_duplicates(papers: Sequence[StoredPaper], limit: int) -> list[StoredPaper]:
    """The first `limit` that differ: an abstract that says nearly the same as a better placed one adds nothing."""
    kept: list[tuple[StoredPaper, set[str]]] = []
    for paper in papers:
        if len(kept) == limit:
            break
        words = set(paper.paper.abstract.casefold().split())
        if all(len(words & others) < NEAR_DUPLICATE * len(words | others) for _, others in kept):
            kept.append((paper, words))
    return [paper for paper, _ in kept]


def _passage(number: int, stored: StoredPaper, score: float, vector: Vectors) -> Passage:
    similarities = stored.sentence_vectors @ vector
    evidence = [
        PassageSentence(start=span.start, end=span.end, text=stored.text(span), similarity=float(similarity))
        for span, similarity in zip(stored.sentences, similarities, strict=True)
    ]
    shown = _window(evidence)
    start, end = shown[0].start, shown[-1].end
    return Passage(
        number=number,
        paper=stored.paper,
        start=start,
        end=end,
        text=stored.paper.abstract[start:end],
        score=score,
        similarity=float(np.max(stored.chunk_vectors @ vector)),
        sentences=tuple(shown),
    )


def _window(evidence: Sequence[PassageSentence]) -> Sequence[PassageSentence]:
    """All of an abstract of ordinary length; of a longer one, whole sentences around the best match."""
    first = last = max(range(len(evidence)), key=lambda i: evidence[i].similarity)
    while True:
        wider = [(a, b) for a, b in ((first - 1, last), (first, last + 1)) if a >= 0 and b < len(evidence)]
        wider = [(a, b) for a, b in wider if evidence[b].end - evidence[a].start <= MAX_PASSAGE_CHARACTERS]
        if not wider:
            return evidence[first : last + 1]
        first, last = max(wider, key=lambda ab: evidence[ab[0] if ab[0] < first else ab[1]].similarity)
