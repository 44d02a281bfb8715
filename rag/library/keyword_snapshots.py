"""Finished keyword indexes in the database of a team, so that a machine without one fetches it instead of building it.

A snapshot is the files of one index, in parts. It is stored and replaced in one transaction, so nobody reads half of
one, and it is in the database that its index follows, so the two can't differ in what they count.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from sqlalchemy import delete, insert, select

from rag.database import Database
from rag.errors import LibraryError, UnavailableError
from rag.library.schema import keyword_snapshot_parts, keyword_snapshots

PART_BYTES = 4_000_000
"""A row this long is well below what databases take, and as much memory as a copy needs."""

_FILE = re.compile(r"meta\.json|\.managed\.json|[0-9a-f]{32}(\.[0-9]+)?\.[a-z]+")
"""What tantivy calls its files, but for its locks. Any other name in a database could lead out of the folder."""


@dataclass(frozen=True, kw_only=True)
class KeywordSnapshot:
    """What the database says of a snapshot; `version` is that of `keyword_index`, `revision` its last change."""

    id: str
    generation: str
    version: int
    revision: int
    parts: int


class DamagedSnapshotError(LibraryError):
    """A snapshot is not what was stored."""


class KeywordSnapshots:
    """The snapshot of one library, of which there is at most one. Every method blocks and may raise LibraryError."""

    def __init__(self, database: Database, library: str) -> None:
        """Use `Catalog.keyword_snapshots`."""
        self._database, self._library = database, library

    def find(self) -> KeywordSnapshot | None:
        """The snapshot there is, whichever version or generation it is of."""
        columns = [keyword_snapshots.c[field.name] for field in fields(KeywordSnapshot)]
        with self._database.reading() as connection:
            query = select(*columns).where(keyword_snapshots.c.library == self._library)
            row = connection.execute(query).one_or_none()
        return None if row is None else KeywordSnapshot(**row._mapping)

    def store(self, folder: Path, *, generation: str, version: int, revision: int) -> bool:
        """Put the index in a folder in place of the snapshot there is; nobody may write to the folder meanwhile.

        Returns False, and stores nothing, while another process stores one.
        """
        lock = self._database.lock(f"scholiast:{self._library}:keyword-snapshot")
        if not lock.acquire():
            return False
        try:
            files = sorted(file for file in folder.iterdir() if _FILE.fullmatch(file.name))
            id, parts = uuid4().hex, sum(_parts_of(file) for file in files)
            described = {"id": id, "generation": generation, "version": version, "revision": revision, "parts": parts}
            with self._database.writing() as connection:
                connection.execute(delete(keyword_snapshots).where(keyword_snapshots.c.library == self._library))
                connection.execute(insert(keyword_snapshots).values(library=self._library, **described))
                for number, (file, data) in enumerate(_read(files)):
                    part = {"snapshot": id, "number": number, "file": file, "data": data}
                    digest = _digest(id, number, file, data)
                    connection.execute(insert(keyword_snapshot_parts).values(**part, sha256=digest))
        finally:
            lock.release()
        return True

    def fetch(self, snapshot: KeywordSnapshot, folder: Path) -> None:
        """Write the files of a snapshot to a new folder, one part in memory at a time.

        Raises DamagedSnapshotError, UnavailableError when it was replaced meanwhile, and OSError.
        """
        folder.mkdir(parents=True)
        parts = keyword_snapshot_parts
        query = select(parts).where(parts.c.snapshot == snapshot.id).order_by(parts.c.number)
        found = 0
        with self._database.reading() as connection:
            for row in connection.execution_options(yield_per=1).execute(query):
                if row.number != found or row.sha256 != _digest(snapshot.id, row.number, row.file, row.data):
                    raise DamagedSnapshotError(f"part {found} of {snapshot.parts} is not what was stored")
                if not _FILE.fullmatch(row.file):
                    raise DamagedSnapshotError(f"part {found} names the file {row.file[:80]!r}")
                with (folder / row.file).open("ab") as file:
                    file.write(row.data)
                found += 1
        if not found:
            raise UnavailableError("it was replaced meanwhile")
        if found != snapshot.parts:
            raise DamagedSnapshotError(f"{found} of {snapshot.parts} parts are there")
        for path in [*folder.iterdir(), folder]:
            _wait_for_disk(path)

    def delete(self, snapshot: KeywordSnapshot) -> None:
        """Delete a snapshot, unless it was replaced meanwhile."""
        with self._database.writing() as connection:
            connection.execute(delete(keyword_snapshots).where(keyword_snapshots.c.id == snapshot.id))


def _parts_of(file: Path) -> int:
    return max(1, -(-file.stat().st_size // PART_BYTES))


def _read(files: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Every file in parts, each with its name; an empty file is one part."""
    for path in files:
        with path.open("rb") as file:
            for _ in range(_parts_of(path)):
                yield path.name, file.read(PART_BYTES)


def _digest(snapshot: str, number: int, file: str, data: bytes) -> str:
    """Also of where the part belongs, so that parts can't change places."""
    digest = sha256(f"{snapshot}/{number}/{file}\0".encode())
    digest.update(data)
    return digest.hexdigest()


def _wait_for_disk(path: Path) -> None:
    """As tantivy does with what it writes: after a power cut a half written index would have to be built again."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
