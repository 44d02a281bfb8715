"""The chunks of a library as vectors of 8-bit numbers in memory: which papers of a choice lie nearest to a question."""

import logging
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from rag import threads
from rag.errors import LibraryError
from rag.library.catalog import Catalog
from rag.library.followed import Followed
from rag.library.schema import LibraryRow, vectors_from_bytes
from rag.types import Vectors

log = logging.getLogger("scholiast")

_READ_WHILE_WAITING = 10_000
"""Papers, which take half a second; a question that would wait for more is answered without."""

_SECONDS_BEFORE = 1.0
"""After which reading ahead begins: the question that set it off goes first."""

_LARGEST = 127
_ROWS_AT_ONCE = 1_024  # as float32 they stay in the processor's cache
_ROUNDING = 1e-5  # how far a cosine in float32 may be off by itself


class QuantisedVectors(Followed):
    """Every vector as 8-bit numbers with a scale of its own, and how far that is from the vector itself.

    By the inequality of Cauchy and Schwarz the product with a unit vector is off by no more than that distance, so
    that no paper is missed which a comparison of the vectors themselves would find. About 400 bytes a chunk with
    vectors of 384 numbers. Thread-safe.
    """

    def __init__(self, catalog: Catalog, library: str) -> None:
        """Reads nothing until something is asked."""
        self._generation = ""
        self._is_reading = False
        super().__init__(catalog, library)

    def is_ready(self, state: LibraryRow, papers: int) -> bool:
        """Whether little has to be read of a library with so many papers; else begins to read, ahead of a question."""
        known = len(self._position) if state.generation == self._generation else 0
        if papers - known <= _READ_WHILE_WAITING:
            return True
        if not self._is_reading:
            self._is_reading = True
            threads.ahead(lambda: self._read_ahead(state))
        return False

    def nearest(self, vector: Vectors, ids: Collection[str], limit: int, state: LibraryRow) -> list[str]:
        """All of these papers that may be among the `limit` nearest to a unit vector of shape (dimension,).

        `state` is the library's. Blocks. Raises LibraryError.
        """
        with self._lock:
            self._follow_all(state)
            # What these hold of a row never changes, so others may follow while it is looked at.
            known, paper_of, numbers, scale, off = self._ids, self._paper_of, self._numbers, self._scale, self._off
            rows = np.flatnonzero(self._chosen(ids)[paper_of[: self._rows]])
        if not len(rows):
            return []
        scores = _products(numbers, rows, vector) * scale[rows]
        off = off[rows] + _ROUNDING
        papers = paper_of[rows]
        starts = np.flatnonzero(np.diff(papers, prepend=-1))  # the chunks of a paper follow each other
        at_least = np.maximum.reduceat(scores - off, starts)
        at_most = np.maximum.reduceat(scores + off, starts)
        needed = np.partition(at_least, -limit)[-limit] if limit < len(starts) else -np.inf
        return [known[at] for at in papers[starts[at_most >= needed]].tolist()]

    def _read_ahead(self, state: LibraryRow) -> None:
        self._closed.wait(_SECONDS_BEFORE)
        try:
            with self._lock:
                self._follow_all(state)
        except LibraryError as error:
            log.warning("questions with filters take longer: %s", error)
        finally:
            self._is_reading = False

    def _follow_all(self, state: LibraryRow) -> None:
        if state.generation != self._generation:
            self._empty()
            self._generation = state.generation
        self._dimension = state.dimension
        self._follow(state.revision)

    def _empty(self) -> None:
        super()._empty()
        self._rows = 0
        self._numbers: NDArray[np.int8] = np.zeros((0, 0), np.int8)
        self._scale: NDArray[np.float32] = np.zeros(0, np.float32)
        self._off: NDArray[np.float32] = np.zeros(0, np.float32)
        self._paper_of: NDArray[np.int32] = np.zeros(0, np.int32)

    def _changed(self, after: int, upto: int) -> tuple[Sequence[Row[Any]], Sequence[str]]:
        return self._catalog.changed_columns(self._library, ("chunk_count", "chunk_vectors"), after=after, upto=upto)

    def _append(self, changed: Sequence[Row[Any]]) -> None:
        counts = [row.chunk_count for row in changed]
        if not any(counts):
            return
        vectors = np.concatenate([
            vectors_from_bytes(row.chunk_vectors, row.chunk_count, row.id, self._library, self._dimension)
            for row in changed
            if row.chunk_count
        ])  # fmt: skip
        owners = np.repeat(np.arange(len(self._ids) - len(changed), len(self._ids), dtype=np.int32), counts)
        scale = np.maximum(np.abs(vectors).max(axis=1), np.finfo(np.float32).tiny) / _LARGEST
        vectors /= scale[:, None]
        numbers = np.rint(vectors)
        vectors -= numbers  # by how much each number is off, as a multiple of the scale
        start, self._rows = self._rows, self._rows + len(owners)
        self._make_room()
        added = slice(start, self._rows)
        self._numbers[added], self._scale[added], self._paper_of[added] = numbers, scale, owners
        self._off[added] = scale * np.sqrt(np.einsum("ij,ij->i", vectors, vectors))

    def _make_room(self) -> None:
        """Half as much again, so that adding papers one by one does not copy all each time."""
        if self._rows > len(self._paper_of):
            room = max(self._rows, len(self._paper_of) * 3 // 2)
            self._numbers = _grown(self._numbers.reshape(-1, self._dimension), room)
            self._scale, self._off = _grown(self._scale, room), _grown(self._off, room)
            self._paper_of = _grown(self._paper_of, room)


def _products(numbers: NDArray[np.int8], rows: NDArray[np.intp], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = (rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE))
    return np.concatenate([numbers[part].astype(np.float32) @ vector for part in parts])


def _grown(array: NDArray[Any], length: int) -> NDArray[Any]:
    return np.concatenate([array, np.zeros((length - len(array), *array.shape[1:]), array.dtype)])
