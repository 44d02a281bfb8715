"""Ingesting: what was read, by kind; papers to chunks, sentences and their vectors."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from rag import threads
from rag.errors import BackendError
from rag.protocols import BulkEmbedder, Embedder
from rag.text import chunk, sentences, tails
from rag.types import IngestNote, Paper, Record, RejectedRecord, Span, StoredPaper, Vectors

MOST_REJECTED_LISTED = 1_000

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class IngestBatch:
    """The papers that were read, in order; the records rejected, and how many more were; the notes."""

    papers: tuple[Paper, ...]
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
    """Read all records."""
    papers: list[Paper] = []
    rejected: list[RejectedRecord] = []
    notes: list[IngestNote] = []
    more_rejected = 0
    for record in records:
        if isinstance(record, RejectedRecord) and len(rejected) == MOST_REJECTED_LISTED:
            more_rejected += 1
        elif isinstance(record, RejectedRecord):
            rejected.append(record)
        elif isinstance(record, IngestNote):
            notes.append(record)
        else:
            papers.append(record)
    return IngestBatch(papers=tuple(papers), rejected=tuple(rejected), notes=tuple(notes), more_rejected=more_rejected)


async def each(
    batches: Iterable[S], work: Callable[[S], Coroutine[object, object, T]], bulk: BulkEmbedder | None
) -> AsyncGenerator[tuple[S, T]]:
    """Each batch with what `work` makes of it, in order: one by one, or as many ahead as keep `bulk` busy.

    An error comes in its batch's place. When the generator is closed, what has been begun is cancelled.
    """
    begun: deque[tuple[S, asyncio.Task[T]]] = deque()
    try:
        for batch in batches:
            begun.append((batch, asyncio.create_task(work(batch))))
            if len(begun) >= (bulk.batches_at_once if bulk else 1):
                first, task = begun.popleft()
                yield first, await task
        while begun:
            first, task = begun.popleft()
            yield first, await task
    finally:
        for _, task in begun:
            task.cancel()
        await asyncio.gather(*(task for _, task in begun), return_exceptions=True)


async def embed(papers: Sequence[Paper], embedder: Embedder | BulkEmbedder) -> list[StoredPaper]:
    """Split papers and compute all their vectors in one call. Raises BackendError."""
    if not papers:
        return []
    split = await threads.ingest(lambda: [_split(paper) for paper in papers])
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
    spans = tuple(sentences.spans(paper.abstract[: tails.evidence_end(paper.abstract)]))
    chunks = tuple(Span(piece.start, piece.end) for piece in chunk.split(paper, spans=spans))
    return _SplitPaper(paper, chunks, spans)


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
