"""The dense index: every chunk with its vector in one Chroma collection, and a check that it still finds them."""

import json
import math
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
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

from rag.errors import ConfigError, LibraryError, UnavailableError, how_to_make_room, how_to_rebuild
from rag.types import StoredPaper, Vectors

_COLLECTION = "papers"
_FILE = "chroma.sqlite3"
# ef_search can't be changed in an open collection; 200 finds >99% of the true neighbours of real text.
_CONFIGURATION: CreateCollectionConfiguration = {"hnsw": {"space": "cosine", "ef_search": 200, "num_threads": 2}}
_ROWS_AT_ONCE = 5000
# An add holds Python's interpreter lock: 5,000 rows for seconds, 200 for a third of one, at a third more work. While
# others ask, their turn comes between small ones.
_ROWS_BETWEEN_QUESTIONS = 200
_PAUSE_SECONDS = 0.05
_ASKED_LATELY_SECONDS = 60
_PAPERS_AT_ONCE = 500

PROBE_COUNT = 40
"""How many papers a check looks for."""

_NEIGHBOURS = 3
_SAME_COSINE = 0.999
_FOUND_SHARE = 0.9  # an approximate index may miss a few; one written by two processes was seen to miss a quarter
_TIMEOUT_SECONDS = 300
_PATIENCE = httpx.Timeout(60, connect=5)  # seconds; a server may need many for thousands of rows
_NO_ANSWER = "the vector index can't be reached just now; try again when its server runs"
_DIGITS = 6  # what follows depends on when Chroma moved a vector into its graph, and would order equal texts

Probes = Sequence[tuple[str, Vectors]]
"""Paper ids, each with the vector of one of its chunks."""


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """How many chunks there are, and how many of the papers tried were found by a vector of theirs."""

    chunks: int
    tried: int
    found: int


class VectorIndex:
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

    @classmethod
    def embedded(cls, folder: Path, library: str, *, create: bool) -> "VectorIndex":
        """The collection in `folder`; `create` makes an empty one, replacing what is there."""
        if create:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        elif not (folder / _FILE).is_file():
            raise _missing(library, str(folder))
        with _our_errors(library, str(folder)):
            client = chromadb.PersistentClient(folder, settings=Settings(anonymized_telemetry=False))
            return cls(client, _collection(client, _COLLECTION, create), library, str(folder), folder)

    @classmethod
    def served(cls, url: str, library: str, generation: str, *, create: bool) -> "VectorIndex":
        """The collection on the Chroma server at `url`; `create` makes it. Raises UnavailableError, ConfigError."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"SCHOLIAST_CHROMA_URL is {url!r}; it should look like http://localhost:8000")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        name = f"scholiast-{library}-{generation}"
        with _our_errors(library, f"{name} at {url}"):
            client = chromadb.HttpClient(
                parts.hostname, port, parts.scheme == "https", settings=Settings(anonymized_telemetry=False)
            )
            client._server._session.timeout = _PATIENCE  # type: ignore[attr-defined]  # Chroma waits for ever, and has no setting
            return cls(client, _collection(client, name, create), library, f"{name} at {url}")

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

    def rows(self) -> dict[str, Vectors]:
        """Every chunk id with its vector, for tests."""
        with _our_errors(self.library, self.place):
            found = self._collection.get(include=["embeddings"])
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
            is_asked = monotonic() - self._last_asked < _ASKED_LATELY_SECONDS
            part = slice(start, start + (_ROWS_BETWEEN_QUESTIONS if is_asked else _ROWS_AT_ONCE))
            self._collection.add(ids=ids[part], embeddings=vectors[part], metadatas=about[part])
            start = part.stop
            if is_asked:
                sleep(_PAUSE_SECONDS)


def _one_of(ids: Sequence[str]) -> dict[Literal["$in", "$nin"], list[str | int | float | bool]]:
    return {"$in": [*ids]}


def _collection(client: ClientAPI, name: str, create: bool) -> Collection:
    """Without an embedding function: Chroma's own would download a model."""
    if create:
        return client.get_or_create_collection(name, embedding_function=None, configuration=_CONFIGURATION)
    return client.get_collection(name, embedding_function=None)


def is_as_closed(folder: Path) -> bool:
    """Whether the files of the vector graph are as `close` left them. If not, reading them may crash the process."""
    recorded: object = {}  # a small index has no graph yet, and no record if its process was killed
    with suppress(FileNotFoundError, ValueError):
        recorded = json.loads(_state_file(folder).read_text("utf-8"))
    return recorded == _graph_files(folder)


def probe(index: VectorIndex, probes: Probes) -> ProbeResult:
    """Look for papers by a vector of theirs. Raises LibraryError when the index is damaged."""
    found = sum(
        any(hit == id and cosine > _SAME_COSINE for hit, cosine in index.nearest(vector, _NEIGHBOURS))
        for id, vector in probes
    )
    if found < _FOUND_SHARE * len(probes):
        raise _damaged(index.library, index.place, f"{found} of {len(probes)} papers are found by their own vector")
    return ProbeResult(chunks=index.count(), tried=len(probes), found=found)


def probe_in_subprocess(folder: Path, library: str, probes: Probes) -> ProbeResult:
    """The same for an embedded index that may be so damaged that reading it crashes a process; takes seconds."""
    command = [sys.executable, "-m", __name__, str(folder), library]
    request = json.dumps([[id, vector.tolist()] for id, vector in probes])
    try:
        done = subprocess.run(
            command, input=request, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise LibraryError(f"the Chroma index {folder} gives no answer; {how_to_rebuild(library)}") from None
    if done.returncode < 0:
        raise _damaged(library, str(folder), f"reading it ends in {signal.Signals(-done.returncode).name}")
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
        raise _missing(library, place) from error
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as error:
        if _is_about_the_connection(error):
            raise UnavailableError(
                f"no answer from the Chroma index {place} ({error}); is its server running?", public=_NO_ANSWER
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
    reason = " ".join(str(error).split())[:200]
    if room := how_to_make_room(reason):
        return UnavailableError(f"the Chroma index {place} can't be used ({reason}); {room}", public=room)
    if "unable to open database" in str(error):
        return UnavailableError(
            f"the Chroma index {place} is there but can't be opened; raise the limit on open files (`ulimit -n`) or "
            "make its folder writable, and try again; nothing is damaged"
        )
    return LibraryError(f"the Chroma index {place} is damaged ({reason}); {how_to_rebuild(library)}")


def _missing(library: str, place: str) -> LibraryError:
    return LibraryError(f"the Chroma index {place} is missing; {how_to_rebuild(library)}")


def _main() -> None:
    """`python -m rag.library.vector_index FOLDER LIBRARY`: probes on standard input, the result on standard output."""
    probes = [(id, np.asarray(vector, np.float32)) for id, vector in json.load(sys.stdin)]
    try:
        index = VectorIndex.embedded(Path(sys.argv[1]), sys.argv[2], create=False)
        print(json.dumps(asdict(probe(index, probes))))
        index.close()
    except LibraryError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    _main()
