"""The catalog: every paper with its provenance, chunks and vectors in SQL. It is the truth; indexes follow it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, select, update

from rag.errors import LibraryError
from rag.library.database import Database
from rag.library.schema import libraries, papers, removals, sources
from rag.library.stored import StoredPaper, Vectors
from rag.sentences import Span
from rag.types import Paper, Source

_IDS_AT_ONCE = 500
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


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much a library holds."""

    papers: int
    chunks: int


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What followers have to put in anew and to forget."""

    papers: list[StoredPaper]
    removed: list[str]


class Catalog:
    """All libraries of one database. Every method blocks, and raises LibraryError when the database can't be used."""

    def __init__(self, home: Path, database_url: str = "") -> None:
        """Open the database at `database_url`, or the SQLite file in `home`, and make what is missing.

        Raises ConfigError for a URL that can't be used.
        """
        self._database = Database(home, database_url)
        self._database.prepare()
        self._reading, self._writing = self._database.reading, self._database.writing
        self.place = self._database.place

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def libraries(self) -> list[LibraryRow]:
        """Every library, by name."""
        with self._reading() as connection:
            return [_library(row) for row in connection.execute(select(libraries).order_by(libraries.c.name))]

    def library(self, name: str) -> LibraryRow | None:
        """The library, or None."""
        with self._reading() as connection:
            row = connection.execute(select(libraries).where(libraries.c.name == name)).one_or_none()
        return None if row is None else _library(row)

    def create(self, library: LibraryRow) -> None:
        """Add an empty library."""
        with self._writing() as connection:
            connection.execute(insert(libraries).values(**vars(library)))

    def drop(self, name: str) -> None:
        """Remove a library and everything in it."""
        with self._writing() as connection:
            connection.execute(delete(libraries).where(libraries.c.name == name))

    def describe(self, name: str, **values: str | int) -> None:
        """Set columns of a library, such as the generation of its indexes."""
        with self._writing() as connection:
            connection.execute(update(libraries).where(libraries.c.name == name).values(**values))

    def follow(self, name: str, *, before: int, after: int) -> None:
        """Note that Chroma went from revision `before` to `after`, unless another writer has moved it meanwhile."""
        at = and_(libraries.c.name == name, libraries.c.chroma_revision == before)
        with self._writing() as connection:
            connection.execute(update(libraries).where(at).values(chroma_revision=after))

    def check(self) -> None:
        """Raise LibraryError when the database is damaged (SQLite only; Postgres checks itself)."""
        self._database.check()

    def counts(self, name: str) -> Counts:
        """How many papers and chunks the library holds."""
        query = select(func.count(), func.coalesce(func.sum(papers.c.chunk_count), 0)).where(papers.c.library == name)
        with self._reading() as connection:
            number, chunks = connection.execute(query).one()
        return Counts(papers=number, chunks=int(chunks))

    def ids(self, name: str) -> list[str]:
        """The id of every paper, in order."""
        with self._reading() as connection:
            query = select(papers.c.id).where(papers.c.library == name).order_by(papers.c.id)
            return list(connection.execute(query).scalars())

    def sample(self, name: str, upto: int, number: int) -> dict[str, StoredPaper]:
        """Some papers that changed last at or before revision `upto`, spread evenly over the ids."""
        query = select(papers.c.id).where(papers.c.library == name, papers.c.revision <= upto)
        with self._reading() as connection:
            ids = list(connection.execute(query.order_by(papers.c.id)).scalars())
        return self.stored(name, ids[:: max(1, len(ids) // number)][:number])

    def hashes(self, name: str, ids: Collection[str]) -> dict[str, str]:
        """The content hash of each paper that is stored, by its id."""
        return {row.id: row.content_hash for row in self._rows(select(papers.c.id, papers.c.content_hash), name, ids)}

    def write(self, name: str, stored: Sequence[StoredPaper]) -> None:
        """Put papers in, or wholly in the place of what was stored under their ids, as one change."""
        ids = [paper.paper.id for paper in stored]
        with self._writing() as connection:
            revision = _next_revision(connection, name)
            known = _sources(connection, name, ids)
            _delete_papers(connection, name, ids)
            connection.execute(delete(removals).where(removals.c.library == name, removals.c.paper.in_(ids)))
            connection.execute(insert(papers), [_to_row(name, revision, paper) for paper in stored])
            merged = {paper.paper.id: _merged(known.get(paper.paper.id, ()), paper.paper.sources) for paper in stored}
            _insert_sources(connection, name, merged)

    def add_sources(self, name: str, read: Mapping[str, Sequence[Source]]) -> None:
        """Note where known papers were read again; what was noted of the same file before is replaced."""
        with self._reading() as connection:
            known = _sources(connection, name, list(read))
        merged = {id: _merged(known.get(id, ()), new) for id, new in read.items()}
        changed = {id: found for id, found in merged.items() if found != known.get(id, ())}
        if changed:
            with self._writing() as connection:
                theirs = and_(sources.c.library == name, sources.c.paper.in_(list(changed)))
                connection.execute(delete(sources).where(theirs))
                _insert_sources(connection, name, changed)

    def remove(self, name: str, ids: Collection[str]) -> int:
        """Take papers out, as one change; returns how many were there."""
        there = sorted(self.hashes(name, ids))
        if there:
            with self._writing() as connection:
                revision = _next_revision(connection, name)
                _delete_papers(connection, name, there)
                gone = [{"library": name, "paper": id, "revision": revision} for id in there]
                connection.execute(insert(removals), gone)
        return len(there)

    def stored(self, name: str, ids: Collection[str]) -> dict[str, StoredPaper]:
        """The papers that are there, by id, with spans and vectors."""
        return {paper.paper.id: paper for paper in self._stored(name, self._rows(select(papers), name, ids))}

    def changes(self, name: str, *, after: int, upto: int) -> Changes:
        """What changed after revision `after`, up to and including `upto`."""
        new = select(papers).where(papers.c.library == name, papers.c.revision > after, papers.c.revision <= upto)
        gone = select(removals.c.paper).where(
            removals.c.library == name, removals.c.revision > after, removals.c.revision <= upto
        )
        with self._reading() as connection:
            rows = connection.execute(new.order_by(papers.c.revision, papers.c.id)).all()
            removed = connection.execute(gone.order_by(removals.c.paper)).scalars().all()
        return Changes(papers=self._stored(name, rows), removed=list(removed))

    def revision_after(self, name: str, after: int, papers_at_once: int) -> int | None:
        """The revision up to which about that many papers changed after `after`; None when fewer did."""
        later = select(papers.c.revision).where(papers.c.library == name, papers.c.revision > after)
        with self._reading() as connection:
            return connection.execute(
                later.order_by(papers.c.revision).offset(papers_at_once - 1).limit(1)
            ).scalar_one_or_none()

    def papers(self, name: str, offset: int, limit: int) -> list[Paper]:
        """A page of the papers, by id."""
        page = select(*_DESCRIPTION).where(papers.c.library == name).order_by(papers.c.id).offset(offset).limit(limit)
        with self._reading() as connection:
            rows = connection.execute(page).all()
        return self._described(name, rows)

    def by_id(self, name: str, ids: Collection[str]) -> dict[str, Paper]:
        """The papers that are there, by id, without their vectors."""
        return {paper.id: paper for paper in self._described(name, self._rows(select(*_DESCRIPTION), name, ids))}

    def of_years(self, name: str, first: int | None, last: int | None) -> set[str]:
        """The ids of the papers of these years, both inclusive; a paper without a year is in none."""
        query = select(papers.c.id).where(papers.c.library == name, papers.c.year.is_not(None))
        if first:
            query = query.where(papers.c.year >= first)
        if last:
            query = query.where(papers.c.year <= last)
        with self._reading() as connection:
            return set(connection.execute(query).scalars())

    def chunk_vectors(self, name: str, ids: Collection[str]) -> list[tuple[str, Vectors]]:
        """The vectors of each paper's chunks, shape (chunks, dimension), for the papers that are there."""
        rows = self._rows(select(papers.c.id, papers.c.chunk_count, papers.c.chunk_vectors), name, ids)
        return [(row.id, _vectors(row.chunk_vectors, row.chunk_count)) for row in rows]

    def _stored(self, name: str, rows: Sequence[Row[Any]]) -> list[StoredPaper]:
        return [
            StoredPaper(
                paper=paper,
                chunks=tuple(Span(*span) for span in row.chunks),
                chunk_vectors=_vectors(row.chunk_vectors, len(row.chunks)),
                sentences=tuple(Span(*span) for span in row.sentences),
                sentence_vectors=_vectors(row.sentence_vectors, len(row.sentences)),
            )
            for row, paper in zip(rows, self._described(name, rows), strict=True)
        ]

    def _described(self, name: str, rows: Sequence[Row[Any]]) -> list[Paper]:
        with self._reading() as connection:
            read = _sources(connection, name, [row.id for row in rows])
        return [_paper(row, read.get(row.id, ())) for row in rows]

    def _rows(self, query: Select[Any], name: str, ids: Collection[str]) -> list[Row[Any]]:
        found: list[Row[Any]] = []
        with self._reading() as connection:
            for some in _in_parts(list(ids)):
                found += connection.execute(query.where(papers.c.library == name, papers.c.id.in_(some)))
        return found


_DESCRIPTION = tuple(column for column in papers.c if column.name not in {"chunk_vectors", "sentence_vectors"})


def _next_revision(connection: Connection, name: str) -> int:
    bump = update(libraries).where(libraries.c.name == name).values(revision=libraries.c.revision + 1)
    revision = connection.execute(bump.returning(libraries.c.revision)).scalar_one_or_none()
    if revision is None:
        raise LibraryError(f"library {name!r} was removed meanwhile")
    return int(revision)


def _delete_papers(connection: Connection, name: str, ids: Sequence[str]) -> None:
    for some in _in_parts(ids):
        connection.execute(delete(papers).where(papers.c.library == name, papers.c.id.in_(some)))


def _sources(connection: Connection, name: str, ids: Sequence[str]) -> dict[str, tuple[Source, ...]]:
    """Where each paper was read, by path and line."""
    found: dict[str, tuple[Source, ...]] = {}
    for some in _in_parts(ids):
        query = select(sources).where(sources.c.library == name, sources.c.paper.in_(some))
        for row in connection.execute(query.order_by(sources.c.path, sources.c.line)):
            found[row.paper] = (*found.get(row.paper, ()), Source(path=row.path, line=row.line))
    return found


def _merged(known: Sequence[Source], read: Sequence[Source]) -> tuple[Source, ...]:
    """A file that was read again says anew on which lines the paper stands."""
    again = {source.path for source in read}
    kept = {source for source in known if source.path not in again}
    return tuple(sorted(kept | set(read), key=lambda source: (source.path, source.line)))


def _insert_sources(connection: Connection, name: str, read: Mapping[str, Sequence[Source]]) -> None:
    rows = [
        {"library": name, "paper": id, "path": source.path, "line": source.line}
        for id, found in read.items()
        for source in found
    ]
    if rows:
        connection.execute(insert(sources), rows)


def _to_row(name: str, revision: int, stored: StoredPaper) -> dict[str, object]:
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


def _vectors(blob: bytes, count: int) -> Vectors:
    flat = np.frombuffer(blob, _STORED_AS).astype(np.float32)
    return flat.reshape(count, len(flat) // count if count else 0)


def _paper(row: Row[Any], read: tuple[Source, ...]) -> Paper:
    return Paper(
        id=row.id,
        title=row.title,
        abstract=row.abstract,
        url=row.url,
        year=row.year,
        authors=tuple(row.authors),
        venue=row.venue,
        sources=read,
    )


def _library(row: Row[Any]) -> LibraryRow:
    return LibraryRow(**row._asdict())


def _in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Databases limit the number of values in one statement."""
    for start in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[start : start + _IDS_AT_ONCE]
