"""Keeps the two indexes of a library in step with its catalog: each records the last change that it has applied."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from rag.errors import BusyError, LibraryError, LockedError, NotFoundError, UnavailableError, how_to_rebuild
from rag.library import keyword_index
from rag.library.catalog import Catalog
from rag.library.keyword_index import KeywordIndex
from rag.library.keyword_sharing import KeywordSharing
from rag.library.lock import LibraryLock
from rag.library.schema import LibraryRow
from rag.protocols import VectorIndex, VectorStore
from rag.types import ProbeResult
from rag.vector_indexes import KINDS, find_mismatch
from rag.vector_indexes.probing import PROBE_COUNT

# Small additions are slow in both indexes; large ones take memory.
_PAPERS_AT_ONCE = 1000

_KEYWORDS = "keywords"
_NEW, _OLD = ".new", ".old"  # folders of an index that comes into use, and of one that goes
_MOST_LACKING = 1000
_WHOLE_SHARE = 0.9
"""A keyword index that lacks more papers, and has a smaller share of them, is not searched before it has caught up."""


class Indexes:
    """The vector and the keyword index of one library, opened when first used. Every method blocks.

    A rebuild creates both under a new name, the generation. The catalog says which generation is in use, so one
    transaction switches, and an interrupted rebuild leaves the old indexes in use.
    """

    def __init__(self, catalog: Catalog, library: str, folder: Path, store: VectorStore) -> None:
        self._catalog = catalog
        self._library = library
        self._folder = folder
        self._store = store
        self._sharing = KeywordSharing(catalog, library)
        self.generation = ""
        """The one that is open; empty before the first use."""
        self._opening = threading.RLock()
        self._catching_up = threading.RLock()
        self._vectors: VectorIndex | None = None
        self._keywords: KeywordIndex | None = None

    def vectors(self) -> VectorIndex:
        """The vector index. Raises LibraryError when it is damaged, or missing though it was filled before."""
        with self._opening:
            if self._vectors is None:
                row = self._now()
                if row.chroma_revision > 0:
                    self._probe_if_changed(row)
                self._vectors = self._open_vectors(row.generation, create=row.chroma_revision == 0)
            return self._vectors

    def keywords(self) -> KeywordIndex:
        """The keyword index. Raises LibraryError when it is damaged."""
        with self._opening:
            if self._keywords is None:
                row = self._now()
                self._keywords = KeywordIndex(self._keyword_folder(row.generation), self._library)
            return self._keywords

    def refresh(self) -> bool:
        """Reopen the indexes that another process has changed. Returns whether they are in step with the catalog."""
        with self._opening:
            row = self._now()
            if self._keywords and self._keywords.revision < row.revision:
                self._keywords = None
        return self.keywords().revision >= row.revision and row.chroma_revision >= row.revision

    def follow(self, lock: LibraryLock) -> None:
        """Apply what other processes have written, unless one of them does so just now.

        Raises UnavailableError while another thread or process still builds most of this machine's keyword index.
        """
        if not self.refresh():
            # The keyword index is this machine's own, so one that writes elsewhere does not keep it from following.
            _holding(lock.acquire_here, self.catch_up_keywords, lock, self._library)
            if not self.refresh():
                _holding(lock.acquire, self.catch_up, lock, self._library)
            self._check_whole()

    def catch_up(self) -> None:
        """Apply the changes that the indexes lack. Does little when they are in step; may be repeated."""
        with self._catching_up:
            row = self._row()
            self._catch_up_keywords(row)
            for after, upto in self._steps(row.chroma_revision, row.revision):
                self._feed_vectors(self.vectors(), after, upto)
                self._catalog.advance_chroma(row.name, before=after, after=upto)

    def catch_up_keywords(self) -> None:
        """The same for the keyword index alone, which each home folder has for itself."""
        with self._catching_up:
            row = self._row()
            self._catch_up_keywords(row)
            self._sharing.store_first(row, self.keywords().revision, self._keyword_folder(row.generation))

    def share_keywords(self) -> None:
        """Leave the keyword index for other machines of the database, after much has changed.

        Only for the owner of the library.
        """
        if self._sharing.is_on:
            with self._catching_up:
                row = self._row()
                self._sharing.store(row, self.keywords().revision, self._keyword_folder(row.generation))

    def _catch_up_keywords(self, row: LibraryRow) -> None:
        if self.keywords().revision > row.revision:
            raise LibraryError(
                f"the keyword index of library {row.name!r} has change {self.keywords().revision}, "
                f"the catalog is at {row.revision} (restored from a backup?); {how_to_rebuild(row.name)}"
            )
        try:
            self._feed_keywords(self._fetched(row), row.revision)
        except (LockedError, UnavailableError):
            raise
        except LibraryError:
            # A process killed while it committed may leave a file that makes the same commit fail every time.
            self._replace_keywords(row)
            self._feed_keywords(self._fetched(row), row.revision)

    def _check_whole(self) -> None:
        found, wanted = len(self.keywords()), self._catalog.counts(self._library).papers
        if wanted - found > _MOST_LACKING and found < _WHOLE_SHARE * wanted:
            message = (
                f"the keyword index of library {self._library!r} is being built here, with {found:,} of {wanted:,} "
                "papers; try again in a moment"
            )
            raise UnavailableError(message, public=message)

    def rebuild(self, embedder: str = "") -> None:
        """Create both indexes beside those in use, then switch to them in one transaction.

        With an embedder, from the vectors that are staged for it, which come into use with the indexes. Raises
        BusyError when another process has added papers meanwhile; then everything stays as it was.
        """
        row, generation = self._row(), new_generation(self._store)
        try:
            self._build(row, generation, embedder)
            if embedder:
                self._catalog.adopt(row.name, embedder, generation, row.revision)
            else:
                self._catalog.update(row.name, generation=generation, chroma_revision=row.revision)
        except BaseException:
            self._delete_unless_in_use(generation)
            raise
        self.close()
        self._delete(row.generation)
        self._delete_all_but(generation)

    def drop(self) -> None:
        """Delete both indexes."""
        self.close()
        self._delete(self._row().generation)
        self._delete_all_but("")

    def delete_others(self) -> None:
        """Delete the files of every index but the two in use."""
        self._delete_all_but(self._row().generation)

    def close(self) -> None:
        """Release the files; the next use opens them again."""
        with self._catching_up, self._opening:
            for index in (self._vectors, self._keywords):
                if index is not None:
                    index.close()
            self._vectors = self._keywords = None

    def probe(self) -> ProbeResult:
        """Look for some papers by a vector of theirs. Raises LibraryError when the vector index is damaged."""
        row = self._now()
        sample = self._catalog.sample(row.name, row.chroma_revision, PROBE_COUNT)
        probes = [(id, stored.chunk_vectors[0]) for id, stored in sample.items() if stored.chunks]
        return self._store.probe(self._vector_folder(row.generation), row.name, row.generation, probes)

    def _probe_if_changed(self, row: LibraryRow) -> None:
        """After a crash, or when the files were changed from outside; not always, since it takes seconds."""
        if not self._store.is_as_closed(self._vector_folder(row.generation), row.name, row.generation):
            found, wanted = self.probe().chunks, self._catalog.counts(row.name).chunks
            # The catalog waits for the disk at every commit; Chroma does not, so a power cut may take its last ones.
            if row.chroma_revision == row.revision and found != wanted:
                raise LibraryError(
                    f"the {self._store.title} index of library {row.name!r} was not closed and holds {found} chunks, "
                    f"not {wanted}; {how_to_rebuild(row.name)}"
                )

    def _build(self, row: LibraryRow, generation: str, embedder: str) -> None:
        vectors = self._open_vectors(generation, create=True)
        keywords = KeywordIndex(self._keyword_folder(generation), self._library)
        try:
            self._feed_keywords(keywords, row.revision)
            if embedder:
                wanted = self._feed_staged(vectors, embedder)
            else:
                for after, upto in self._steps(0, row.revision):
                    self._feed_vectors(vectors, after, upto)
                wanted = self._catalog.counts(row.name).chunks
            found = vectors.count()
        finally:
            vectors.close()
            keywords.close()
        if found != wanted:
            raise LibraryError(
                f"the new {self._store.title} index holds {found} chunks, not {wanted}; "
                f"{how_to_rebuild(row.name)} again"
            )

    def _fetched(self, row: LibraryRow) -> KeywordIndex:
        """The keyword index, in place of which comes one that another machine has left, if that spares much work."""
        new = self._keyword_folder(row.generation).with_suffix(_NEW)
        if self._sharing.fetch(row, self.keywords().revision, new):
            self._replace_keywords(row, new)
        return self.keywords()

    def _replace_keywords(self, row: LibraryRow, new: Path | None = None) -> None:
        """Put the index in the folder `new`, or an empty one, in place of the keyword index."""
        folder = self._keyword_folder(row.generation)
        old = folder.with_suffix(_OLD)
        shutil.rmtree(old, ignore_errors=True)
        with self._opening:
            self.keywords().close()
            self._keywords = None
            folder.rename(old)  # in one step: half of its files would pass for a damaged index
            if new:
                new.rename(folder)
        shutil.rmtree(old)

    def _feed_keywords(self, keywords: KeywordIndex, revision: int) -> None:
        for after, upto in self._steps(keywords.revision, revision):
            papers, removed = self._catalog.changed_texts(self._library, after=after, upto=upto)
            keywords.apply(papers, removed, upto)

    def _feed_vectors(self, vectors: VectorIndex, after: int, upto: int) -> None:
        changes = self._catalog.changes(self._library, after=after, upto=upto)
        vectors.apply(changes.papers, changes.removed)

    def _feed_staged(self, vectors: VectorIndex, embedder: str) -> int:
        """How many chunks there are."""
        chunks = 0
        for papers in self._catalog.staged(self._library, embedder):
            vectors.apply(papers, ())
            chunks += sum(len(stored.chunks) for stored in papers)
        return chunks

    def _steps(self, revision: int, target: int) -> Iterator[tuple[int, int]]:
        """The way from one revision to another in parts that fit into memory: pairs (after, up to and including)."""
        while revision < target:
            upto = min(target, self._catalog.revision_after(self._library, revision, _PAPERS_AT_ONCE) or target)
            yield revision, upto
            revision = upto

    def _now(self) -> LibraryRow:
        """The library, after the indexes of another generation are dropped.

        Raises LibraryError when another engine has built its vector index.
        """
        row = self._row()
        if fault := find_mismatch(row.name, row.generation, self._store.name):
            raise LibraryError(fault)
        if row.generation != self.generation:
            self._vectors = self._keywords = None  # not closed: another thread may be searching in them
            self.generation = row.generation
        return row

    def _row(self) -> LibraryRow:
        return self._catalog.row(self._library)

    def _open_vectors(self, generation: str, *, create: bool) -> VectorIndex:
        return self._store.open(self._vector_folder(generation), self._library, generation, create=create)

    def _delete(self, generation: str) -> None:
        self._sharing.forget(generation)
        self._store.delete(self._library, generation)
        shutil.rmtree(self._vector_folder(generation), ignore_errors=True)
        shutil.rmtree(self._keyword_folder(generation), ignore_errors=True)

    def _delete_unless_in_use(self, generation: str) -> None:
        """When a switch failed. Whether it did can't always be told; then nothing is deleted."""
        with suppress(LibraryError, NotFoundError):
            if self._row().generation != generation:
                self._delete(generation)

    def _delete_all_but(self, generation: str) -> None:
        """Delete the files of every other generation, which interrupted rebuilds and other engines may have left."""
        kept = (self._vector_folder(generation), self._keyword_folder(generation))
        for kind in (*KINDS, _KEYWORDS):
            for folder in (self._folder / kind).glob("*"):
                if folder not in kept:
                    shutil.rmtree(folder, ignore_errors=True)

    def _vector_folder(self, generation: str) -> Path:
        return self._folder / self._store.name / generation

    def _keyword_folder(self, generation: str) -> Path:
        return self._folder / _KEYWORDS / f"{generation}-{keyword_index.VERSION}"


def _holding(acquire: Callable[[str], None], work: Callable[[], None], lock: LibraryLock, library: str) -> None:
    """Work while the lock is held; do nothing while another holds it."""
    with suppress(LockedError, BusyError):
        acquire(library)
        try:
            work()
        finally:
            lock.release()


def new_generation(store: VectorStore) -> str:
    """A name that no index of this library has had; it tells the engine of the vectors (`vector_indexes.kind_of`)."""
    name = uuid4().hex[:8]
    return name if store.name == KINDS[0] else f"{store.name}-{name}"
