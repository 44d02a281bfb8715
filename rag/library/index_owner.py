"""Holds libraries for worker processes: their locks, and their vector indexes, which only one process can have open.

`owned_index` is the other end. Workers search at the same time and write to a library in turn; when one dies, what it
began is finished here before the next one has its turn, and that one finishes what is missing.
"""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import ProcessError
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from types import TracebackType
from typing import Self

from rag.errors import BusyError, LibraryError, OwnerDoor, ScholiastError
from rag.library.catalog import Catalog
from rag.library.lock import Lock
from rag.library.owned_index import OwnerAddress
from rag.library.registry import folder_of
from rag.protocols import VectorIndex, VectorStore
from rag.types import ProbeResult, Probes, StoredPaper, Vectors
from rag.vector_indexes.probing import missing, probe

_KEY_BYTES = 32
_WAITING_CONNECTIONS = 128
_PAUSE_SECONDS = 0.1
_INTERNAL = "something went wrong in the process that has the indexes open; its output says what"

log = logging.getLogger("scholiast")


class HeldLibrary:
    """A library that this process owns for its workers. `call` of `OwnedStore` names the methods."""

    def __init__(self, name: str, folder: Path, store: VectorStore, lock: Lock, url: str) -> None:
        """Raises LockedError when another process owns the library."""
        self.name, self.folder = name, folder
        self._store, self._lock, self._url = store, lock, url
        self._indexes: dict[str, VectorIndex] = {}
        self._deleted: set[str] = set()
        self._opening = threading.RLock()
        self._writing = threading.Lock()
        self._writer = ""
        self._doors: dict[str, OwnerDoor | None] = {}  # of each worker that uses the library
        lock.acquire(name)
        self._tell()

    @property
    def is_used(self) -> bool:
        """Whether a worker uses it, and its folder is still there."""
        return bool(self._doors) and self.folder.exists()

    def use(self, worker: str) -> None:
        """Count this worker among those that use the library."""
        self._doors.setdefault(worker, None)

    def begin(self, worker: str) -> None:
        """Give a worker its turn to write. Raises BusyError while another has it."""
        with self._opening:
            if self._writer:
                raise BusyError(f"library {self.name!r} is being written; try again when that is done")
            self._lock.confirm(self.name)
            self._writer = worker

    def end(self, worker: str) -> None:
        """Take the turn back, after what the worker began; does nothing if it has none."""
        if self._writer == worker:
            with self._writing:
                self._writer = ""

    def announce(self, worker: str, door: OwnerDoor | None) -> None:
        """Record where a worker works for other processes."""
        with self._opening:
            self._doors[worker] = door
            self._tell()

    def leave(self, worker: str) -> None:
        """A worker whose turn it is not has closed the library, or died."""
        with self._opening:
            self._doors.pop(worker, None)
            if self.is_used:
                self._tell()

    def open(self, worker: str, folder: Path, generation: str, create: bool) -> str:
        """Open an index, if it is not; returns its place. Raises as `VectorStore.open`.

        `create` makes it, in place of what there is only if it is the worker's turn: what another worker has stored
        meanwhile must stay.
        """
        with self._opening:
            if create and self._writer == worker and generation in self._indexes:
                self._indexes.pop(generation).close()
            if create and generation not in self._indexes and (self._writer == worker or not folder.exists()):
                self._indexes[generation] = self._store.open(folder, self.name, generation, create=True)
            return self._index(folder, generation).place

    def apply(
        self, worker: str, folder: Path, generation: str, papers: Sequence[StoredPaper], removed: Sequence[str]
    ) -> None:
        """See `VectorIndex`. Raises LibraryError if it is not the worker's turn."""
        with self._writing:
            if self._writer != worker:
                raise LibraryError(f"library {self.name!r} is being written by another worker")
            self._index(folder, generation).apply(papers, removed)

    def nearest(
        self, _worker: str, folder: Path, generation: str, vector: Vectors, limit: int
    ) -> list[tuple[str, float]]:
        """See `VectorIndex`."""
        return self._index(folder, generation).nearest(vector, limit)

    def count(self, _worker: str, folder: Path, generation: str) -> int:
        """See `VectorIndex`."""
        return self._index(folder, generation).count()

    def rows(self, _worker: str, folder: Path, generation: str, ids: Sequence[str] | None) -> Mapping[str, Vectors]:
        """See `VectorIndex`."""
        return self._index(folder, generation).rows(ids)

    def is_as_closed(self, _worker: str, folder: Path, generation: str) -> bool:
        """See `VectorStore`. Nothing is wrong with an index that is open."""
        with self._opening:
            return generation in self._indexes or self._store.is_as_closed(folder, self.name, generation)

    def probe(self, _worker: str, folder: Path, generation: str, probes: Probes) -> ProbeResult:
        """See `VectorStore`."""
        with self._opening:
            if generation in self._indexes:
                return probe(self._indexes[generation], probes)
            return self._store.probe(folder, self.name, generation, probes)

    def delete(self, _worker: str, generation: str) -> None:
        """See `VectorStore`; closes the index, so that its folder can be deleted too."""
        with self._opening:
            self._deleted.add(generation)
            if generation in self._indexes:
                self._indexes.pop(generation).close()
            self._store.delete(self.name, generation)

    def close(self) -> None:
        """Close the indexes and let other processes own the library."""
        with self._writing, self._opening:
            for index in self._indexes.values():
                with suppress(OSError):  # of a library whose folder is gone
                    index.close()
            self._indexes.clear()
            self._lock.close()

    def _tell(self) -> None:
        """Record where the workers answer, and one of those that work for other processes."""
        self._lock.announce(self._url, next(filter(None, self._doors.values()), None))

    def _index(self, folder: Path, generation: str) -> VectorIndex:
        index = self._indexes.get(generation)
        if index is not None:
            return index
        with self._opening:
            if generation in self._deleted:
                raise missing(f"the {self._store.title} index {folder}", self.name)
            if generation not in self._indexes:
                self._indexes[generation] = self._store.open(folder, self.name, generation, create=False)
            return self._indexes[generation]


