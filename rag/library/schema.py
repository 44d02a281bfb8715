"""The tables of libraries and papers, their rows as our values, and whether a library fits this program."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
)

from rag import embedders
from rag.errors import LibraryError, how_to_embed_again
from rag.tables import metadata
from rag.text import chunk
from rag.types import Paper, Source, Span, StoredPaper, Vectors

VERSION = 1
"""Stored with every library; increment it with a change that older tables can't serve."""

libraries = Table(
    "libraries",
    metadata,
    Column("name", Text, primary_key=True),
    Column("embedder", Text, nullable=False),
    Column("dimension", Integer, nullable=False),  # 0 until the first vector is stored
    Column("chunker", Text, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),  # counts changes; every paper has the number of its last change
    Column("generation", Text, nullable=False),  # names the folders of the indexes; each rebuild makes a new one
    Column("chroma_revision", Integer, nullable=False),  # the last change that Chroma has applied
    Column("keyed_revision", Integer),  # the last change whose papers are in `paper_keys`
)

# One row holds everything about a paper, so that no reader can see half of one.
papers = Table(
    "papers",
    metadata,
    Column("library", ForeignKey("libraries.name", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("year", Integer),
    Column("chunk_count", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("url", Text),
    Column("authors", JSON, nullable=False),
    Column("venue", Text),
    Column("abstract", Text, nullable=False),
    Column("retracted", Boolean),
    # Tables of earlier versions get these columns when they are opened; they may be empty.
    Column("doi", Text),
    Column("pmid", Text),
    Column("arxiv_id", Text),
    Column("keywords", JSON),
    Column("language", Text),
    Column("publication_type", Text),
    Column("volume", Text),
    Column("issue", Text),
    Column("pages", Text),
    Column("publisher", Text),
    Column("raw_abstract", Text),
    Column("ids", JSON),
    Column("added", Integer),  # the revision with which it came, whatever changed since; empty for older papers
    Column("chunks", JSON, nullable=False),  # [[start, end], ...] in characters of the abstract
    Column("sentences", JSON, nullable=False),
    Column("chunk_vectors", LargeBinary, nullable=False),  # float16, (chunks, dimension)
    Column("sentence_vectors", LargeBinary, nullable=False),
)
# Rows are wide because of their vectors; counting, filtering and following changes need these indexes alone.
Index("papers_by_year", papers.c.library, papers.c.year, papers.c.id, papers.c.chunk_count)
Index("papers_by_revision", papers.c.library, papers.c.revision, papers.c.id)
Index("papers_by_added", papers.c.library, papers.c.added, papers.c.id)

# Vectors beside those in use, until every paper has them (`staging.py`).
staged_papers = Table(
    "staged_papers",
    metadata,
    Column("library", ForeignKey("libraries.name", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("embedder", Text, nullable=False),
    Column("chunker", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("chunk_count", Integer, nullable=False),
    Column("chunks", JSON, nullable=False),
    Column("sentences", JSON, nullable=False),
    Column("chunk_vectors", LargeBinary, nullable=False),
    Column("sentence_vectors", LargeBinary, nullable=False),
)

VECTORS = ("chunk_count", "chunks", "sentences", "chunk_vectors", "sentence_vectors")
"""The columns of a paper that its embedder and the chunker make."""

sources = Table(
    "sources",
    metadata,
    Column("library", Text, primary_key=True),
    Column("paper", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("line", Integer, primary_key=True),
    ForeignKeyConstraint(["library", "paper"], ["papers.library", "papers.id"], ondelete="CASCADE"),
)

# Every id and title under which a record of a paper came (`works.keys`): what another record of it may share.
paper_keys = Table(
    "paper_keys",
    metadata,
    Column("library", ForeignKey("libraries.name", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("paper", Text, primary_key=True),
)
Index("paper_keys_by_paper", paper_keys.c.library, paper_keys.c.paper)

# The records of a paper that was merged from several; any other paper is its own record.
merged_records = Table(
    "merged_records",
    metadata,
    Column("library", ForeignKey("libraries.name", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("file", Text, primary_key=True),  # as in `works.part_key`
    Column("content_hash", Text, primary_key=True),
    Column("paper", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("sources", JSON, nullable=False),  # [[path, line], ...]
)
Index("merged_records_by_paper", merged_records.c.library, merged_records.c.paper)

# Ids whose records were split by hand and are not merged again.
split_pairs = Table(
    "split_pairs",
    metadata,
    Column("library", ForeignKey("libraries.name", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("other", Text, primary_key=True),
)

# What the indexes have to delete: papers that were removed, and the number of the change.
removals = Table(
    "removals",
    metadata,
    Column("library", ForeignKey("libraries.name", ondelete="CASCADE"), primary_key=True),
    Column("paper", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
)
Index("removals_by_revision", removals.c.library, removals.c.revision, removals.c.paper)

# The keyword index of a library as its files, where machines share the database (`keyword_snapshots.py`).
keyword_snapshots = Table(
    "keyword_snapshots",
    metadata,
    Column("library", ForeignKey("libraries.name", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("generation", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
)

keyword_snapshot_parts = Table(
    "keyword_snapshot_parts",
    metadata,
    Column("snapshot", ForeignKey("keyword_snapshots.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

DESCRIPTION = tuple(column for column in papers.c if column.name not in {"chunk_vectors", "sentence_vectors"})
"""The columns that `paper_from_row` needs: all but the vectors, which are most of the bytes."""

# Half the disk and half the reading of float32; a cosine changes by less than 0.0005.
_STORED_AS = np.float16

BYTES_PER_NUMBER = 2
"""Of a stored vector."""


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


def library_from_row(row: Row[Any]) -> LibraryRow:
    """The library of a whole row."""
    return LibraryRow(**{field.name: getattr(row, field.name) for field in fields(LibraryRow)})


def paper_from_row(row: Row[Any], read: Sequence[Source]) -> Paper:
    """The paper of a row with the columns of DESCRIPTION, and where it was read."""
    return Paper(
        id=row.id,
        title=row.title,
        abstract=row.abstract,
        url=row.url,
        year=row.year,
        authors=tuple(row.authors),
        venue=row.venue,
        retracted=bool(row.retracted),
        doi=row.doi,
        pmid=row.pmid,
        arxiv_id=row.arxiv_id,
        keywords=tuple(row.keywords or ()),
        language=row.language,
        publication_type=row.publication_type,
        volume=row.volume,
        issue=row.issue,
        pages=row.pages,
        publisher=row.publisher,
        raw_abstract=row.raw_abstract,
        ids=tuple(row.ids or ()),
        sources=tuple(read),
    )


def stored_paper_from_row(row: Row[Any], paper: Paper, library: str) -> StoredPaper:
    """The paper of a whole row with its spans and vectors. Raises LibraryError when these are damaged."""
    chunk_vectors = vectors_from_bytes(row.chunk_vectors, len(row.chunks), paper.id, library)
    dimension = chunk_vectors.shape[1] if len(row.chunks) else 0
    return StoredPaper(
        paper=paper,
        chunks=tuple(Span(*span) for span in row.chunks),
        chunk_vectors=chunk_vectors,
        sentences=tuple(Span(*span) for span in row.sentences),
        sentence_vectors=vectors_from_bytes(row.sentence_vectors, len(row.sentences), paper.id, library, dimension),
    )


def vectors_from_bytes(data: bytes, count: int, paper: str, library: str, dimension: int = 0) -> Vectors:
    """The vectors in a column, shape (count, dimension); 0 takes any.

    Raises LibraryError when there are fewer bytes, or more.
    """
    row = len(data) // max(count, 1)
    whole = dimension * BYTES_PER_NUMBER if dimension else max(row, BYTES_PER_NUMBER)
    if len(data) != count * whole or row % BYTES_PER_NUMBER:
        raise LibraryError(
            f"the catalog has {len(data):,} bytes for the {count} vectors of paper {paper!r} in library {library!r}, "
            f"which can't be right; {how_to_embed_again(library)}"
        )
    return np.frombuffer(data, _STORED_AS).astype(np.float32).reshape(count, row // BYTES_PER_NUMBER)


def row_of_paper(library: str, revision: int, added: int | None, stored: StoredPaper) -> dict[str, object]:
    """The row of a paper that changed at this revision, and came with revision `added`, if that is known."""
    paper = stored.paper
    return {
        "library": library,
        "id": paper.id,
        "revision": revision,
        "added": added,
        "year": paper.year,
        "content_hash": paper.content_hash,
        "title": paper.title,
        "url": paper.url,
        "authors": list(paper.authors),
        "venue": paper.venue,
        "abstract": paper.abstract,
        "retracted": paper.retracted,
        "doi": paper.doi,
        "pmid": paper.pmid,
        "arxiv_id": paper.arxiv_id,
        "keywords": list(paper.keywords),
        "language": paper.language,
        "publication_type": paper.publication_type,
        "volume": paper.volume,
        "issue": paper.issue,
        "pages": paper.pages,
        "publisher": paper.publisher,
        "raw_abstract": paper.raw_abstract,
        "ids": list(paper.ids),
        **vector_columns(stored),
    }


def vector_columns(stored: StoredPaper) -> dict[str, object]:
    """The columns in VECTORS."""
    return {
        "chunk_count": len(stored.chunks),
        "chunks": [list(span) for span in stored.chunks],
        "sentences": [list(span) for span in stored.sentences],
        "chunk_vectors": stored.chunk_vectors.astype(_STORED_AS).tobytes(),
        "sentence_vectors": stored.sentence_vectors.astype(_STORED_AS).tobytes(),
    }


def find_mismatch(row: LibraryRow, embedder: str) -> str:
    """Why this program can't use a library as it was built, and the command that repairs it; empty when it can."""
    embed_again = how_to_embed_again(row.name)
    if row.schema_version != VERSION:
        return (
            f"library {row.name!r} has tables of version {row.schema_version}, this program of {VERSION}; "
            "use the program that made it"
        )
    if row.embedder != embedder:
        return (
            f"library {row.name!r} was built with embedder {row.embedder!r}, not {embedder!r}; "
            f"set SCHOLIAST_EMBEDDER={embedders.setting_of(row.embedder)}, or {embed_again}"
        )
    if row.chunker not in chunk.USABLE:
        return f"library {row.name!r} was built with chunker {row.chunker!r}, not {chunk.NAME!r}; {embed_again}"
    return ""


def check_dimension(row: LibraryRow, embedder: str, dimension: int) -> None:
    """Raise LibraryError when an embedder gives vectors of another length than those stored."""
    if row.dimension != dimension:
        raise LibraryError(
            f"embedder {embedder!r} gives vectors of {dimension} numbers, library {row.name!r} holds "
            f"vectors of {row.dimension}; {how_to_embed_again(row.name)}"
        )
