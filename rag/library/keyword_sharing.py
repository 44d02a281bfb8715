"""When a machine leaves its keyword index in the database for others, and when it takes one from there.

Neither is needed for anything to work: a machine that finds no index, or one that it can't use, builds its own. Where
the database is a file of this machine, nothing is stored and nothing is looked for.
"""

import logging
import shutil
import time
from pathlib import Path

from rag.errors import LibraryError
from rag.library import keyword_index
from rag.library.catalog import Catalog
from rag.library.keyword_index import KeywordIndex
from rag.library.keyword_snapshots import DamagedSnapshotError, KeywordSnapshot
from rag.library.schema import LibraryRow

_MANY_CHANGED = 2000
_MUCH_CHANGED = 0.1
"""Copying an index pays where more papers changed, and a greater share of all; fewer are applied one by one."""

log = logging.getLogger("scholiast")


class KeywordSharing:
    """The keyword index of one library, as machines leave it for each other. Every method blocks.

    Of one home folder, one process at a time may call these, and nobody may write to the index meanwhile.
    """

    def __init__(self, catalog: Catalog, library: str) -> None:
        self._catalog, self._library = catalog, library
        self._snapshots = catalog.keyword_snapshots(library)

    @property
    def is_on(self) -> bool:
        """Whether other machines may use the database too."""
        return self._snapshots is not None

    def fetch(self, row: LibraryRow, revision: int, folder: Path) -> bool:
        """Write to `folder` an index that is ahead by much of one that has the changes up to `revision`.

        Returns whether there was one. What is wrong with one is logged; a damaged one is deleted.
        """
        if self._snapshots is None or (much := self._much_after(revision)) is None:
            return False
        if (found := self._snapshots.find()) is None:
            return False
        if not _is_usable(found, row):
            log.info(
                "library %r: the keyword index in the database is not used: it is of generation %s, version %d",
                row.name,
                found.generation,
                found.version,
            )
        if not _is_usable(found, row) or found.revision < much:
            return False
        start = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)  # what a process that was killed has left
        try:
            self._snapshots.fetch(found, folder)
            self._check(found, folder)
        except (LibraryError, OSError) as error:
            log.warning("library %r: the keyword index in the database can't be used: %s", row.name, error)
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, DamagedSnapshotError):
                self._snapshots.delete(found)
            return False
        log.info("library %r: fetched the keyword index in %.1f s", row.name, time.monotonic() - start)
        return True

    def store(self, row: LibraryRow, revision: int, folder: Path) -> None:
        """Leave the index in a folder, which has the changes up to `revision`, if the one there is behind by much."""
        self._store(row, revision, folder, only_first=False)

    def store_first(self, row: LibraryRow, revision: int, folder: Path) -> None:
        """Leave it if there is none that this program can use."""
        self._store(row, revision, folder, only_first=True)

    def forget(self, generation: str) -> None:
        """Delete what there is of a generation that is not in use any more."""
        found = self._snapshots.find() if self._snapshots else None
        if self._snapshots and found and found.generation == generation:
            self._snapshots.delete(found)

    def _store(self, row: LibraryRow, revision: int, folder: Path, *, only_first: bool) -> None:
        """Does not fail: the index itself is sound, and other machines can do without it."""
        if self._snapshots is None:
            return
        try:
            found = self._snapshots.find()
            if found and found.version > keyword_index.VERSION:  # of machines that have been upgraded already
                return
            usable = found if found and _is_usable(found, row) else None
            if (usable and only_first) or self._much_after(usable.revision if usable else 0) is None:
                return
            start = time.monotonic()
            if self._snapshots.store(
                folder, generation=row.generation, version=keyword_index.VERSION, revision=revision
            ):
                log.info("library %r: stored its keyword index in %.1f s", row.name, time.monotonic() - start)
        except (LibraryError, OSError) as error:
            log.warning("library %r: its keyword index can't be stored for other machines: %s", row.name, error)

    def _check(self, snapshot: KeywordSnapshot, folder: Path) -> None:
        """Raise LibraryError where tantivy can't read it, or it is not what it is called."""
        index = KeywordIndex(folder, self._library)
        try:
            if index.revision != snapshot.revision:
                raise LibraryError(f"it has change {index.revision}, not {snapshot.revision}")
        finally:
            index.close()

    def _much_after(self, revision: int) -> int | None:
        """The revision with which so many papers had changed that copying an index pays; None when fewer have."""
        many = self._catalog.revision_after(self._library, revision, _MANY_CHANGED + 1)
        if many is None:  # nearly always, and counting all papers of a large library takes time
            return None
        much = int(_MUCH_CHANGED * self._catalog.counts(self._library).papers) + 1
        return many if much <= _MANY_CHANGED else self._catalog.revision_after(self._library, revision, much)


def _is_usable(snapshot: KeywordSnapshot, row: LibraryRow) -> bool:
    """Whether it is of the indexes in use, and this program can read it."""
    return (snapshot.generation, snapshot.version) == (row.generation, keyword_index.VERSION)
