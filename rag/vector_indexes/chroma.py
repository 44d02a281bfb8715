"""Vector indexes in Chroma: every chunk with its vector in a collection, embedded in a folder or on a server."""

import json
import math
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic, sleep
from typing import Literal
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.client import Client
from chromadb.api.collection_configuration import CreateCollectionConfiguration
from chromadb.api.models.Collection import Collection
from chromadb.api.types import Metadata
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError

from rag.errors import ConfigError, LibraryError, UnavailableError, how_to_rebuild
from rag.types import ProbeResult, Probes, StoredPaper, Vectors
from rag.vector_indexes.probing import damaged, missing, probe, probe_open

_COLLECTION = "papers"
_FILE = "chroma.sqlite3"
# ef_search can't be changed in an open collection; 200 finds >99% of the true neighbours of real text.
_CONFIGURATION: CreateCollectionConfiguration = {"hnsw": {"space": "cosine", "ef_search": 200, "num_threads": 2}}
_ROWS_AT_ONCE = 5000
# An embedded add holds Python's interpreter lock: 5,000 rows for seconds, the longer the larger the graph. While others
# ask, their turn comes between adds of as many rows as take about so long, each with some work more.
_HOLDING_SECONDS = 0.04
_FEWEST_ROWS, _ROWS_AT_FIRST = 20, 200
_TICK_SECONDS = 0.001  # of a coarse clock
_PAUSE_SECONDS = 0.05
_ASKED_LATELY_SECONDS = 60
_PAPERS_AT_ONCE = 500

_TIMEOUT_SECONDS = 300
_PATIENCE = httpx.Timeout(60, connect=5)  # seconds; a server may need many for thousands of rows
_NO_ANSWER = "the vector index can't be reached just now; try again when its server runs"
_DIGITS = 6  # what follows depends on when Chroma moved a vector into its graph, and would order equal texts


class EmbeddedChroma:
    """Indexes in Chroma's files, in the folder of a library. One process may have them open."""

    name, title, is_shared = "chroma", "Chroma", False

    def open(self, folder: Path, library: str, generation: str, *, create: bool) -> "ChromaIndex":
        """See `VectorStore`."""
        return ChromaIndex.embedded(folder, library, create=create)

    def is_as_closed(self, folder: Path, library: str, generation: str) -> bool:
        """Whether the files of the graph are as `close` left them. If not, reading them may crash the process."""
        recorded: object = {}  # a small index has no graph yet, and no record if its process was killed
        with suppress(FileNotFoundError, ValueError):
            recorded = json.loads(_state_file(folder).read_text("utf-8"))
        return not folder.exists() or recorded == _graph_files(folder)

    def probe(self, folder: Path, library: str, generation: str, probes: Probes) -> ProbeResult:
        """In a process of its own, as reading a damaged index may crash it; takes seconds."""
        return probe_in_subprocess(folder, library, probes)

    def delete(self, library: str, generation: str) -> None:
        """Nothing: all is in the folder."""


class ServedChroma:
    """Indexes on a Chroma server, which several processes may use at the same time."""

    name, title, is_shared = "chroma", "Chroma", True

    def __init__(self, url: str) -> None:
        self._url = url

    def open(self, folder: Path, library: str, generation: str, *, create: bool) -> "ChromaIndex":
        """See `VectorStore`. Raises ConfigError for a URL that can't be used."""
        return ChromaIndex.served(self._url, library, generation, create=create)

    def is_as_closed(self, folder: Path, library: str, generation: str) -> bool:
        """Always: it is the server that opens the files."""
        return True

    def probe(self, folder: Path, library: str, generation: str, probes: Probes) -> ProbeResult:
        """See `VectorStore`."""
        return probe_open(self.open(folder, library, generation, create=False), probes)

    def delete(self, library: str, generation: str) -> None:
        """See `VectorStore`."""
        with suppress(LibraryError):  # there may be none
            served = ChromaIndex.served(self._url, library, generation, create=False)
            served.drop()
            served.close()


