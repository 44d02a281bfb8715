"""Dense and keyword rankings, fused, grouped by paper and reranked."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from rag.errors import BackendError, RequestError
from rag.library.library import Library
from rag.protocols import Embedder, Reranker, Retriever
from rag.text.analysis import content_stems
from rag.text.tails import evidence_end
from rag.types import EVERYTHING, Filters, Passage, PassageSentence, StoredPaper, Vectors

DENSE_SHARE = 0.5
"""Weight of the dense score; `eval/results/retrieval.md` has the sweep that chose this and the next two."""

STRONG_COSINE = 0.7
STRONG_KEYWORD = 1.2
"""What counts as a full score: the cosine of a chunk, and BM25 as a multiple of the idf of all the question's words."""

POOL = 100
"""How many papers each ranking brings to the fusion."""

RERANKED = 24
"""How many papers of the fusion are looked at sentence by sentence, and shown to a reranker."""

SENTENCE_WEIGHT = 0.35
"""Weight of the two sentences nearest to the question, beside the fused score."""

MAX_PASSAGE_CHARACTERS = 4_000
NEAR_DUPLICATE = 0.9

MAX_RESULTS = 100
MAX_QUERY_CHARACTERS = 4_000
"""Limits of `search`."""


log = logging.getLogger("scholiast")


class HybridRetriever:
    """Papers whose chunks lie near the question or share its words, best first."""

    def __init__(self, library: Library, embedder: Embedder, reranker: Reranker | None = None) -> None:
        """`reranker` orders the best anew; without one they stay in the order of their scores."""
        self._library = library
        self._embedder = embedder
        self._reranker = reranker

    async def retrieve(self, question: str, limit: int, filters: Filters = EVERYTHING) -> list[Passage]:
        """One passage for each of at most `limit` papers. Empty when no stored paper passes the filters."""
        allowed = await self._library.allowed(filters)
        vector = await self._embedder.embed_query(question)
        dense, keyword = await asyncio.gather(
            self._library.nearest(vector, POOL, allowed), self._library.matching(question, POOL, allowed)
        )
        idf = sum(self._library.idf(content_stems(question)).values())
        fused = fuse(dict(dense), dict(keyword), STRONG_KEYWORD * idf)
        candidates = sorted(fused, key=lambda paper: (-fused[paper], paper))[: max(RERANKED, 2 * limit)]
        # A paper may have been removed since it was ranked; one without an abstract has nothing to show.
        stored = [paper for paper in (await self._library.stored(candidates)).values() if paper.sentences]
        scored = [_by_sentences(as_passage(paper, fused[paper.paper.id], vector)) for paper in stored]
        ordered = sorted(scored, key=lambda passage: (-passage.score, passage.paper.id))
        best = await self._reranked(question, ordered)
        return [replace(p, number=number) for number, p in enumerate(_without_near_duplicates(best, limit), start=1)]

    async def _reranked(self, question: str, passages: Sequence[Passage]) -> Sequence[Passage]:
        """The first `RERANKED` in the reranker's order, the others behind them; as they are where it fails.

        The scores stay where they are, the best one with whichever passage is first: what follows is fitted to them.
        """
        if self._reranker is None or len(passages) < 2:
            return passages
        first, others = passages[:RERANKED], passages[RERANKED:]
        try:
            relevance = await self._reranker.rerank(question, first)
        except BackendError as error:
            log.warning("%s failed, the passages stay in the order of the search: %s", self._reranker.name, error)
            notice = f"The reranker failed ({error.reason}); the passages are in the order of the search."
            return [replace(passage, notice=notice) for passage in passages]
        order = sorted(range(len(first)), key=lambda position: -relevance[position])
        return [*(replace(first[old], score=first[new].score) for new, old in enumerate(order)), *others]


