"""Vector indexes in LanceDB: chunks with their vectors in a table on disk, or in an object store (extra `lancedb`)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.db import LanceDBConnection
from lancedb.index import BTree, IvfSq
from lancedb.query import LanceVectorQueryBuilder
from lancedb.table import Table

from rag.errors import ConfigError, LibraryError
from rag.types import ProbeResult, Probes, StoredPaper, Vectors
from rag.vector_indexes.probing import damaged, missing, probe_open

_TABLE = "chunks"
_VECTOR = "vector"
_UNINDEXED_AT_MOST = 20_000
"""Rows that are not in the index yet, which a search compares one by one: exact, and fast up to here."""

_FRAGMENTS_AT_MOST = 50
_IDS_AT_ONCE = 500
_PROBES = 20  # partitions that are searched, each of about 8,000 rows: all of them in a small index
_REFINE = 2  # the index has numbers of 8 bits; so many times the rows asked for are compared with the stored vectors
_KEPT = timedelta(minutes=10)  # how long another process may read a state that has been replaced
_DIGITS = 6
_NOT_FOUND = "was not found"


class LanceStore:
    """Indexes of LanceDB: in the folder of a library, or at a place that several processes may share."""

    name, title = "lancedb", "LanceDB"

    def __init__(self, place: str = "") -> None:
        """`place` is a folder or the URL of an object store; empty for the folders of the libraries.

        Raises ConfigError for another place.
        """
        if place.startswith("db:"):
            raise ConfigError("SCHOLIAST_VECTOR_INDEX names LanceDB's cloud; set it to a folder or an object store")
        self._place = place
        self.is_shared = bool(place)

    def open(self, folder: Path, library: str, generation: str, *, create: bool) -> "LanceIndex":
        """See `VectorStore`."""
        place, table = (self._place, _name(library, generation)) if self._place else (str(folder), _TABLE)
        return LanceIndex.open(place, table, library, create=create)

    def is_as_closed(self, folder: Path, library: str, generation: str) -> bool:
        """Always: each change of a table is one commit, and nothing is read that none has finished."""
        return True

    def probe(self, folder: Path, library: str, generation: str, probes: Probes) -> ProbeResult:
        """See `VectorStore`."""
        return probe_open(self.open(folder, library, generation, create=False), probes)

    def delete(self, library: str, generation: str) -> None:
        """See `VectorStore`."""
        if self._place:
            with _our_errors(library, self._place):
                _connect(self._place).drop_table(_name(library, generation), ignore_missing=True)


class LanceIndex:
    """A table with a row per chunk. Every method blocks, and raises LibraryError for a damaged index.

    Rows that are not in the index of the table yet are compared one by one, so what was added is found at once.
    """

    def __init__(self, table: Table, library: str, place: str) -> None:
        """`library` and `place` name the index in messages."""
        self._table = table
        self.library = library
        self.place = place

    @classmethod
    def open(cls, database: str, name: str, library: str, *, create: bool) -> "LanceIndex":
        """A table of the database at a folder or URL; `create` makes an empty one, replacing what is there."""
        place = f"the LanceDB index {name} in {database}"
        with _our_errors(library, place):
            connection = _connect(database)
            if create:
                connection.drop_table(name, ignore_missing=True)
                return cls(connection.create_table(name, schema=_schema()), library, place)
            try:
                return cls(connection.open_table(name), library, place)
            except ValueError as error:
                if str(error).endswith(_NOT_FOUND):
                    raise missing(place, library) from error
                raise

    def apply(self, papers: Sequence[StoredPaper], removed: Sequence[str]) -> None:
        """Insert or replace papers, and delete those removed. May be repeated."""
        gone = [*removed, *(stored.paper.id for stored in papers)]
        with _our_errors(self.library, self.place):
            if self._table.count_rows():
                for start in range(0, len(gone), _IDS_AT_ONCE):
                    self._table.delete(_of(gone[start : start + _IDS_AT_ONCE]))
            filled = [stored for stored in papers if stored.chunks]
            if filled:
                self._add(filled)
                self._tidy()

    def nearest(self, vector: Vectors, limit: int) -> list[tuple[str, float]]:
        """The `limit` chunks nearest to a vector of shape (dimension,): paper id and cosine, best first."""
        with _our_errors(self.library, self.place):
            if not self._dimension():
                return []
            query = self._table.search(vector.astype(np.float16), vector_column_name=_VECTOR)
            assert isinstance(query, LanceVectorQueryBuilder)  # what a search for a vector gives
            query = query.distance_type("cosine").nprobes(_PROBES).refine_factor(_REFINE)
            found = query.select(["paper_id", "_distance"]).limit(limit).to_arrow()
        cosines = (round(1 - distance, _DIGITS) for distance in found["_distance"].to_pylist())
        return list(zip(found["paper_id"].to_pylist(), cosines, strict=True))

    def count(self) -> int:
        """How many chunks the index holds."""
        with _our_errors(self.library, self.place):
            return self._table.count_rows()

    def rows(self, ids: Sequence[str] | None = None) -> dict[str, Vectors]:
        """See `VectorIndex`."""
        with _our_errors(self.library, self.place):
            if not self._dimension():
                return {}
            wanted = None if ids is None else [id.rpartition("#")[0] for id in ids]
            found = self._table.to_arrow() if wanted is None else self._table.search().where(_of(wanted)).to_arrow()
        names = [f"{id}#{n}" for id, n in zip(found["paper_id"].to_pylist(), found["number"].to_pylist(), strict=True)]
        rows = dict(zip(names, np.array(found[_VECTOR].to_pylist(), np.float32), strict=True))
        return rows if ids is None else {id: rows[id] for id in ids if id in rows}

    def close(self) -> None:
        """Release what is open; nothing of it is written later than `apply` returns."""

    def _add(self, papers: Sequence[StoredPaper]) -> None:
        vectors = np.concatenate([stored.chunk_vectors for stored in papers]).astype(np.float16)
        kind = pa.list_(pa.float16(), vectors.shape[1])
        if not self._dimension():
            self._table.add_columns(pa.field(_VECTOR, kind))
        columns = {
            "paper_id": [stored.paper.id for stored in papers for _ in stored.chunks],
            "number": [number for stored in papers for number in range(len(stored.chunks))],
            _VECTOR: pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), type=kind),
        }
        self._table.add(pa.table(columns, schema=_schema().append(pa.field(_VECTOR, kind))))

    def _tidy(self) -> None:
        """Keep searches fast: few files, and few rows outside of the index of the table. May be killed."""
        built = {index.name for index in self._table.list_indices()}
        if f"{_VECTOR}_idx" not in built:
            if self._table.count_rows() > _UNINDEXED_AT_MOST:
                self._table.create_index(_VECTOR, config=IvfSq(distance_type="cosine"))
                self._table.create_index("paper_id", config=BTree())
            return
        statistics = self._table.index_stats(f"{_VECTOR}_idx")
        unindexed = statistics.num_unindexed_rows if statistics else 0
        table: Any = self._table.stats()  # a dict, though it is declared as an object
        if unindexed > _UNINDEXED_AT_MOST or table["fragment_stats"]["num_fragments"] > _FRAGMENTS_AT_MOST:
            self._table.optimize(cleanup_older_than=_KEPT)

    def _dimension(self) -> int:
        """How many numbers a vector has; 0 as long as there is none."""
        schema = self._table.schema
        return schema.field(_VECTOR).type.list_size if _VECTOR in schema.names else 0


def _connect(place: str) -> LanceDBConnection:
    """Each read of a connection looks for what other processes have committed."""
    connection = lancedb.connect(place, read_consistency_interval=timedelta(0))
    assert isinstance(connection, LanceDBConnection)  # another one is for db://, which is refused
    return connection


def _schema() -> pa.Schema:
    """Of an empty table; how long vectors are is known with the first of them."""
    return pa.schema([pa.field("paper_id", pa.string()), pa.field("number", pa.int32())])


def _name(library: str, generation: str) -> str:
    return f"scholiast-{library}-{generation}"


def _of(papers: Sequence[str]) -> str:
    """The chunks of these papers, as a condition of SQL."""
    return f"paper_id IN ({', '.join(map(_quoted, papers))})"


def _quoted(id: str) -> str:
    """As a string of SQL."""
    return "'" + id.replace("'", "''") + "'"


@contextmanager
def _our_errors(library: str, place: str) -> Iterator[None]:
    """LanceDB raises what Python has: RuntimeError for most that its Rust core meets."""
    try:
        yield
    except LibraryError:
        raise
    except (RuntimeError, ValueError, OSError, KeyError, pa.ArrowException) as error:
        raise damaged(place, library, error) from error