class ChromaIndex:
    """A Chroma collection with a row per chunk. Every method blocks, and raises LibraryError for a damaged index."""

    def __init__(
        self, client: ClientAPI, collection: Collection, library: str, place: str, folder: Path | None = None
    ) -> None:
        """`library` and `place` name the index in messages; `folder` has its files, unless a server has them."""
        self._client = client
        self._collection = collection
        self.library = library
        self.place = place
        self._folder = folder
        self._last_asked = -math.inf
        self._rows_between_questions = _ROWS_AT_FIRST

    @classmethod
    def embedded(cls, folder: Path, library: str, *, create: bool) -> "ChromaIndex":
        """The collection in `folder`; `create` makes an empty one, replacing what is there."""
        if create:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        elif not (folder / _FILE).is_file():
            raise missing(_named(str(folder)), library)
        place = _named(str(folder))
        with _our_errors(library, place):
            client = chromadb.PersistentClient(folder, settings=Settings(anonymized_telemetry=False))
            return cls(client, _collection(client, _COLLECTION, create), library, place, folder)

    @classmethod
    def served(cls, url: str, library: str, generation: str, *, create: bool) -> "ChromaIndex":
        """The collection on the Chroma server at `url`; `create` makes it. Raises UnavailableError, ConfigError."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"SCHOLIAST_CHROMA_URL is {url!r}; it should look like http://localhost:8000")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        name = f"scholiast-{library}-{generation}"
        place = _named(f"{name} at {url}")
        with _our_errors(library, place):
            client = chromadb.HttpClient(
                parts.hostname, port, parts.scheme == "https", settings=Settings(anonymized_telemetry=False)
            )
            client._server._session.timeout = _PATIENCE  # type: ignore[attr-defined]  # Chroma waits for ever, and has no setting
            return cls(client, _collection(client, name, create), library, place)

    def apply(self, papers: Sequence[StoredPaper], removed: Sequence[str]) -> None:
        """Insert or replace papers, and delete those removed. May be repeated."""
        gone = [*removed, *(stored.paper.id for stored in papers)]
        with _our_errors(self.library, self.place):
            for start in range(0, len(gone), _PAPERS_AT_ONCE):
                # Deleted first: Chroma's upsert keeps old metadata, and its add skips an id that is there.
                self._collection.delete(where={"paper_id": _one_of(gone[start : start + _PAPERS_AT_ONCE])})
            for start in range(0, len(papers), _PAPERS_AT_ONCE):
                self._add(papers[start : start + _PAPERS_AT_ONCE])

    def nearest(self, vector: Vectors, limit: int) -> list[tuple[str, float]]:
        """The `limit` chunks nearest to a vector of shape (dimension,): paper id and cosine, best first."""
        self._last_asked = monotonic()
        with _our_errors(self.library, self.place):
            # Without metadata, which takes several times as long as the search: a chunk's id begins with its paper's.
            found = self._collection.query(
                query_embeddings=vector.reshape(1, -1), n_results=limit, include=["distances"]
            )
        distances = found["distances"] or [[]]
        cosines = [round(1 - distance, _DIGITS) for distance in distances[0]]
        return [(id.rpartition("#")[0], cosine) for id, cosine in zip(found["ids"][0], cosines, strict=True)]

    def count(self) -> int:
        """How many chunks the index holds."""
        with _our_errors(self.library, self.place):
            return self._collection.count()

    def rows(self, ids: Sequence[str] | None = None) -> dict[str, Vectors]:
        """See `VectorIndex`. Vectors are in the graph alone: of a chunk that it has lost this is a LibraryError."""
        with _our_errors(self.library, self.place):
            found = self._collection.get(ids=None if ids is None else [*ids], include=["embeddings"])
        vectors = found["embeddings"]
        return dict(zip(found["ids"], np.asarray([] if vectors is None else vectors, np.float32), strict=True))

    def drop(self) -> None:
        """Delete the collection."""
        with _our_errors(self.library, self.place):
            self._client.delete_collection(self._collection.name)

    def close(self) -> None:
        """Release the files, and record their state, so that later changes to them are noticed."""
        if isinstance(self._client, Client):  # it always is; only its declared type lacks `close`
            self._client.close()
        if self._folder is not None:
            _state_file(self._folder).write_text(json.dumps(_graph_files(self._folder)), "utf-8")

    def _add(self, papers: Sequence[StoredPaper]) -> None:
        ids = [f"{stored.paper.id}#{ordinal}" for stored in papers for ordinal in range(len(stored.chunks))]
        # Without texts and what else no query reads: they cost a third of an ingest, and of the disk.
        about: list[Metadata] = [{"paper_id": stored.paper.id} for stored in papers for _ in stored.chunks]
        vectors = [vector for stored in papers for vector in stored.chunk_vectors]
        start = 0
        while start < len(ids):
            is_asked = self._folder is not None and monotonic() - self._last_asked < _ASKED_LATELY_SECONDS
            part = slice(start, start + (self._rows_between_questions if is_asked else _ROWS_AT_ONCE))
            began = monotonic()
            self._collection.add(ids=ids[part], embeddings=vectors[part], metadatas=about[part])
            start = part.stop
            if is_asked:
                fitting = len(ids[part]) * _HOLDING_SECONDS / max(monotonic() - began, _TICK_SECONDS)
                self._rows_between_questions = max(_FEWEST_ROWS, min(_ROWS_AT_ONCE, int(fitting)))
                sleep(_PAUSE_SECONDS)


def _one_of(ids: Sequence[str]) -> dict[Literal["$in", "$nin"], list[str | int | float | bool]]:
    return {"$in": [*ids]}


def _collection(client: ClientAPI, name: str, create: bool) -> Collection:
    """Without an embedding function: Chroma's own would download a model."""
    if create:
        return client.get_or_create_collection(name, embedding_function=None, configuration=_CONFIGURATION)
    return client.get_collection(name, embedding_function=None)


