"""Puts a backup in place: its indexes are made beside those in use, then one transaction of SQLite switches.

A process killed at any moment leaves the home folder as it was or as it will be; what it leaves besides is deleted by
the next restore or rebuild.
"""

import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rag import vector_indexes
from rag.answerability import CALIBRATION
from rag.backup import archive
from rag.backup.archive import Archive, Manifest
from rag.config import Settings
from rag.database import FILE, Database, copy_sqlite, home_errors
from rag.errors import ConfigError, LibraryError, LockedError, RequestError, UnavailableError
from rag.library import registry, schema
from rag.library.catalog import Catalog
from rag.library.lock import Lock, owner
from rag.library.registry import folder_of
from rag.library.sync import Indexes, new_generation
from rag.protocols import VectorStore

_PREFIX = ".restoring-"


def restore(
    settings: Settings, file: Path, *, overwrite: bool = False, progress: Callable[[int, int], None]
) -> Manifest:
    """Make the home folder what it was when the backup was made. The .env file there stays as it is. Blocks.

    `progress` gets how many libraries are indexed, of how many. Raises RequestError for a file that is no sound backup
    and for a home that holds something and is not to be overwritten, LockedError while a process uses a library,
    ConfigError, and LibraryError.
    """
    home, store = settings.home, vector_indexes.store(settings.vector_index, settings.chroma_url)
    with archive.opened(file) as backup, home_errors(home):
        _check(settings, backup, overwrite)
        home.mkdir(0o700, parents=True, exist_ok=True)
        _delete_leftovers(home)
        with TemporaryDirectory(prefix=_PREFIX, dir=home) as folder:
            staged = Path(folder)
            for name in backup.manifest.members:
                backup.extract(name, staged / name)
            names = {library.name for library in backup.manifest.contents.libraries}
            with _owned(home, names):
                if FILE in backup.manifest.members:
                    _check_database(file, staged / FILE, names)
                    _build_indexes(home, staged, store, progress)
                    copy_sqlite(staged / FILE, home / FILE)
                    _delete_other_indexes(home, store)
                _put_calibration(staged, home)
    return backup.manifest


def holds_something(home: Path) -> bool:
    """Whether there is a database with anything in it, or one that can't be read."""
    if not (home / FILE).is_file():
        return False
    try:
        with closing(sqlite3.connect(home / FILE)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            ours = [name for name in tables if not name.startswith("sqlite_")]
            return any(connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone() for name in ours)
    except sqlite3.Error:
        return True


def _check(settings: Settings, backup: Archive, overwrite: bool) -> None:
    """Refuse before anything is written."""
    members = backup.manifest.members
    if settings.database_url and FILE in members:
        raise ConfigError(
            "SCHOLIAST_DATABASE_URL is set, so the database of this backup, an SQLite file, would not be read; "
            "unset it to restore into the home folder"
        )
    if holds_something(settings.home) and not overwrite:
        raise RequestError(
            f"{settings.home} already holds papers, answers or conversations; --overwrite replaces all of them, "
            "or set SCHOLIAST_HOME to a new folder"
        )
    place = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    needed, free = 2 * sum(member.bytes for member in members.values()), shutil.disk_usage(place).free
    if free < needed:
        raise UnavailableError(
            f"{settings.home} has {free:,} bytes free, restoring takes more than {needed:,}; free some disk space"
        )


@contextmanager
def _owned(home: Path, names: Collection[str]) -> Iterator[None]:
    """Own every library that is there or will be, so that no process uses one meanwhile."""
    locks: list[Lock] = []
    database = Database(home)
    try:
        for name in sorted({*names, *registry.folders(home)}):
            registry.check_name(name)
            lock = Lock(folder_of(home, name), database.lock(name))
            try:
                lock.acquire(name)
            except LockedError as error:
                who = owner(folder_of(home, name)) or "another process"
                raise LockedError(
                    f"library {name!r} is in use by {who}: stop it, as restoring replaces the library"
                ) from error
            locks.append(lock)
        yield
    finally:
        for lock in locks:
            lock.release()


def _build_indexes(home: Path, staged: Path, store: VectorStore, progress: Callable[[int, int], None]) -> None:
    """Index every library of the staged database in the home folder, under names that no index there has.

    With a shared store, such as a Chroma server, they are made at the first question.
    """
    catalog = Catalog(staged)
    try:
        catalog.check()
        rows = catalog.libraries()
        for done, row in enumerate(rows):
            progress(done, len(rows))
            if row.schema_version != schema.VERSION:
                raise LibraryError(schema.find_mismatch(row, row.embedder))
            catalog.update(row.name, generation=new_generation(store), chroma_revision=0)
            if not store.is_shared:
                with closing(Indexes(catalog, row.name, folder_of(home, row.name), store)) as indexes:
                    indexes.catch_up()
        progress(len(rows), len(rows))
    finally:
        catalog.close()


def _check_database(file: Path, database: Path, names: Collection[str]) -> None:
    """Raise RequestError unless it is our database with these libraries, and no triggers or views."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            kinds = dict(connection.execute("SELECT name, type FROM sqlite_master"))
            found = (
                {name for (name,) in connection.execute("SELECT name FROM libraries")} if "libraries" in kinds else None
            )
    except sqlite3.Error as error:
        raise RequestError(f"{file} is damaged: its database can't be opened ({error})") from error
    if "libraries" not in kinds or found != set(names) or not {"table", "index"} >= set(kinds.values()):
        raise RequestError(f"{file} holds a database that is not Scholiast's")


def _delete_other_indexes(home: Path, store: VectorStore) -> None:
    """Delete the indexes that the restored libraries do not use, and the folders of libraries that are gone."""
    with closing(Catalog(home)) as catalog:
        names = {row.name for row in catalog.libraries()}
        for name in names:
            Indexes(catalog, name, folder_of(home, name), store).delete_others()
    for name in set(registry.folders(home)) - names:
        shutil.rmtree(folder_of(home, name), ignore_errors=True)


def _put_calibration(staged: Path, home: Path) -> None:
    if (staged / CALIBRATION).is_file():
        (staged / CALIBRATION).replace(home / CALIBRATION)
    else:
        (home / CALIBRATION).unlink(missing_ok=True)


def _delete_leftovers(home: Path) -> None:
    """What restores that were killed have left."""
    for folder in home.glob(f"{_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
