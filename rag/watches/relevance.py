"""Whether a new paper is about what is watched, on a scale that does not depend on the other new papers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rag.library.library import Library
from rag.retrieval import STRONG_COSINE
from rag.text.analysis import content_stems
from rag.text.tails import evidence_end
from rag.types import Paper, Span, StoredPaper, Vectors

RELEVANT = 0.45
"""From which relevance on a paper is told.

Of the development questions on the sample's papers it told 90% of the papers that answer, and 5 of 1,000 others; with
0.5 it told 78% and 3, with 0.4 96% and 10.
"""

RELEVANT_TO_FEW_WORDS = 0.65
FEW_WORDS = 3
"""Half of a subject of two or three words is often another subject: of "sparse autoencoders" the sample's papers that
have both words reach 0.93 or more, those with one of them 0.68 or less.
"""

_PAPERS_AT_ONCE = 200


@dataclass(frozen=True, kw_only=True)
class Match:
    """A paper that is about what is watched, its sentence that matches best, and how well the paper does, 0 to 1."""

    paper: Paper
    sentence: str
    relevance: float


async def matching(library: Library, text: str, ids: Sequence[str]) -> list[Match]:
    """Those of the papers with these ids that are about the text, best first. Raises BackendError."""
    if not ids:
        return []
    vector = await library.embedder.embed_query(text)
    weights = library.idf(content_stems(text))
    found: list[Match] = []
    for start in range(0, len(ids), _PAPERS_AT_ONCE):
        stored = await library.stored(ids[start : start + _PAPERS_AT_ONCE])
        found += [match for paper in stored.values() if (match := _match(paper, vector, weights))]
    return sorted(found, key=lambda match: (-match.relevance, match.paper.id))


def _match(stored: StoredPaper, vector: Vectors, weights: Mapping[str, float]) -> Match | None:
    paper, end = stored.paper, evidence_end(stored.paper.abstract)
    if not any(span.start < end for span in stored.sentences):
        return None
    relevance = _relevance(stored.chunk_vectors @ vector, paper.title_and_abstract, weights)
    if relevance < (RELEVANT_TO_FEW_WORDS if len(weights) <= FEW_WORDS else RELEVANT):
        return None

    def fit(numbered: tuple[int, Span]) -> float:
        number, span = numbered
        return _relevance(stored.sentence_vectors[number] @ vector, stored.text(span), weights)

    _, best = max(((n, span) for n, span in enumerate(stored.sentences) if span.start < end), key=fit)
    return Match(paper=paper, sentence=stored.text(best), relevance=relevance)


def _relevance(similarities: Vectors, text: str, weights: Mapping[str, float]) -> float:
    """The mean of the best cosine, as a share of a strong one, and of the share of the words by their idf, 0 to 1."""
    cosine = min(1.0, max(0.0, float(similarities.max()) / STRONG_COSINE))
    return (cosine + _share(weights, set(content_stems(text)))) / 2


def _share(weights: Mapping[str, float], held: Collection[str]) -> float:
    return sum(weight for stem, weight in weights.items() if stem in held) / (sum(weights.values()) or 1.0)
