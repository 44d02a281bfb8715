"""How a worker uses a library of which another process of ours has the lock and the vector index open.

`index_owner` is the other end. An embedded index can be open in one process only; through it several search and write.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from rag.errors import LibraryError, OwnerDoor, UnavailableError
from rag.types import ProbeResult, Probes, StoredPaper, Vectors

_NO_ANSWER = "the process that has the vector indexes open does not answer; try again in a moment"


@dataclass(frozen=True)
class OwnerAddress:
    """Where a process has indexes open: a socket, the key of its workers, and which engine the indexes are of."""

    address: str
    key: bytes
    name: str
    title: str


class OwnedStore:
    """The `VectorStore` of a worker: every call is made in the process that has the indexes open.

    Threads may call at the same time; each call has a connection for itself, which is used again afterwards.
    """

    is_shared = True

    def __init__(self, owner: OwnerAddress, worker: str) -> None:
        """`worker` is a name that no other process of the owner has."""
        self.name, self.title = owner.name, owner.title
        self._owner, self._worker = owner, worker
        self._idle: list[Connection] = []

    def call(self, library: str, method: str, *arguments: object) -> Any:
        """What a method of `index_owner.HeldLibrary` returns. Raises what it raises, and UnavailableError."""
        try:
            connection = self._idle.pop() if self._idle else self._connect()
            connection.send((library, method, arguments))
            result, error = connection.recv()
        except (OSError, EOFError) as reason:
            raise UnavailableError(f"{_NO_ANSWER} ({reason!r})", public=_NO_ANSWER) from reason
        self._idle.append(connection)
        if error is not None:
            raise error
        return result

    def open(self, folder: Path, library: str, generation: str, *, create: bool) -> "OwnedIndex":
        """See `VectorStore`."""
        return OwnedIndex(self, library, folder, generation, self.call(library, "open", folder, generation, create))

    def is_as_closed(self, folder: Path, library: str, generation: str) -> bool:
        """See `VectorStore`."""
        return bool(self.call(library, "is_as_closed", folder, generation))

    def probe(self, folder: Path, library: str, generation: str, probes: Probes) -> ProbeResult:
        """See `VectorStore`."""
        found: ProbeResult = self.call(library, "probe", folder, generation, probes)
        return found

    def delete(self, library: str, generation: str) -> None:
        """See `VectorStore`."""
        self.call(library, "delete", generation)

    def lock(self, library: str) -> "Turn":
        """The right to write to a library, among the workers."""
        return Turn(self, library)

    def _connect(self) -> Connection:
        connection = Client(self._owner.address, authkey=self._owner.key)
        connection.send(self._worker)
        return connection


class OwnedIndex:
    """The `VectorIndex` of a worker."""

    def __init__(self, store: OwnedStore, library: str, folder: Path, generation: str, place: str) -> None:
        self.library, self.place = library, place
        self._store, self._index = store, (folder, generation)

    def apply(self, papers: Sequence[StoredPaper], removed: Sequence[str]) -> None:
        """See `VectorIndex`. The worker has to have its turn."""
        self._store.call(self.library, "apply", *self._index, papers, removed)

    def nearest(self, vector: Vectors, limit: int) -> list[tuple[str, float]]:
        """See `VectorIndex`."""
        found: list[tuple[str, float]] = self._store.call(self.library, "nearest", *self._index, vector, limit)
        return found

    def count(self) -> int:
        """See `VectorIndex`."""
        return int(self._store.call(self.library, "count", *self._index))

    def rows(self, ids: Sequence[str] | None = None) -> dict[str, Vectors]:
        """See `VectorIndex`."""
        found: dict[str, Vectors] = self._store.call(self.library, "rows", *self._index, ids)
        return found

    def close(self) -> None:
        """Nothing: the index stays open as long as a worker uses the library."""


class Turn:
    """The `LibraryLock` of a worker: while workers use the library, the owner has it, and they write in turn."""

    def __init__(self, store: OwnedStore, library: str) -> None:
        self._store, self._library = store, library
        self._having = threading.Lock()
        self._has_it = False

    def acquire(self, library: str) -> None:
        """Begin to write. Raises BusyError while another worker, or another thread of this one, does."""
        self._store.call(library, "begin")
        self._has_it = True

    acquire_here = acquire

    def confirm(self, library: str) -> None:
        """Nothing: it was made sure of as the turn began."""

    def announce(self, url: str, door: OwnerDoor | None = None) -> None:
        """See `LibraryLock`. One of the workers is told of to other processes."""
        with suppress(LibraryError):  # another process has the library, and tells where it works itself
            self._store.call(self._library, "announce", door)

    def release(self) -> None:
        """Let other workers write."""
        with self._having:
            if self._has_it:
                self._has_it = False
                self._store.call(self._library, "end")

    def close(self) -> None:
        """Let the owner close the library, unless other workers use it."""
        with suppress(UnavailableError):  # an owner that is gone has closed everything
            self.release()
            self._store.call(self._library, "leave")
