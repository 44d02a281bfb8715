"""The two indexes of a library, and how they follow its catalog: they note the last change they have seen."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from rag.errors import LibraryError, LockedError
from rag.library import advice
from rag.library.catalog import Catalog
from rag.library.keyword_index import KeywordIndex
from rag.library.probe import CANARIES, ProbeResult, try_folder, try_index
from rag.library.rows import LibraryRow
from rag.library.vector_index import Chroma, as_left

# Small additions are slow in both indexes; more than this at once takes memory.
_PAPERS_AT_ONCE = 1000


class Indexes:
    """Chroma and the keyword index of one library, opened when first used. Every method blocks.

    A rebuild makes both anew under a new name, the generation. The catalog says which generation counts, so one
    transaction switches, and an interrupted rebuild leaves what was there.
    """

    def __init__(self, catalog: Catalog, library: str, folder: Path, chroma_url: str = "") -> None:
        self._catalog = catalog
        self._library = library
        self._folder = folder
        self._chroma_url = chroma_url
        self._generation = ""
        self._opening = threading.RLock()
        self._following = threading.RLock()
        self._chroma: Chroma | None = None
        self._keywords: KeywordIndex | None = None

    def chroma(self) -> Chroma:
        """The dense index. Raises LibraryError when it is damaged, or missing though it was filled before."""
        with self._opening:
            if self._chroma is None:
                row = self._row()
                if row.chroma_revision > 0 and not self._chroma_url:
                    self._try_before_opening(row)
                self._chroma = self._open_chroma(row.generation, create=row.chroma_revision == 0)
            return self._chroma

    def keywords(self) -> KeywordIndex:
        """The keyword index. Raises LibraryError when it is damaged."""
        with self._opening:
            if self._keywords is None:
                self._generation = self._row().generation
                self._keywords = KeywordIndex(self._keyword_folder(self._generation), self._library)
            return self._keywords

    def refresh(self) -> bool:
        """Notice what another process has done to the indexes; whether they are in step with the catalog."""
        row = self._row()
        with self._opening:
            if row.generation != self._generation:
                self._chroma = self._keywords = None  # not closed: another thread may be searching in them
            elif self._keywords and self._keywords.revision < row.revision:
                self._keywords = None
        return self.keywords().revision >= row.revision and row.chroma_revision >= row.revision

    def catch_up(self) -> None:
        """Apply what the catalog has and the indexes have not. Does little when they are in step; may be repeated."""
        with self._following:
            self._catch_up(self._row())

    def _catch_up(self, row: LibraryRow) -> None:
        if self.keywords().revision > row.revision:
            raise LibraryError(
                f"the keyword index of library {row.name!r} has seen change {self.keywords().revision}, "
                f"the catalog is at {row.revision} (restored from a backup?); {advice.rebuild(row.name)}"
            )
        try:
            self._feed_keywords(self.keywords(), row.revision)
        except LockedError:
            raise
        except LibraryError:
            # A process killed while it committed may leave a file that is in the way of the same commit for ever.
            self._renew_keywords(row)
        for after, upto in self._steps(row.chroma_revision, row.revision):
            self._feed_chroma(self.chroma(), after, upto)
            self._catalog.follow(row.name, before=after, after=upto)

    def rebuild(self) -> None:
        """Make both indexes anew from the catalog, then switch to them."""
        row, generation = self._row(), new_generation()
        self.close()
        try:
            self._build(row, generation)
        except BaseException:
            self._delete(generation)
            raise
        self._catalog.describe(row.name, generation=generation, chroma_revision=row.revision)
        self._delete(row.generation)
        self._sweep(generation)

    def drop(self) -> None:
        """Delete both indexes."""
        self.close()
        self._delete(self._row().generation)
        self._sweep("")

    def close(self) -> None:
        """Release the files; the next use opens them again."""
        with self._following, self._opening:
            for index in (self._chroma, self._keywords):
                if index is not None:
                    index.close()
            self._chroma = self._keywords = None

    def probe(self) -> ProbeResult:
        """Look for some papers by a vector of theirs. Raises LibraryError when the dense index is damaged."""
        row = self._row()
        sample = self._catalog.sample(row.name, row.chroma_revision, CANARIES)
        canaries = [(id, stored.chunk_vectors[0]) for id, stored in sample.items() if stored.chunks]
        if self._chroma_url:
            return try_index(self.chroma(), canaries)
        return try_folder(self._chroma_folder(row.generation), row.name, canaries)

    def _try_before_opening(self, row: LibraryRow) -> None:
        """After a crash, or when somebody has touched the files; not in the ordinary case, since it takes seconds."""
        folder = self._chroma_folder(row.generation)
        if folder.exists() and not as_left(folder):
            self.probe()

    def _build(self, row: LibraryRow, generation: str) -> None:
        chroma = self._open_chroma(generation, create=True)
        keywords = KeywordIndex(self._keyword_folder(generation), self._library)
        try:
            self._feed_keywords(keywords, row.revision)
            for after, upto in self._steps(0, row.revision):
                self._feed_chroma(chroma, after, upto)
            found, wanted = chroma.count(), self._catalog.counts(row.name).chunks
        finally:
            chroma.close()
            keywords.close()
        if found != wanted:
            raise LibraryError(
                f"the new Chroma index holds {found} chunks, not {wanted}; {advice.rebuild(row.name)} again"
            )

    def _renew_keywords(self, row: LibraryRow) -> None:
        with self._opening:
            self.keywords().close()
            self._keywords = None
            shutil.rmtree(self._keyword_folder(row.generation))
        self._feed_keywords(self.keywords(), row.revision)

    def _feed_keywords(self, keywords: KeywordIndex, revision: int) -> None:
        for after, upto in self._steps(keywords.revision, revision):
            changes = self._catalog.changes(self._library, after=after, upto=upto)
            keywords.apply([stored.paper for stored in changes.papers], changes.removed, upto)

    def _feed_chroma(self, chroma: Chroma, after: int, upto: int) -> None:
        changes = self._catalog.changes(self._library, after=after, upto=upto)
        chroma.apply(changes.papers, changes.removed)

    def _steps(self, revision: int, target: int) -> Iterator[tuple[int, int]]:
        """From one revision to the other in parts that memory can hold: pairs (after, up to and including)."""
        while revision < target:
            upto = min(target, self._catalog.revision_after(self._library, revision, _PAPERS_AT_ONCE) or target)
            yield revision, upto
            revision = upto

    def _row(self) -> LibraryRow:
        row = self._catalog.library(self._library)
        if row is None:
            raise LibraryError(f"library {self._library!r} was removed meanwhile")
        return row

    def _open_chroma(self, generation: str, *, create: bool) -> Chroma:
        if self._chroma_url:
            return Chroma.served(self._chroma_url, self._library, generation, create=create)
        return Chroma.embedded(self._chroma_folder(generation), self._library, create=create)

    def _delete(self, generation: str) -> None:
        if self._chroma_url:
            with suppress(LibraryError):  # it may be what was missing
                served = self._open_chroma(generation, create=False)
                served.drop()
                served.close()
        shutil.rmtree(self._chroma_folder(generation), ignore_errors=True)
        shutil.rmtree(self._keyword_folder(generation), ignore_errors=True)

    def _sweep(self, generation: str) -> None:
        """Delete what interrupted rebuilds have left."""
        for kept in (self._chroma_folder(generation), self._keyword_folder(generation)):
            for folder in kept.parent.glob("*"):
                if folder != kept:
                    shutil.rmtree(folder, ignore_errors=True)

    def _chroma_folder(self, generation: str) -> Path:
        return self._folder / "chroma" / generation

    def _keyword_folder(self, generation: str) -> Path:
        return self._folder / "keywords" / generation


def new_generation() -> str:
    """A name that no index of this library had before."""
    return uuid4().hex[:8]
