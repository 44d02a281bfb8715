"""Ingesting: records to papers, each id once; papers to chunks, sentences and their vectors."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from rag.errors import BackendError
from rag.library import namesakes
from rag.protocols import Embedder
from rag.text import chunk, sentences, tails
from rag.types import IngestNote, Paper, Record, RejectedRecord, Span, StoredPaper, Vectors

MOST_REJECTED_LISTED = 1_000


@dataclass(frozen=True, kw_only=True)
class IngestBatch:
    """Papers by id, in order of first appearance; how many records repeated one; the records rejected; the notes.

    `more_rejected` were rejected besides those listed.
    """

    papers: dict[str, Paper]
    repeats: int
    rejected: tuple[RejectedRecord, ...]
    notes: tuple[IngestNote, ...]
    more_rejected: int


class _SplitPaper(NamedTuple):
    paper: Paper
    chunks: tuple[Span, ...]
    sentences: tuple[Span, ...]

    def texts(self) -> list[str]:
        """What is embedded: each chunk with the title, which says what it is about, then the bare sentences."""
        abstract = self.paper.abstract
        chunks = [f"{self.paper.title}. {abstract[start:end]}" for start, end in self.chunks]
        return chunks + [abstract[start:end] for start, end in self.sentences]


def gather(records: Iterable[Record]) -> IngestBatch:
    """Read all records. Of those with the same id the last one is kept, with the sources of all.

    Where two of them are different works, both are kept, the later one under an id of its own, with a warning.
    """
    papers: dict[str, Paper] = {}
    rejected: list[RejectedRecord] = []
    notes: list[IngestNote] = []
    repeats = more_rejected = 0
    for record in records:
        if isinstance(record, RejectedRecord) and len(rejected) == MOST_REJECTED_LISTED:
            more_rejected += 1
        elif isinstance(record, RejectedRecord):
            rejected.append(record)
        elif isinstance(record, IngestNote):
            notes.append(record)
        else:
            known = papers.get(record.id)
            if known and namesakes.is_other_work(record.title, known.title):
                record, note = namesakes.with_own_id(record, known.title)
                notes.append(note)
                known = papers.get(record.id)
            if known:
                repeats += 1
                record = replace(record, sources=known.sources + record.sources)
            papers[record.id] = record
    return IngestBatch(
        papers=papers, repeats=repeats, rejected=tuple(rejected), notes=tuple(notes), more_rejected=more_rejected
    )


def divide(papers: Mapping[str, Paper], known: Mapping[str, str]) -> tuple[list[Paper], list[Paper]]:
    """The papers that are new or changed, and those whose content hash is known."""
    todo: list[Paper] = []
    same: list[Paper] = []
    for id, paper in papers.items():
        (same if known.get(id) == paper.content_hash else todo).append(paper)
    return todo, same


async def embed(papers: Sequence[Paper], embedder: Embedder) -> list[StoredPaper]:
    """Split papers and compute all their vectors in one call. Raises BackendError."""
    split = await asyncio.to_thread(lambda: [_split(paper) for paper in papers])
    texts = [text for paper in split for text in paper.texts()]
    vectors = await embedder.embed(texts)
    if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
        raise BackendError(
            f"embedder {embedder.name!r} gave an array of shape {vectors.shape} for {len(texts)} texts; "
            "a row of finite numbers each was expected",
            retryable=False,
        )
    return list(_with_vectors(split, vectors))


def _split(paper: Paper) -> _SplitPaper:
    chunks = tuple(Span(piece.start, piece.end) for piece in chunk.split(paper))
    evidence = paper.abstract[: tails.evidence_end(paper.abstract)]
    return _SplitPaper(paper, chunks, tuple(sentences.spans(evidence)))


def _with_vectors(papers: Sequence[_SplitPaper], vectors: Vectors) -> Iterable[StoredPaper]:
    start = 0
    for split in papers:
        middle = start + len(split.chunks)
        end = middle + len(split.sentences)
        yield StoredPaper(
            paper=split.paper,
            chunks=split.chunks,
            chunk_vectors=vectors[start:middle],
            sentences=split.sentences,
            sentence_vectors=vectors[middle:end],
        )
        start = end