def probe_in_subprocess(folder: Path, library: str, probes: Probes) -> ProbeResult:
    """The same for an embedded index that may be so damaged that reading it crashes a process; takes seconds."""
    command = [sys.executable, "-m", __name__, str(folder), library]
    request = json.dumps([[id, vector.tolist()] for id, vector in probes])
    try:
        done = subprocess.run(
            command, input=request, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise LibraryError(f"{_named(str(folder))} gives no answer; {how_to_rebuild(library)}") from None
    if done.returncode < 0:
        raise _damaged(library, _named(str(folder)), f"reading it ends in {signal.Signals(-done.returncode).name}")
    if done.returncode > 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise LibraryError(reason[0])
    return ProbeResult(**json.loads(done.stdout))


def _graph_files(folder: Path) -> dict[str, list[int]]:
    """Size and time of each file. A damaged SQLite file beside them is reported by SQLite itself."""
    files = sorted(path for path in folder.glob("*/*") if path.is_file())
    return {f"{path.parent.name}/{path.name}": [path.stat().st_size, path.stat().st_mtime_ns] for path in files}


def _state_file(folder: Path) -> Path:
    return folder / "as_left.json"


@contextmanager
def _our_errors(library: str, place: str) -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        raise missing(place, library) from error
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as error:
        if _is_about_the_connection(error):
            raise UnavailableError(
                f"no answer from {place} ({error}); is its server running?", public=_NO_ANSWER
            ) from error
        raise _damaged(library, place, error) from error
    except AttributeError as error:  # raised by Chroma when what it failed to open is opened again
        raise _damaged(library, place, "it can't be opened") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how a panic of Chroma's Rust core arrives: not an Exception
            raise
        raise _damaged(library, place, error) from error


def _is_about_the_connection(error: BaseException) -> bool:
    """Chroma's client turns some of httpx's errors into a ValueError."""
    return any(isinstance(cause, httpx.TransportError) for cause in (error, error.__cause__, error.__context__))


def _damaged(library: str, place: str, error: object) -> LibraryError:
    if "unable to open database" in str(error):
        return UnavailableError(
            f"{place} is there but can't be opened; raise the limit on open files (`ulimit -n`) or "
            "make its folder writable, and try again; nothing is damaged"
        )
    return damaged(place, library, error)


def _named(place: str) -> str:
    return f"the Chroma index {place}"


def _main() -> None:
    """`python -m rag.vector_indexes.chroma FOLDER LIBRARY`: probes on standard input, the result on standard output."""
    probes = [(id, np.asarray(vector, np.float32)) for id, vector in json.load(sys.stdin)]
    try:
        index = ChromaIndex.embedded(Path(sys.argv[1]), sys.argv[2], create=False)
        print(json.dumps(asdict(probe(index, probes))))
        index.close()
    except LibraryError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    _main()
