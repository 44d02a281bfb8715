"""All libraries of a home folder: their names and folders, the list of them, and removing one."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from rag import threads, vector_indexes
from rag.errors import NotFoundError, RequestError
from rag.library.catalog import Catalog
from rag.library.lock import lock_of
from rag.library.sync import Indexes
from rag.protocols import VectorStore

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class LibrarySummary:
    """What a list shows of a library."""

    name: str
    papers: int
    chunks: int
    embedder: str


async def libraries(home: Path, database_url: str = "") -> list[LibrarySummary]:
    """Every library, by name; needs no lock."""
    return await threads.read(summaries, home, database_url)


async def remove(home: Path, name: str, database_url: str = "", store: VectorStore | None = None) -> None:
    """Delete a library and its papers. Raises NotFoundError, LockedError, BusyError. May be killed and run again."""
    check_name(name)
    await threads.ingest(_remove, home, name, database_url, store or vector_indexes.store())


def folder_of(home: Path, name: str) -> Path:
    """Where a library's indexes and its lock are."""
    return home / "libraries" / name


def folders(home: Path) -> list[str]:
    """The names of which there is a folder; of its library there may be no papers."""
    found = (folder.name for folder in (home / "libraries").glob("*") if folder.is_dir())
    return sorted(name for name in found if _NAME.fullmatch(name))


def check_name(name: str) -> None:
    """Raise RequestError for an invalid name; some would lead out of the home folder."""
    if not _NAME.fullmatch(name):
        raise RequestError(f"{name!r} can't name a library: use up to 63 of a-z, 0-9 and -, beginning with none of -")


def no_library(name: str, catalog: Catalog) -> NotFoundError:
    """The error for a name that no library has; it lists those there are."""
    there = ", ".join(repr(row.name) for row in catalog.libraries()) or "none yet; `scholiast ingest` makes one"
    return NotFoundError(f"no library {name!r}; there is {there}")


def summaries(home: Path, database_url: str = "") -> list[LibrarySummary]:
    """The same for callers that may block."""
    catalog = Catalog(home, database_url)
    try:
        rows = [(row, catalog.counts(row.name)) for row in catalog.libraries()]
    finally:
        catalog.close()
    return [LibrarySummary(name=row.name, embedder=row.embedder, **vars(counts)) for row, counts in rows]


def _remove(home: Path, name: str, database_url: str, store: VectorStore) -> None:
    folder, catalog = folder_of(home, name), Catalog(home, database_url)
    lock = lock_of(name, folder, catalog.lock(name), store)
    try:
        if catalog.library(name) is None:
            raise no_library(name, catalog)
        lock.acquire(name)
        Indexes(catalog, name, folder, store).drop()
        catalog.drop(name)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        lock.release()
        catalog.close()