class IndexOwner:
    """Serves workers of this machine until it is closed; each connection of theirs has a thread."""

    def __init__(self, home: Path, database_url: str, store: VectorStore, url: str = "") -> None:
        """`url` is where the workers answer; other processes that find a library in use are told."""
        self._home, self._store, self._url = home, store, url
        self._catalog = Catalog(home, database_url)
        self._held: dict[str, HeldLibrary] = {}
        self._holding = threading.Lock()
        self._connections: Counter[str] = Counter()
        self._is_closed = False
        key = os.urandom(_KEY_BYTES)
        self._listener = Listener(family="AF_UNIX", backlog=_WAITING_CONNECTIONS, authkey=key)
        self.address = OwnerAddress(str(self._listener.address), key, store.name, store.title)
        threading.Thread(target=self._accept, name="scholiast-owner", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every library. No worker may be left."""
        self._is_closed = True
        self._listener.close()
        with self._holding:
            for held in self._held.values():
                held.close()
            self._held.clear()
        self._catalog.close()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                connection = self._listener.accept()
            except (OSError, EOFError, ProcessError) as error:  # one without the key, or that died at once
                if not self._is_closed:
                    log.warning("a connection to the indexes was refused: %r", error)
                    time.sleep(_PAUSE_SECONDS)
            else:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        worker = ""
        with connection, suppress(OSError, EOFError):
            worker = connection.recv()
            with self._holding:
                self._connections[worker] += 1
            while True:
                connection.send(self._answer(worker, *connection.recv()))
        with self._holding:
            self._connections[worker] -= 1
            left = () if self._connections[worker] else tuple(self._held)
        for name in left:
            self._finish(worker, name, leaving=True)

    def _answer(self, worker: str, library: str, method: str, arguments: tuple[object, ...]) -> tuple[object, object]:
        """What the method returns, or what it raises."""
        try:
            if method in ("end", "leave"):
                return self._finish(worker, library, leaving=method == "leave"), None
            return getattr(self._library(worker, library), method)(worker, *arguments), None
        except ScholiastError as error:
            return None, error
        except Exception:
            log.exception("%s of the indexes of library %s failed", method, library)
            return None, LibraryError(_INTERNAL)

    def _library(self, worker: str, name: str) -> HeldLibrary:
        with self._holding:
            held = self._held.get(name)
            if held is None:
                folder = folder_of(self._home, name)
                lock = Lock(folder, self._catalog.lock(name))
                held = self._held[name] = HeldLibrary(name, folder, self._store, lock, self._url)
            held.use(worker)
            return held

    def _finish(self, worker: str, name: str, *, leaving: bool) -> object:
        """End a worker's turn, or all its use; a library that none uses, or that was removed, is closed."""
        if held := self._held.get(name):
            held.end(worker)  # may take as long as the last that the worker wrote
            with self._holding:
                if leaving:
                    held.leave(worker)
                if not held.is_used and self._held.get(name) is held:
                    self._held.pop(name).close()
        return None