async def search(retriever: Retriever, query: str, limit: int, filters: Filters = EVERYTHING) -> list[Passage]:
    """One passage for each of at most `limit` papers, best first. Raises RequestError for a query it can't use."""
    query = query.strip()
    if not query:
        raise RequestError("the query is empty; give some words to look for")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise RequestError(f"the query has {len(query):,} characters; {MAX_QUERY_CHARACTERS:,} is the most")
    if not 1 <= limit <= MAX_RESULTS:
        raise RequestError(f"limit is {limit}; it must be from 1 to {MAX_RESULTS}")
    return list(await retriever.retrieve(query, limit, filters))


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


def _by_sentences(passage: Passage) -> Passage:
    """A paper with two sentences near the question is more likely about it than one with a single one."""
    similarities = [sentence.similarity for sentence in passage.sentences]
    return replace(passage, score=with_nearest_sentences(passage.score, similarities))


def with_nearest_sentences(fused: float, similarities: Sequence[float]) -> float:
    """The fused score of a paper together with the mean of its two sentences nearest to the question, 0 to 1."""
    return (fused + SENTENCE_WEIGHT * max(0.0, fmean(sorted(similarities)[-2:]))) / (1 + SENTENCE_WEIGHT)


def _to_unit(scores: Mapping[str, float], strong: float) -> dict[str, float]:
    best = max(*scores.values(), strong) if scores else strong
    return {paper: max(score, 0.0) / best if best > 0 else 0.0 for paper, score in scores.items()}


def _without_near_duplicates(passages: Sequence[Passage], limit: int) -> list[Passage]:
    """The first `limit` that differ: an abstract that says nearly the same as a better placed one adds nothing."""
    kept: list[tuple[Passage, set[str]]] = []
    for passage in passages:
        if len(kept) == limit:
            break
        words = set(passage.paper.abstract.casefold().split())
        if not any(_are_near(words, others) for _, others in kept):
            kept.append((passage, words))
    return [passage for passage, _ in kept]


def _are_near(words: set[str], others: set[str]) -> bool:
    few, many = sorted((len(words), len(others)))
    return few >= NEAR_DUPLICATE * many and len(words & others) >= NEAR_DUPLICATE * len(words | others)


def as_passage(stored: StoredPaper, score: float, vector: Vectors) -> Passage:
    """What a paper says, with its similarity to the question; its number, 0 here, comes with its rank.

    What stands behind an abstract, such as a copyright notice, is no evidence and no part of it.
    """
    similarities = stored.sentence_vectors @ vector
    end_of_evidence = evidence_end(stored.paper.abstract)
    sentences = [
        PassageSentence(start=span.start, end=span.end, text=stored.text(span), similarity=float(similarity))
        for span, similarity in zip(stored.sentences, similarities, strict=True)
        if span.start < end_of_evidence
    ]
    shown = _window(sentences)
    start, end = shown[0].start, shown[-1].end
    return Passage(
        number=0,
        paper=stored.paper,
        start=start,
        end=end,
        text=stored.paper.abstract[start:end],
        score=score,
        similarity=float(np.max(stored.chunk_vectors @ vector)),
        sentences=tuple(shown),
    )


def _window(sentences: Sequence[PassageSentence]) -> Sequence[PassageSentence]:
    """All of an abstract of ordinary length; of a longer one, whole sentences around the best match."""
    if sentences[-1].end - sentences[0].start <= MAX_PASSAGE_CHARACTERS:
        return sentences
    first = last = max(range(len(sentences)), key=lambda i: sentences[i].similarity)
    while True:
        wider = [(a, b) for a, b in ((first - 1, last), (first, last + 1)) if a >= 0 and b < len(sentences)]
        wider = [(a, b) for a, b in wider if sentences[b].end - sentences[a].start <= MAX_PASSAGE_CHARACTERS]
        if not wider:
            return sentences[first : last + 1]
        first, last = max(wider, key=lambda ab: sentences[ab[0] if ab[0] < first else ab[1]].similarity)
