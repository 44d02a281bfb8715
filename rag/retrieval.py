"""Dense and keyword rankings, fused, grouped by paper and reranked."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from statistics import fmean
from typing import Self

import numpy as np

from rag import steps
from rag.errors import BackendError, RequestError
from rag.library.library import Library
from rag.protocols import Embedder, Reranker, Retriever
from rag.text.analysis import content_stems
from rag.text.tails import evidence_end
from rag.types import EVERYTHING, Filters, Passage, PassageSentence, Span, StoredPaper, Vectors

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
        with steps.step("embed"):
            vector = await self._embedder.embed_query(question)
        with steps.step("search"):
            dense, keyword = await asyncio.gather(
                self._library.nearest(vector, POOL, allowed), self._library.matching(question, POOL, allowed)
            )
        idf = sum(self._library.idf(content_stems(question)).values())
        fused = fuse(dict(dense), dict(keyword), STRONG_KEYWORD * idf)
        candidates = sorted(fused, key=lambda paper: (-fused[paper], paper))[: max(RERANKED, 2 * limit)]
        # A paper may have been removed since it was ranked; one without an abstract has nothing to show.
        stored = [paper for paper in (await self._library.stored(candidates)).values() if paper.sentences]
        shown = [_Shown.of(paper, fused[paper.paper.id], vector) for paper in stored]
        ordered = sorted(shown, key=lambda paper: (-paper.score, paper.stored.paper.id))
        best = await self._reranked(question, ordered)
        return [replace(p, number=number) for number, p in enumerate(_without_near_duplicates(best, limit), start=1)]

    async def _reranked(self, question: str, papers: Sequence["_Shown"]) -> Iterable[Passage]:
        """The first `RERANKED` in the reranker's order, the others behind them; as they are where it fails.

        The scores stay where they are, the best one with whichever passage is first: what follows is fitted to them.
        """
        passages = (paper.passage() for paper in papers)  # few of them are looked at unless a reranker reads them
        if self._reranker is None or len(papers) < 2:
            return passages
        first, others = list(islice(passages, RERANKED)), passages
        try:
            with steps.step("rerank"):
                relevance = await self._reranker.rerank(question, first)
        except BackendError as error:
            log.warning("%s failed, the passages stay in the order of the search: %s", self._reranker.name, error)
            notice = f"The reranker failed ({error.reason}); the passages are in the order of the search."
            return (replace(passage, notice=notice) for passage in chain(first, others))
        order = sorted(range(len(first)), key=lambda position: -relevance[position])
        return chain([replace(first[old], score=first[new].score) for new, old in enumerate(order)], others)


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


def with_nearest_sentences(fused: float, similarities: Sequence[float]) -> float:
    """The fused score of a paper together with the mean of its two sentences nearest to the question, 0 to 1.

    A paper with two sentences near the question is more likely about it than one with a single one.
    """
    return (fused + SENTENCE_WEIGHT * max(0.0, fmean(sorted(similarities)[-2:]))) / (1 + SENTENCE_WEIGHT)


def _to_unit(scores: Mapping[str, float], strong: float) -> dict[str, float]:
    best = max(*scores.values(), strong) if scores else strong
    return {paper: max(score, 0.0) / best if best > 0 else 0.0 for paper, score in scores.items()}


def _without_near_duplicates(passages: Iterable[Passage], limit: int) -> list[Passage]:
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
    if few < NEAR_DUPLICATE * many:
        return False
    shared = len(words & others)
    return shared >= NEAR_DUPLICATE * (few + many - shared)


def as_passage(stored: StoredPaper, vector: Vectors) -> Passage:
    """What a paper that was not searched for says; its score is how near it is to the question."""
    found = _Shown.of(stored, 0.0, vector).passage()
    return replace(found, score=max(0.0, min(1.0, found.similarity)))


@dataclass(frozen=True)
class _Shown:
    """What is shown of a paper: its sentences from `first` to before `last`, given how near each is to the question.

    What stands behind an abstract, such as a copyright notice, is no evidence and no part of it.
    """

    stored: StoredPaper
    first: int
    last: int
    similarities: Sequence[float]
    similarity: float
    score: float

    @classmethod
    def of(cls, stored: StoredPaper, fused: float, vector: Vectors) -> Self:
        """`fused` is what the rankings say of the paper, `vector` the question's, shape (dimension,)."""
        similarities = (stored.sentence_vectors @ vector).tolist()
        end_of_evidence = evidence_end(stored.paper.abstract)
        evidence = [span for span in stored.sentences if span.start < end_of_evidence]
        first, last = _window(evidence, similarities)
        nearest = float(np.max(stored.chunk_vectors @ vector))
        score = with_nearest_sentences(fused, similarities[first:last])
        return cls(stored, first, last, similarities, nearest, score)

    def passage(self) -> Passage:
        """Its number, 0 here, comes with its rank."""
        spans = self.stored.sentences[self.first : self.last]
        start, end = spans[0].start, spans[-1].end
        return Passage(
            number=0,
            paper=self.stored.paper,
            start=start,
            end=end,
            text=self.stored.paper.abstract[start:end],
            score=self.score,
            similarity=self.similarity,
            sentences=tuple(
                PassageSentence(start=span.start, end=span.end, text=self.stored.text(span), similarity=similarity)
                for span, similarity in zip(spans, self.similarities[self.first : self.last], strict=True)
            ),
        )


def _window(spans: Sequence[Span], similarities: Sequence[float]) -> tuple[int, int]:
    """All of an abstract of ordinary length; of a longer one, whole sentences around the best match."""
    if spans[-1].end - spans[0].start <= MAX_PASSAGE_CHARACTERS:
        return 0, len(spans)
    first = last = max(range(len(spans)), key=lambda i: similarities[i])
    while True:
        wider = [(a, b) for a, b in ((first - 1, last), (first, last + 1)) if a >= 0 and b < len(spans)]
        wider = [(a, b) for a, b in wider if spans[b].end - spans[a].start <= MAX_PASSAGE_CHARACTERS]
        if not wider:
            return first, last + 1
        first, last = max(wider, key=lambda ab: similarities[ab[0] if ab[0] < first else ab[1]])
