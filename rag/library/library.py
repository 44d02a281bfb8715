"""A library: ingests, removes and finds papers, and keeps the catalog and its two indexes in step."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence, Set
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from weakref import finalize

from rag import threads, vector_indexes
from rag.errors import (
    BusyError,
    LibraryError,
    NotFoundError,
    OwnerDoor,
    how_to_list_papers,
)
from rag.library import ingest, merging, registry, schema
from rag.library.catalog import Byline, Catalog, Counts
from rag.library.dense import DenseSearch, Hits
from rag.library.filtering import Columns
from rag.library.ingest import IngestBatch
from rag.library.lock import LibraryLock, lock_of
from rag.library.schema import LibraryRow
from rag.library.storing import Progress, Storing, no_progress
from rag.library.sync import Indexes, new_generation
from rag.protocols import BulkEmbedder, Embedder, VectorStore
from rag.text import chunk
from rag.types import EVERYTHING, Filters, IngestReport, Paper, Record, StoredPaper, Vectors

T = TypeVar("T")

_TURN_SECONDS = 0.05
_FEW_IDS = 500


class Library:
    """The papers of one name. They can be read while something is written."""

    def __init__(self, name: str, embedder: Embedder, catalog: Catalog, folder: Path, store: VectorStore) -> None:
        """Use `Library.open`."""
        self.name = name
        self.embedder = embedder
        self._catalog = catalog
        self._lock = lock_of(name, folder, catalog.lock(name), store)
        self._vector_store = store
        self._shared = store.is_shared
        self._writing = asyncio.Lock()
        self._is_closed = False
        self._indexes = Indexes(catalog, name, folder, store)
        self._columns = Columns(catalog, name)
        self._dense = DenseSearch(catalog, name)
        self._storing = Storing(catalog, name, embedder, self._indexes)
        self._release = finalize(self, _close, self._indexes, self._dense, catalog, self._lock)
        self._release.atexit = False

    @classmethod
    async def open(
        cls,
        home: Path,
        name: str,
        embedder: Embedder,
        database_url: str = "",
        store: VectorStore | None = None,
        *,
        create: bool = False,
        repair: bool = False,
    ) -> "Library":
        """Become the owner of a library and finish what a killed process left. The caller closes it.

        `store` has the vector index, embedded Chroma by default. With a shared one, such as a Chroma server, several
        processes may open a library; then each owns it only while it writes.
        `create` makes the library if there is none; otherwise that is a NotFoundError. Raises RequestError for an
        invalid name, LockedError when another process is the owner, and LibraryError when the library was built
        with something else or is damaged; `repair` opens it all the same, for `rebuild`.
        """
        registry.check_name(name)
        catalog = await threads.read(Catalog, home, database_url)
        folder = registry.folder_of(home, name)
        library = cls(name, embedder, catalog, folder, store or vector_indexes.store())
        try:
            await threads.read(library._start, create, repair)
        except BaseException:
            library.close()
            raise
        return library

    def close(self) -> None:
        """Release the library, so that others can open it; so does dropping the last reference to it.

        A search that goes on meanwhile raises BusyError or NotFoundError.
        """
        self._is_closed = True
        self._release()

    @property
    def is_written(self) -> bool:
        """Whether something is being written, or waits for its turn to be."""
        return self._writing.locked()

    def announce(self, url: str, door: OwnerDoor | None = None) -> None:
        """Let other processes know where the library in use answers: over HTTP, and for commands of the same user."""
        self._lock.announce(url, door)

    async def ingest(
        self,
        records: Iterable[Record] | IngestBatch,
        progress: Progress | None = None,
        bulk: BulkEmbedder | None = None,
    ) -> IngestReport:
        """Store papers that are new or changed. May be killed at any point and run again.

        All records are read before the first is stored, so that a file which can't be read changes nothing. Records of
        one work, by their ids or the title, are stored as one paper (`works`), and the report says which were merged; a
        record that another one replaces counts as unchanged. A paper with the id of another work, in the records or in
        the library, is stored under an id of its own, with a warning in the notes.
        `bulk` embeds in place of the library's embedder, several batches at a time; what is stored is the same.
        Raises BackendError when the embedder fails; papers stored until then stay.
        """
        async with self._as_writer():
            batch = records if isinstance(records, IngestBatch) else await threads.ingest(ingest.gather, records)
            plan = await threads.ingest(merging.plan, self._catalog, self.name, batch.papers)
            await self._storing.store(plan.changes, len(batch.papers), progress or no_progress, bulk)
            counts = await threads.ingest(self._catalog.counts, self.name)
        added, updated = (sum(getattr(change, kind) for change in plan.changes) for kind in ("added", "updated"))
        return IngestReport(
            library=self.name,
            added=added,
            updated=updated,
            unchanged=max(0, len(batch.papers) - added - updated),
            rejected=batch.rejected,
            more_rejected=batch.more_rejected,
            notes=(*batch.notes, *plan.notes),
            merged=plan.merged,
            papers=counts.papers,
            chunks=counts.chunks,
        )

    async def split(self, id: str) -> list[Paper]:
        """Take a merge back: the records of a paper become papers of their own, and are not merged again.

        Raises NotFoundError, and RequestError for a paper that was not merged from records with different ids.
        """
        async with self._as_writer():
            paper = await self.paper(id)
            change = await threads.ingest(merging.split, self._catalog, self.name, paper)
            await self._storing.store([change], len(change.papers))
        return list(change.papers)

    async def remove(self, ids: Collection[str]) -> int:
        """Remove papers; returns how many were there."""
        async with self._as_writer():
            removed = await threads.ingest(self._catalog.remove, self.name, ids)
            await threads.ingest(self._indexes.catch_up)
        return removed

    async def rebuild(
        self, *, embed: bool = False, progress: Progress | None = None, bulk: BulkEmbedder | None = None
    ) -> Counts:
        """Recreate both indexes from the catalog; `embed` splits and embeds every paper again first, `bulk` as above.

        All is built beside what is in use, which changes in one transaction: a process that is killed at any moment
        leaves the library as it was or as it will be, and the next one need not embed again what was embedded.
        Raises BackendError when the embedder fails, and BusyError when another process has added papers meanwhile.
        """
        async with self._as_writer():
            if embed:
                await self._storing.embed_aside(progress or no_progress, bulk)
            await threads.ingest(self._indexes.rebuild, self.embedder.name if embed else "")
            return await self.counts()

    async def nearest(self, vector: Vectors, limit: int, allowed: Collection[str] | None = None) -> Hits:
        """The papers with the chunks nearest to a unit vector of shape (dimension,), with the best chunk's cosine.

        Only those in `allowed`; None means every paper.
        """
        return await threads.read(self._nearest, vector, limit, allowed)

    async def matching(self, question: str, limit: int, allowed: Collection[str] | None = None) -> Hits:
        """The papers that match the words of a question, with BM25 scores; only those in `allowed` unless None."""
        return await threads.read(self._found, lambda indexes: indexes.keywords().search(question, limit, allowed))

    async def having_all(self, stems: Collection[str], allowed: Collection[str] | None = None) -> list[str]:
        """The ids of all papers, or of those allowed, that have each of the stems in title or abstract."""
        return await threads.read(self._found, lambda indexes: indexes.keywords().having_all(stems, allowed))

    def idf(self, stems: Sequence[str]) -> dict[str, float]:
        """The inverse document frequency of each stem in this library, highest for one that no paper has."""
        return self._indexes.keywords().idf(stems)

    async def stored(self, ids: Collection[str]) -> dict[str, StoredPaper]:
        """The papers with these ids that the library has, by id, with spans and vectors."""
        return await threads.read(self._catalog.stored, self.name, ids)

    async def allowed(self, filters: Filters) -> Set[str] | None:
        """The ids that pass the filters; None when all do."""
        if filters == EVERYTHING:
            return None
        others = await threads.read(lambda: self._columns.passing(filters, self._row().revision))
        if not filters.papers:
            return others
        chosen = await threads.read(self._with_ids, filters.papers)
        return chosen if others is None else chosen & others

    async def years(self) -> dict[str, int | None]:
        """The year of every paper, by id; None where it is not known."""
        return await threads.read(self._catalog.years, self.name)

    async def bylines(self, keep: Callable[[Byline], bool]) -> list[Byline]:
        """Authors and venue of the papers that `keep` chooses; every paper is read, one at a time."""
        return await threads.read(lambda: [line for line in self._catalog.bylines(self.name) if keep(line)])

    async def papers(self, offset: int = 0, limit: int = 100) -> list[Paper]:
        """A page of the papers, by id."""
        return await threads.read(self._catalog.papers, self.name, offset, limit)

    async def paper(self, id: str) -> Paper:
        """One paper, by any of its ids. Raises NotFoundError."""
        own_id = (await self.resolve([id])).get(id, id)
        found = await threads.read(self._catalog.by_id, self.name, [own_id])
        if own_id not in found:
            raise NotFoundError(f"library {self.name!r} has no paper {id!r}; {how_to_list_papers(self.name)}")
        return found[own_id]

    async def resolve(self, ids: Collection[str]) -> dict[str, str]:
        """The `Paper.id` of each paper that the library has, by any of its ids; a DOI may also be bare or a URL."""
        return await threads.read(merging.resolve, self._catalog, self.name, ids)

    async def revision(self) -> int:
        """The number of the last change."""
        return (await threads.read(self._row)).revision

    async def exists(self) -> bool:
        """Whether it is still there: another process may have removed it."""
        return await threads.read(self._catalog.library, self.name) is not None

    async def version(self) -> tuple[str, int] | None:
        """Names what searches find now, which is the same as long as this is; None while the indexes lag behind."""
        row = await threads.read(self._row)
        return (row.generation, row.revision) if row.chroma_revision == row.revision else None

    async def added(self, *, after: int, upto: int) -> list[str]:
        """The ids of the papers that came with the changes after one and up to another, in the order they came."""
        return await threads.read(lambda: self._catalog.added(self.name, after=after, upto=upto))

    async def counts(self) -> Counts:
        """How many papers and chunks there are."""
        return await threads.read(self._catalog.counts, self.name)

    async def check_server(self) -> None:
        """Raise UnavailableError when vectors are on a server that does not answer, also while nothing is stored."""
        if self._shared:
            await threads.read(lambda: self._indexes.vectors().count())

    def _start(self, create: bool, repair: bool) -> None:
        if not create and self._catalog.library(self.name) is None:
            raise registry.no_library(self.name, self._catalog)
        if not self._shared:
            self._lock.acquire(self.name)
        if create and self._catalog.library(self.name) is None:
            self._create()
        row = self._row()
        if row.revision == 0:  # it holds nothing that was built with another configuration
            self._catalog.update(self.name, embedder=self.embedder.name, dimension=0, chunker=chunk.NAME)
            if vector_indexes.find_mismatch(row.name, row.generation, self._vector_store.name):
                self._catalog.update(self.name, generation=new_generation(self._vector_store), chroma_revision=0)
            row = self._row()
        fault = schema.find_mismatch(row, self.embedder.name)
        fault = fault or vector_indexes.find_mismatch(row.name, row.generation, self._vector_store.name)
        if fault and not repair:
            raise LibraryError(fault)
        self._catalog.complete_keys(self.name)
        if not self._shared and not repair:
            try:
                self._indexes.catch_up()
            except LibraryError:
                self._row()  # raises NotFoundError where the library is being deleted
                raise

    def _create(self) -> None:
        row = LibraryRow(
            name=self.name,
            embedder=self.embedder.name,
            dimension=0,
            chunker=chunk.NAME,
            schema_version=schema.VERSION,
            revision=0,
            generation=new_generation(self._vector_store),
            chroma_revision=0,
        )
        self._catalog.create(row)

    def _current(self) -> Indexes:
        """The indexes, in step: with a shared store, other processes write too and may not have finished.

        Raises UnavailableError as `Indexes.follow`.
        """
        if self._shared and not self._writing.locked():
            self._indexes.follow(self._lock)
        return self._indexes

    @asynccontextmanager
    async def _as_writer(self) -> AsyncIterator[None]:
        async with self._writing:
            await self._await_turn()
            try:
                yield
                await threads.ingest(self._indexes.share_keywords)
            finally:
                self._end_turn()

    async def _await_turn(self) -> None:
        """Workers of one service write in turn, and wait for it as requests of one process do."""
        acquire = self._lock.acquire if self._shared else self._lock.confirm
        while True:
            acquiring = asyncio.ensure_future(threads.ingest(acquire, self.name))
            try:
                return await asyncio.shield(acquiring)
            except BusyError:
                await asyncio.sleep(_TURN_SECONDS)
            except asyncio.CancelledError:  # its thread goes on, and may yet acquire what nobody would release
                acquiring.add_done_callback(lambda done: None if done.exception() else self._end_turn())
                raise

    def _end_turn(self) -> None:
        if self._shared:
            self._lock.release()

    def _with_ids(self, ids: Collection[str]) -> Set[str]:
        """The papers with these ids, of any kind; of many ids those that are `Paper.id` are not looked up in SQL."""
        own = self._columns.having(ids, self._row().revision) if len(ids) > _FEW_IDS else frozenset[str]()
        others = [id for id in ids if id not in own]
        return own | set(merging.resolve(self._catalog, self.name, others).values()) if others else own

    def _nearest(self, vector: Vectors, limit: int, allowed: Collection[str] | None) -> Hits:
        def search(indexes: Indexes) -> Hits:
            row = self._row()
            if row.revision == 0 or limit < 1:
                return []
            if fault := schema.find_mismatch(row, self.embedder.name):  # another process may have embedded it again
                raise LibraryError(fault)
            schema.check_dimension(row, self.embedder.name, len(vector))
            return self._dense.nearest(indexes, row, vector, limit, allowed)

        return self._found(search)

    def _found(self, search: Callable[[Indexes], T]) -> T:
        """What a search finds, also when the indexes that it searches are replaced by rebuilt ones meanwhile."""
        indexes = self._current()
        generation = indexes.generation
        try:
            return search(indexes)
        except LibraryError as error:
            if self._is_closed:
                raise BusyError(f"library {self.name!r} was closed meanwhile; ask again in a moment") from error
            if generation in ("", self._row().generation):
                raise
            return search(self._current())

    def _row(self) -> LibraryRow:
        return self._catalog.row(self.name)


def _close(indexes: Indexes, search: DenseSearch, catalog: Catalog, lock: LibraryLock) -> None:
    indexes.close()
    search.close()
    catalog.close()
    lock.close()
