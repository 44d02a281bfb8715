"""What the catalog's tables hold, as our values and back: a library, a paper, a paper with its vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Row

from rag.library.schema import papers
from rag.library.stored import StoredPaper, Vectors
from rag.text.sentences import Span
from rag.types import Paper, Source

DESCRIPTION = tuple(column for column in papers.c if column.name not in {"chunk_vectors", "sentence_vectors"})
"""The columns that `paper` needs: all but the vectors, which are most of the bytes."""

# Half the disk and half the reading of float32; a cosine moves by less than 0.0005.
_STORED_AS = np.float16


@dataclass(frozen=True, kw_only=True)
class LibraryRow:
    """What the catalog knows of a library: what built it, and how far its indexes have followed."""

    name: str
    embedder: str
    dimension: int
    chunker: str
    schema_version: int
    revision: int
    generation: str
    chroma_revision: int


def library(row: Row[Any]) -> LibraryRow:
    """From a whole row."""
    return LibraryRow(**row._asdict())


def paper(row: Row[Any], read: Sequence[Source]) -> Paper:
    """From a row with the columns of DESCRIPTION, and where the paper was read."""
    return Paper(
        id=row.id,
        title=row.title,
        abstract=row.abstract,
        url=row.url,
        year=row.year,
        authors=tuple(row.authors),
        venue=row.venue,
        sources=tuple(read),
    )


def stored_paper(row: Row[Any], paper: Paper) -> StoredPaper:
    """From a whole row, and the paper that was made of it."""
    return StoredPaper(
        paper=paper,
        chunks=tuple(Span(*span) for span in row.chunks),
        chunk_vectors=vectors(row.chunk_vectors, len(row.chunks)),
        sentences=tuple(Span(*span) for span in row.sentences),
        sentence_vectors=vectors(row.sentence_vectors, len(row.sentences)),
    )


def vectors(blob: bytes, count: int) -> Vectors:
    """So many vectors, shape (count, dimension)."""
    flat = np.frombuffer(blob, _STORED_AS).astype(np.float32)
    return flat.reshape(count, len(flat) // count if count else 0)


def to_row(name: str, revision: int, stored: StoredPaper) -> dict[str, object]:
    """What is written of a paper that changed at this revision."""
    paper = stored.paper
    return {
        "library": name,
        "id": paper.id,
        "revision": revision,
        "year": paper.year,
        "chunk_count": len(stored.chunks),
        "content_hash": paper.content_hash,
        "title": paper.title,
        "url": paper.url,
        "authors": list(paper.authors),
        "venue": paper.venue,
        "abstract": paper.abstract,
        "chunks": [list(span) for span in stored.chunks],
        "sentences": [list(span) for span in stored.sentences],
        "chunk_vectors": stored.chunk_vectors.astype(_STORED_AS).tobytes(),
        "sentence_vectors": stored.sentence_vectors.astype(_STORED_AS).tobytes(),
    }
