"""The dense index: every chunk with its vector in one Chroma collection, which follows the catalog."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
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

from rag.errors import BackendError, ConfigError, LibraryError
from rag.library import advice
from rag.library.stored import StoredPaper, Vectors

_COLLECTION = "papers"
_FILE = "chroma.sqlite3"
# ef_search can't be changed later without reopening; 200 finds >99% of the true neighbours of real text.
_CONFIGURATION: CreateCollectionConfiguration = {"hnsw": {"space": "cosine", "ef_search": 200, "num_threads": 2}}
_ROWS_AT_ONCE = 5000
_PAPERS_AT_ONCE = 500


class Chroma:
    """One collection: a row per chunk. Every method blocks, and raises LibraryError when the index is damaged."""

    def __init__(
        self, client: ClientAPI, collection: Collection, library: str, place: str, folder: Path | None = None
    ) -> None:
        """`library` and `place` say in messages which index it is; `folder` has its files, if they are ours."""
        self._client = client
        self._collection = collection
        self.library = library
        self.place = place
        self._folder = folder

    @classmethod
    def embedded(cls, folder: Path, library: str, *, create: bool) -> "Chroma":
        """The collection in `folder`; `create` makes an empty one in place of whatever is there."""
        if create:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        elif not (folder / _FILE).is_file():
            raise _missing(library, str(folder))
        with _our_errors(library, str(folder)):
            client = chromadb.PersistentClient(folder, settings=Settings(anonymized_telemetry=False))
            return cls(client, _collection(client, _COLLECTION, create), library, str(folder), folder)

    @classmethod
    def served(cls, url: str, library: str, generation: str, *, create: bool) -> "Chroma":
        """The collection on the Chroma server at `url`; `create` makes it. Raises BackendError, ConfigError."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"SCHOLIAST_CHROMA_URL is {url!r}; it should look like http://localhost:8000")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        name = f"scholiast-{library}-{generation}"
        with _our_errors(library, f"{name} at {url}"):
            client = chromadb.HttpClient(
                parts.hostname, port, parts.scheme == "https", settings=Settings(anonymized_telemetry=False)
            )
            return cls(client, _collection(client, name, create), library, f"{name} at {url}")

    def apply(self, papers: Sequence[StoredPaper], removed: Sequence[str]) -> None:
        """Put papers in the place of what the index has of them, and forget those removed. May be repeated."""
        gone = [*removed, *(stored.paper.id for stored in papers)]
        with _our_errors(self.library, self.place):
            for start in range(0, len(gone), _PAPERS_AT_ONCE):
                # Deleted first: Chroma's upsert keeps old metadata, and its add passes over an id that is there.
                self._collection.delete(where={"paper_id": _one_of(gone[start : start + _PAPERS_AT_ONCE])})
            for start in range(0, len(papers), _PAPERS_AT_ONCE):
                self._add(papers[start : start + _PAPERS_AT_ONCE])

    def nearest(self, vector: Vectors, limit: int) -> list[tuple[str, float]]:
        """The `limit` chunks nearest to a vector of shape (dimension,): paper id and cosine, best first."""
        with _our_errors(self.library, self.place):
            # Without metadata, which takes several times as long as the search: the id begins with the paper's.
            found = self._collection.query(
                query_embeddings=vector.reshape(1, -1), n_results=limit, include=["distances"]
            )
        distances = found["distances"] or [[]]
        return [
            (id.rpartition("#")[0], 1 - distance) for id, distance in zip(found["ids"][0], distances[0], strict=True)
        ]

    def count(self) -> int:
        """How many chunks the index holds."""
        with _our_errors(self.library, self.place):
            return self._collection.count()

    def rows(self) -> dict[str, Vectors]:
        """Every chunk id with its vector: for checks, not for queries."""
        with _our_errors(self.library, self.place):
            found = self._collection.get(include=["embeddings"])
        vectors = found["embeddings"]
        return dict(zip(found["ids"], np.asarray([] if vectors is None else vectors, np.float32), strict=True))

    def drop(self) -> None:
        """Delete the collection."""
        with _our_errors(self.library, self.place):
            self._client.delete_collection(self._collection.name)

    def close(self) -> None:
        """Release the files, and note in what state we leave them."""
        if isinstance(self._client, Client):  # it always is; only its declared type lacks `close`
            self._client.close()
        if self._folder is not None:
            _note(self._folder).write_text(json.dumps(_graph_files(self._folder)), "utf-8")

    def _add(self, papers: Sequence[StoredPaper]) -> None:
        ids = [f"{stored.paper.id}#{ordinal}" for stored in papers for ordinal in range(len(stored.chunks))]
        texts = [stored.text(span) for stored in papers for span in stored.chunks]
        about = [_about(stored, ordinal) for stored in papers for ordinal in range(len(stored.chunks))]
        vectors = [vector for stored in papers for vector in stored.chunk_vectors]
        for start in range(0, len(ids), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            self._collection.add(ids=ids[part], embeddings=vectors[part], documents=texts[part], metadatas=about[part])


def _one_of(ids: Sequence[str]) -> dict[Literal["$in", "$nin"], list[str | int | float | bool]]:
    return {"$in": [*ids]}


def _about(stored: StoredPaper, ordinal: int) -> Metadata:
    span = stored.chunks[ordinal]
    year = {} if stored.paper.year is None else {"year": stored.paper.year}
    return {"paper_id": stored.paper.id, "title": stored.paper.title, "start": span.start, "end": span.end, **year}


def _collection(client: ClientAPI, name: str, create: bool) -> Collection:
    """Without an embedding function: Chroma's own would fetch a model from the network."""
    if create:
        return client.get_or_create_collection(name, embedding_function=None, configuration=_CONFIGURATION)
    return client.get_collection(name, embedding_function=None)


def as_left(folder: Path) -> bool:
    """Whether the files of the vector graph are as `close` left them. If not, reading them may crash the process."""
    left: object = {}  # a young index has none, and no note if its process was killed
    with suppress(FileNotFoundError, ValueError):
        left = json.loads(_note(folder).read_text("utf-8"))
    return left == _graph_files(folder)


def _graph_files(folder: Path) -> dict[str, list[int]]:
    """Size and time of each. A damaged SQLite file beside them is reported by SQLite itself."""
    files = sorted(path for path in folder.glob("*/*") if path.is_file())
    return {f"{path.parent.name}/{path.name}": [path.stat().st_size, path.stat().st_mtime_ns] for path in files}


def _note(folder: Path) -> Path:
    return folder / "as_left.json"


@contextmanager
def _our_errors(library: str, place: str) -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        raise _missing(library, place) from error
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as error:
        if _is_about_the_connection(error):
            message = f"no answer from the Chroma index {place} ({error}); is its server running?"
            raise BackendError(message, retryable=True) from error
        raise damaged(library, place, error) from error
    except AttributeError as error:  # Chroma's, on the second try to open what it failed to open in this process
        raise damaged(library, place, "it can't be opened") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how a panic of Chroma's Rust core arrives: not an Exception
            raise
        raise damaged(library, place, error) from error


def _is_about_the_connection(error: BaseException) -> bool:
    """Chroma's client turns some of httpx's errors into a ValueError."""
    return any(isinstance(cause, httpx.TransportError) for cause in (error, error.__cause__, error.__context__))


def damaged(library: str, place: str, error: object) -> LibraryError:
    """What to say of an index that can't be used."""
    reason = " ".join(str(error).split())[:200]
    return LibraryError(f"the Chroma index {place} is damaged ({reason}); {advice.rebuild(library)}")


def _missing(library: str, place: str) -> LibraryError:
    return LibraryError(f"the Chroma index {place} is missing; {advice.rebuild(library)}")
