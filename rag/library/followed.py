"""What a process keeps in memory of every paper of a library, brought up to date from what changed."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from threading import Event, Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from rag.library.catalog import Catalog

Chosen = NDArray[np.bool_]
"""Whether the paper at each position is meant."""

_PAPERS_AT_ONCE = 5_000


class Followed(ABC):
    """Papers by position, as of one revision.

    A paper that changes gets another position, so that what is known of a position never changes. What reads or changes
    it holds `_lock`.
    """

    def __init__(self, catalog: Catalog, library: str) -> None:
        """Reads nothing until something is asked."""
        self._catalog = catalog
        self._library = library
        self._lock = Lock()
        self._closed = Event()
        self._empty()

    def close(self) -> None:
        """Stop reading, in a moment."""
        self._closed.set()

    def _empty(self) -> None:
        self._revision = 0
        self._ids: list[str] = []
        self._position: dict[str, int] = {}
        self._is_there = bytearray()

    def _follow(self, revision: int) -> None:
        """Read what changed until this revision, the library's, or until closed. Blocks. Raises LibraryError."""
        most_are_gone = len(self._ids) > 2 * len(self._position)
        if revision < self._revision or most_are_gone:
            self._empty()
        if self._revision == 0 < revision:
            self._start(revision)
        while self._revision < revision and not self._closed.is_set():
            upto = self._catalog.revision_after(self._library, self._revision, _PAPERS_AT_ONCE) or revision
            self._read(min(upto, revision))

    def _read(self, upto: int) -> None:
        self._take(*self._changed(self._revision, upto))
        self._revision = upto

    def _take(self, changed: Sequence[Row[Any]], removed: Sequence[str]) -> None:
        for id in (*removed, *(row.id for row in changed)):
            if (at := self._position.pop(id, None)) is not None:
                self._is_there[at] = False
        first = len(self._ids)
        self._ids += [row.id for row in changed]
        self._position |= {row.id: first + at for at, row in enumerate(changed)}
        self._is_there.extend(True for _ in changed)
        self._append(changed)

    def _start(self, revision: int) -> None:  # noqa: B027  # there need not be a shorter way
        """Read all papers at once, as of this revision or a later one, where that is faster than change by change."""

    def _chosen(self, ids: Iterable[str]) -> Chosen:
        chosen: Chosen = np.zeros(len(self._ids), np.bool_)
        chosen[[at for id in ids if (at := self._position.get(id)) is not None]] = True
        return chosen

    @abstractmethod
    def _changed(self, after: int, upto: int) -> tuple[Sequence[Row[Any]], Sequence[str]]:
        """Rows with an `id` of the papers that changed after one revision, up to another, and the ids of those gone."""

    @abstractmethod
    def _append(self, changed: Sequence[Row[Any]]) -> None:
        """Keep what is wanted of these papers, which have the last positions."""
