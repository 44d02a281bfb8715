"""The catalog: every paper with its sources, chunks and vectors in SQL. It is the source of truth for the indexes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from rag.database import Database, DatabaseLock, in_parts
from rag.errors import LibraryError, NotFoundError
from rag.library import identifiers, provenance, revisions, staging, works
from rag.library.keyword_snapshots import KeywordSnapshots
from rag.library.schema import (
    DESCRIPTION,
    LibraryRow,
    libraries,
    library_from_row,
    paper_from_row,
    papers,
    removals,
    row_of_paper,
    sources,
    stored_paper_from_row,
    vectors_from_bytes,
)
from rag.recent import Recent
from rag.types import Paper, Source, StoredPaper, Vectors

_ROWS_AT_ONCE = 1000
_PAPERS_KEPT = 1000
"""How many of the papers that were read last stay in memory, of some 25 kB each."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much a library holds."""

    papers: int
    chunks: int


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What the indexes have to put in or replace, and the ids that they have to delete."""

    papers: list[StoredPaper]
    removed: list[str]


@dataclass(frozen=True, kw_only=True)
class Byline:
    """Who wrote a paper, and where it appeared; empty where the library does not hold it."""

    id: str
    authors: tuple[str, ...]
    venue: str


_Version = tuple[str | int | None, ...]


class Catalog:
    """All libraries of one database. Every method blocks, and raises LibraryError when the database can't be used."""

    def __init__(self, home: Path, database_url: str = "") -> None:
        """Open the database at `database_url`, or the SQLite file in `home`, and create what is missing.

        Raises ConfigError for a URL that can't be used.
        """
        self._database = Database(home, database_url)
        self._database.prepare()
        self._reading, self._writing = self._database.reading, self._database.writing
        self.place = self._database.place
        self._kept = Recent[tuple[str, str], tuple[_Version, StoredPaper]](_PAPERS_KEPT)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def lock(self, name: str) -> DatabaseLock:
        """The right to write to a library, among the machines that share the database."""
        return self._database.lock(f"scholiast:{name}")

    def keyword_snapshots(self, name: str) -> KeywordSnapshots | None:
        """The keyword index that a library has in the database; None where no other machine could fetch it."""
        return KeywordSnapshots(self._database, name) if self._database.is_server else None

    def libraries(self) -> list[LibraryRow]:
        """Every library, by name."""
        with self._reading() as connection:
            return [library_from_row(row) for row in connection.execute(select(libraries).order_by(libraries.c.name))]

    def library(self, name: str) -> LibraryRow | None:
        """The library, or None."""
        with self._reading() as connection:
            row = connection.execute(select(libraries).where(libraries.c.name == name)).one_or_none()
        return None if row is None else library_from_row(row)

    def row(self, name: str) -> LibraryRow:
        """A library that was there before. Raises NotFoundError."""
        row = self.library(name)
        if row is None:
            raise NotFoundError(f"library {name!r} was removed meanwhile")
        return row

    def create(self, library: LibraryRow) -> None:
        """Add an empty library, unless another process has added it meanwhile."""
        try:
            with self._writing() as connection:
                connection.execute(insert(libraries).values(**vars(library)))
        except LibraryError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise

    def drop(self, name: str) -> None:
        """Remove a library and everything in it."""
        with self._writing() as connection:
            connection.execute(delete(libraries).where(libraries.c.name == name))

    def update(self, name: str, **values: str | int) -> None:
        """Set columns of a library, such as the generation of its indexes."""
        with self._writing() as connection:
            connection.execute(update(libraries).where(libraries.c.name == name).values(**values))

    def advance_chroma(self, name: str, *, before: int, after: int) -> None:
        """Record that Chroma went from revision `before` to `after`, unless another writer has moved it meanwhile."""
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

    def write(
        self,
        name: str,
        stored: Sequence[StoredPaper],
        *,
        records: Mapping[str, Sequence[Paper]] | None = None,
        gone: Collection[str] = (),
        apart: works.Pairs = frozenset(),
    ) -> None:
        """Store papers, each in place of all that was stored under its id, as one change.

        `records` are those that papers are made from, by id, also of papers that stay as they are; a paper without is
        its own record. The papers in `gone` are deleted before; the ids in `apart` are not merged again.
        """
        ids = [paper.paper.id for paper in stored]
        with self._writing() as connection:
            revision = revisions.advance(connection, name)
            added = revisions.of_additions(connection, name, [*ids, *gone])
            revisions.remove(connection, name, gone, revision)
            known = provenance.of(connection, name, ids)
            revisions.delete_papers(connection, name, ids)
            for some in in_parts(ids):
                connection.execute(delete(removals).where(removals.c.library == name, removals.c.paper.in_(some)))
            rows = [
                row_of_paper(name, revision, revisions.of_addition(p.paper.id, records or {}, added, revision), p)
                for p in stored
            ]
            if rows:
                connection.execute(insert(papers), rows)
            read = {paper.paper.id: paper.paper.sources for paper in stored}
            provenance.put(connection, name, provenance.merged(known, read))
            own = {paper.paper.id: [paper.paper] for paper in stored}
            identifiers.replace(connection, name, {**own, **(records or {})})
            identifiers.split(connection, name, apart)

    def complete_keys(self, name: str) -> None:
        """Record the ids of papers that an earlier version of this program stored."""
        with self._reading() as connection:
            known = identifiers.are_complete(connection, name)
        if not known:
            with self._writing() as connection:
                identifiers.complete(connection, name)

    def holders(self, name: str, keys: Collection[str]) -> dict[str, list[str]]:
        """The ids of the papers that came under each id or title (`works.keys`), in order."""
        with self._reading() as connection:
            return identifiers.holders(connection, name, keys)

    def records(self, name: str, ids: Collection[str]) -> dict[str, list[Paper]]:
        """The records that each stored paper is made from, by its id; most papers are their own record."""
        with self._reading() as connection:
            merged = identifiers.records_of(connection, name, ids)
        single = self.by_id(name, [id for id in ids if id not in merged])
        return {**merged, **{id: list(works.by_file(paper)) for id, paper in single.items()}}

    def merged_hashes(self, name: str, ids: Collection[str]) -> dict[works.PartKey, works.Stored]:
        """The paper and the content hashes of the merged records with one of these ids, by `works.part_key`."""
        with self._reading() as connection:
            return identifiers.merged_hashes(connection, name, ids)

    def apart(self, name: str) -> works.Pairs:
        """The pairs of ids whose records are not merged."""
        with self._reading() as connection:
            return identifiers.pairs_of(connection, name)

    def add_sources(self, name: str, read: Mapping[str, Sequence[Source]]) -> None:
        """Record where known papers were read again; earlier records of the same file are replaced."""
        with self._reading() as connection:
            known = provenance.of(connection, name, list(read))
        merged = provenance.merged(known, read)
        changed = {id: found for id, found in merged.items() if found != known.get(id, ())}
        if changed:
            with self._writing() as connection:
                provenance.replace(connection, name, changed)

    def remove(self, name: str, ids: Collection[str]) -> int:
        """Delete papers, as one change; returns how many were there."""
        there = sorted(self.hashes(name, ids))
        if there:
            with self._writing() as connection:
                revisions.remove(connection, name, there, revisions.advance(connection, name))
        return len(there)

    def stored(self, name: str, ids: Collection[str]) -> dict[str, StoredPaper]:
        """The papers that are there, by id, with spans and vectors. One that was read lately is not read again."""
        versions = self._versions(name, ids)
        kept = {id: kept for id in versions if (kept := self._kept.get((name, id)))}
        found = {id: paper for id, (version, paper) in kept.items() if version == versions[id]}
        read = self._stored(name, self._rows(select(papers), name, [id for id in versions if id not in found]))
        for paper in read:
            self._kept.put((name, paper.paper.id), (versions[paper.paper.id], paper))
        return found | {paper.paper.id: paper for paper in read}

    def changes(self, name: str, *, after: int, upto: int) -> Changes:
        """What changed after revision `after`, up to and including `upto`."""
        with self._reading() as connection:
            found, removed = revisions.changed(connection, select(papers), name, after, upto)
        return Changes(papers=self._stored(name, found), removed=removed)

    def changed_texts(self, name: str, *, after: int, upto: int) -> tuple[list[Paper], list[str]]:
        """The same without the vectors, which are most of the bytes: the papers, and the ids of those removed."""
        with self._reading() as connection:
            found, removed = revisions.changed(connection, select(*DESCRIPTION), name, after, upto)
        return self._described(name, found), removed

    def changed_columns(
        self, name: str, columns: Sequence[str], *, after: int, upto: int
    ) -> tuple[Sequence[Row[Any]], list[str]]:
        """The same with no more than the id and these columns of `papers`."""
        with self._reading() as connection:
            return revisions.changed(
                connection, select(papers.c.id, *(papers.c[column] for column in columns)), name, after, upto
            )

    def revision_after(self, name: str, after: int, papers_at_once: int) -> int | None:
        """The revision up to which about that many papers changed after `after`; None when fewer did."""
        with self._reading() as connection:
            return revisions.after(connection, name, after, papers_at_once)

    def added(self, name: str, *, after: int, upto: int) -> list[str]:
        """The ids of the papers that came after revision `after`, up to and including `upto`, in the order they came.

        A paper that was there before, and has changed, is none of them.
        """
        with self._reading() as connection:
            return revisions.added(connection, name, after, upto)

    def papers(self, name: str, offset: int, limit: int) -> list[Paper]:
        """A page of the papers, by id."""
        page = select(*DESCRIPTION).where(papers.c.library == name).order_by(papers.c.id).offset(offset).limit(limit)
        with self._reading() as connection:
            found = connection.execute(page).all()
        return self._described(name, found)

    def by_id(self, name: str, ids: Collection[str]) -> dict[str, Paper]:
        """The papers that are there, by id, without their vectors."""
        return {paper.id: paper for paper in self._described(name, self._rows(select(*DESCRIPTION), name, ids))}

    def years(self, name: str) -> dict[str, int | None]:
        """The year of every paper, by year and id."""
        return {row.id: row.year for row in self.year_rows(name)}

    def year_rows(self, name: str) -> Sequence[Row[Any]]:
        """Id and year of every paper, by year and id; from the index on years alone, without reading the papers."""
        query: Select[Any] = (
            select(papers.c.id, papers.c.year).where(papers.c.library == name).order_by(papers.c.year, papers.c.id)
        )
        with self._reading() as connection:
            return connection.execute(query).all()

    def bylines(self, name: str, ids: Collection[str] | None = None) -> Iterator[Byline]:
        """Authors and venue of the papers with these ids, or of every paper: then one row at a time, so that a large
        library does not fill the memory."""
        query: Select[Any] = select(papers.c.id, papers.c.authors, papers.c.venue)
        if ids is not None:
            yield from map(_byline, self._rows(query, name, ids))
            return
        query = query.where(papers.c.library == name)
        with self._reading() as connection:
            for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query.order_by(papers.c.id)):
                yield _byline(row)

    def chunk_vectors(self, name: str, ids: Collection[str], dimension: int) -> list[tuple[str, Vectors]]:
        """The vectors of each paper's chunks, shape (chunks, dimension), for the papers that are there."""
        found = self._rows(select(papers.c.id, papers.c.chunk_count, papers.c.chunk_vectors), name, ids)
        return [
            (row.id, vectors_from_bytes(row.chunk_vectors, row.chunk_count, row.id, name, dimension)) for row in found
        ]

    def stage(self, name: str, embedder: str, stored: Sequence[StoredPaper]) -> None:
        """Keep vectors of papers beside those in use (`staging`)."""
        with self._writing() as connection:
            staging.stage(connection, name, embedder, stored)

    def unstaged(self, name: str, embedder: str) -> list[str]:
        """The ids of the papers that have no vectors of this embedder beside those in use, in order."""
        with self._reading() as connection:
            return staging.missing(connection, name, embedder)

    def staged(self, name: str, embedder: str) -> Iterator[list[StoredPaper]]:
        """The papers with the vectors beside those in use, by id, some hundreds at once."""
        with self._reading() as connection:
            for found in staging.rows(connection, name, embedder):
                yield self._stored(name, found)

    def adopt(self, name: str, embedder: str, generation: str, revision: int) -> None:
        """Put staged vectors in use, as one change, with the indexes built from them. Raises BusyError (`staging`)."""
        with self._writing() as connection:
            staging.adopt(connection, name, embedder, generation, revision)

    def _versions(self, name: str, ids: Collection[str]) -> dict[str, _Version]:
        """What changes with a paper, with where it was read, or with the vectors of all papers."""
        of_library = libraries.c.name == papers.c.library
        of_paper = and_(sources.c.library == papers.c.library, sources.c.paper == papers.c.id)
        query: Select[Any] = select(
            papers.c.id, papers.c.revision, libraries.c.generation, sources.c.path, sources.c.line
        )
        query = query.join(libraries, of_library).outerjoin(sources, of_paper)
        versions: dict[str, _Version] = {}
        for row in self._rows(query.order_by(sources.c.path, sources.c.line), name, ids):
            versions[row.id] = (*versions.get(row.id, (row.generation, row.revision)), row.path, row.line)
        return versions

    def _stored(self, name: str, found: Sequence[Row[Any]]) -> list[StoredPaper]:
        described = self._described(name, found)
        return [stored_paper_from_row(row, paper, name) for row, paper in zip(found, described, strict=True)]

    def _described(self, name: str, found: Sequence[Row[Any]]) -> list[Paper]:
        with self._reading() as connection:
            read = provenance.of(connection, name, [row.id for row in found])
        return [paper_from_row(row, read.get(row.id, ())) for row in found]

    def _rows(self, query: Select[Any], name: str, ids: Collection[str]) -> list[Row[Any]]:
        found: list[Row[Any]] = []
        with self._reading() as connection:
            for some in in_parts(list(ids)):
                found += connection.execute(query.where(papers.c.library == name, papers.c.id.in_(some)))
        return found


def _byline(row: Row[Any]) -> Byline:
    return Byline(id=row.id, authors=tuple(row.authors), venue=row.venue or "")
