"""What arrives at a library: records to papers, each once; papers to chunks, sentences and their vectors."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from rag.errors import BackendError
from rag.library.stored import StoredPaper, Vectors
from rag.protocols import Embedder
from rag.text import chunk, sentences
from rag.text.sentences import Span
from rag.types import Paper, RejectedRecord


@dataclass(frozen=True, kw_only=True)
class IngestBatch:
    """Papers by id, in the order in which they first came; how many records repeated one; and those rejected."""

    papers: dict[str, Paper]
    repeats: int
    rejected: tuple[RejectedRecord, ...]


class _Cut(NamedTuple):
    paper: Paper
    chunks: tuple[Span, ...]
    sentences: tuple[Span, ...]

    def texts(self) -> list[str]:
        """What is embedded: chunks under the paper's title, which says what they are about, then bare sentences."""
        abstract = self.paper.abstract
        chunks = [f"{self.paper.title}. {abstract[start:end]}" for start, end in self.chunks]
        return chunks + [abstract[start:end] for start, end in self.sentences]


def gather(records: Iterable[Paper | RejectedRecord]) -> IngestBatch:
    """Read all records. Of those with the same id the last one counts, with the sources of all."""
    papers: dict[str, Paper] = {}
    rejected: list[RejectedRecord] = []
    repeats = 0
    for record in records:
        if isinstance(record, RejectedRecord):
            rejected.append(record)
        elif record.id in papers:
            repeats += 1
            papers[record.id] = replace(record, sources=papers[record.id].sources + record.sources)
        else:
            papers[record.id] = record
    return IngestBatch(papers=papers, repeats=repeats, rejected=tuple(rejected))


def divide(papers: Mapping[str, Paper], known: Mapping[str, str]) -> tuple[list[Paper], list[Paper]]:
    """Those that are new or changed, and those whose content hash is known."""
    todo: list[Paper] = []
    same: list[Paper] = []
    for id, paper in papers.items():
        (same if known.get(id) == paper.content_hash else todo).append(paper)
    return todo, same


async def embed(papers: Sequence[Paper], embedder: Embedder) -> list[StoredPaper]:
    """Cut papers up and compute all their vectors in one call. Raises BackendError."""
    cuts = await asyncio.to_thread(lambda: [_cut(paper) for paper in papers])
    texts = [text for cut in cuts for text in cut.texts()]
    vectors = await embedder.embed(texts)
    if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
        raise BackendError(
            f"embedder {embedder.name!r} gave an array of shape {vectors.shape} for {len(texts)} texts; "
            "a row of finite numbers each was expected",
            retryable=False,
        )
    return list(_with_vectors(cuts, vectors))


def _cut(paper: Paper) -> _Cut:
    chunks = tuple(Span(piece.start, piece.end) for piece in chunk.split(paper))
    return _Cut(paper, chunks, tuple(sentences.spans(paper.abstract)))


def _with_vectors(cuts: Sequence[_Cut], vectors: Vectors) -> Iterable[StoredPaper]:
    start = 0
    for cut in cuts:
        middle = start + len(cut.chunks)
        end = middle + len(cut.sentences)
        yield StoredPaper(
            paper=cut.paper,
            chunks=cut.chunks,
            chunk_vectors=vectors[start:middle],
            sentences=cut.sentences,
            sentence_vectors=vectors[middle:end],
        )
        start = end
