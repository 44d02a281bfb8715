"""An ingest over a cluster of Dask gives the library of one without, whichever of its processes is killed."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

distributed = pytest.importorskip("distributed", reason="the extra `bulk` is not installed")

from rag import corpus, embedders, serialize, vector_indexes  # noqa: E402
from rag.database import FILE  # noqa: E402
from rag.embedders import dask_cluster  # noqa: E402
from rag.errors import BackendError, ConfigError, RequestError  # noqa: E402
from rag.library.catalog import Catalog  # noqa: E402
from rag.library.library import Library  # noqa: E402
from rag.library.registry import folder_of  # noqa: E402
from rag.library.sync import Indexes  # noqa: E402
from rag.protocols import BulkEmbedder, Embedder  # noqa: E402
from rag.workspace import DEFAULT_LIBRARY  # noqa: E402
from tests.support import noted_words  # noqa: E402
from tests.support.noted_words import Notes  # noqa: E402
from tests.support.running import wait_until  # noqa: E402
from tests.support.servers import free_port  # noqa: E402
from tests.support.stand_ins import WordsEmbedder, papers  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[3]
PAPERS = 200
PATIENCE = 90.0
"""Seconds: processes start slowly on a busy machine."""

TABLES = ("papers", "sources", "paper_keys", "merged_records", "split_pairs")


class Cluster:
    """A scheduler, and workers of one thread in processes of their own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._environment = environment
        self._log = (folder / "workers.log").open("w")
        self._scheduler = distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0")
        self.address: str = self._scheduler.scheduler_address
        self._workers: list[subprocess.Popen[bytes]] = []

    @property
    def workers(self) -> int:
        """How many the scheduler knows."""
        return len(self._scheduler.scheduler.workers)

    def start(self, count: int) -> None:
        """Return when there are so many workers more."""
        program = [sys.executable, "-m", "distributed.cli.dask_worker", self.address]
        command = [*program, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
        wanted = self.workers + count
        for _ in range(count):
            self._workers.append(
                subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT)
            )
        assert wait_until(lambda: self.workers == wanted, PATIENCE)

    def kill(self, process: int) -> None:
        """Kill a worker of this cluster."""
        [worker] = [worker for worker in self._workers if worker.pid == process]
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert wait_until(lambda: self.workers < len(self._workers), PATIENCE)
        self._workers.remove(worker)

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.kill()
            worker.wait()
        self._scheduler.close()
        self._log.close()


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Notes:
    return Notes(tmp_path_factory.mktemp("notes"))


@pytest.fixture(scope="module")
def _cluster(notes: Notes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    environment = os.environ | {"SCHOLIAST_EMBEDDER": noted_words.NAME, noted_words.FOLDER: str(notes.folder)}
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), environment)
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """With two workers."""
    _cluster.start(2 - _cluster.workers)
    return _cluster


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Embedder:
    """That of the workers, in this process, with notes of its own."""
    monkeypatch.setenv(noted_words.FOLDER, str(Notes(tmp_path / "notes of the writer").folder))
    return embedders.embedder(noted_words.NAME)


@pytest.fixture
async def bulk(cluster: Cluster, embedder: Embedder) -> AsyncIterator[BulkEmbedder]:
    async with dask_cluster.embedding(cluster.address, embedder) as bulk:
        yield bulk


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The papers as JSON Lines."""
    file = tmp_path_factory.mktemp("file") / "papers.jsonl"
    file.write_text("".join(f"{json.dumps(serialize.paper(paper))}\n" for paper in papers(PAPERS)), encoding="utf-8")
    return file


async def ingest(home: Path, file: Path, embedder: Embedder, bulk: BulkEmbedder | None = None) -> None:
    library = await Library.open(home, DEFAULT_LIBRARY, embedder, create=True)
    assert (await library.ingest(corpus.read(file), bulk=bulk)).papers == PAPERS
    library.close()


@pytest.fixture(scope="module")
def sequential(file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What a library holds whose papers were embedded one batch after the other, in one process."""
    home = tmp_path_factory.mktemp("sequential")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(noted_words.FOLDER, str(Notes(home / "notes").folder))
        asyncio.run(ingest(home, file, embedders.embedder(noted_words.NAME)))
    return held(home)


def held(home: Path) -> list[Any]:
    """All rows of the catalog, all vectors of the index, and the papers whose words the keyword index has otherwise."""
    with closing(sqlite3.connect(home / FILE)) as database:
        rows = [sorted(database.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES]
        rows.append(database.execute("SELECT embedder, dimension, revision, chroma_revision FROM libraries").fetchall())
    catalog = Catalog(home)
    indexes = Indexes(catalog, DEFAULT_LIBRARY, folder_of(home, DEFAULT_LIBRARY), vector_indexes.store())
    vectors = sorted((id, vector.tobytes()) for id, vector in indexes.vectors().rows().items())
    differing = indexes.keywords().differing(catalog.papers(DEFAULT_LIBRARY, 0, PAPERS))
    indexes.close()
    catalog.close()
    return [*rows, vectors, differing]


def words_of(place: int) -> str:
    """What only the paper at a place has, in the order in which papers are embedded, which is that of their ids."""
    return f"system {sorted(paper.id for paper in papers(PAPERS))[place].removeprefix('paper-')} "


def ids(home: Path) -> set[str]:
    """Of the papers that are stored; none as long as there is no catalog."""
    try:
        with closing(sqlite3.connect(f"file:{home / FILE}?mode=ro", uri=True)) as database:
            return {id for (id,) in database.execute("SELECT id FROM papers")}
    except sqlite3.OperationalError:
        return set()


async def test_several_workers_make_the_library_that_one_process_makes(
    tmp_path: Path, file: Path, notes: Notes, embedder: Embedder, bulk: BulkEmbedder, sequential: list[Any]
) -> None:
    assert bulk.batches_at_once == 4
    await ingest(tmp_path, file, embedder, bulk)
    assert held(tmp_path) == sequential
    assert len(sequential[0]) == PAPERS and sequential[-1] == []
    assert notes.processes() >= 2
    assert Notes(tmp_path / "notes of the writer").texts() == [list(dask_cluster.PROBES)]


async def test_a_rebuild_may_embed_there_too(
    tmp_path: Path, file: Path, embedder: Embedder, bulk: BulkEmbedder, sequential: list[Any]
) -> None:
    await ingest(tmp_path, file, embedder, bulk)
    known = len(Notes(tmp_path / "notes of the writer").texts())
    library = await Library.open(tmp_path, DEFAULT_LIBRARY, embedder)
    await library.rebuild(embed=True, bulk=bulk)
    library.close()
    assert held(tmp_path) == sequential
    assert len(Notes(tmp_path / "notes of the writer").texts()) == known


async def test_what_a_killed_writer_has_stored_is_not_embedded_again(
    tmp_path: Path, file: Path, cluster: Cluster, notes: Notes, embedder: Embedder, sequential: list[Any]
) -> None:
    home, stored = tmp_path / "home", 160
    with notes.gate(words_of(stored)):
        await asyncio.to_thread(
            kill_writer, cluster, file, home, lambda: notes.stopped() > 0 and len(ids(home)) == stored
        )
    known, before = ids(home), len(notes.texts())
    async with dask_cluster.embedding(cluster.address, embedder) as bulk:
        await ingest(home, file, embedder, bulk)
    again = {text for texts in notes.texts()[before:] for text in texts}
    assert again and not any(f"system {id.removeprefix('paper-')} " in text for text in again for id in known)
    assert held(home) == sequential


def kill_writer(cluster: Cluster, file: Path, home: Path, when: Callable[[], bool]) -> None:
    """Start the command in a process and kill it as soon as the condition is true."""
    command = [str(Path(sys.executable).with_name("scholiast")), "ingest", "--dask", cluster.address, str(file)]
    settings = {"SCHOLIAST_HOME": str(home), "SCHOLIAST_EMBEDDER": noted_words.NAME, "PYTHONPATH": str(ROOT)}
    writer = subprocess.Popen(command, env=os.environ | settings)
    try:
        assert wait_until(when, PATIENCE)
    finally:
        writer.kill()
        writer.wait()


@pytest.mark.parametrize(
    ("own", "found"),
    [
        (WordsEmbedder(name="words"), "with embedder 'langchain:"),
        (WordsEmbedder(16, name=noted_words.NAME), "with vectors of 32 numbers, not"),
        (WordsEmbedder(32, name=noted_words.NAME, salt="others"), "with other weights, not"),
    ],
    ids=["embedder", "dimension", "weights"],
)
async def test_a_worker_whose_vectors_would_not_fit_is_refused(cluster: Cluster, own: Embedder, found: str) -> None:
    with pytest.raises(ConfigError, match=rf"^Dask worker tcp://127\S+ has .*{found}.* set SCHOLIAST_EMBEDDER"):
        async with dask_cluster.embedding(cluster.address, own):
            pass


async def test_so_is_one_with_another_version(
    cluster: Cluster, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "newer" / "scholiast-99.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.4\nName: scholiast\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(metadata.parents[1])
    with pytest.raises(ConfigError, match=r"has scholiast 0\.\S+ with .*, not scholiast 99\.0 with"):
        async with dask_cluster.embedding(cluster.address, embedder):
            pass


async def test_so_is_one_that_comes_when_others_were_checked(bulk: BulkEmbedder) -> None:
    """Its first batch is refused: each has with it what the writer is."""
    identity = bulk._wanted._replace(version="99.0")  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"not scholiast 99\.0 with"):
        await dask_cluster.DaskEmbedder(bulk._client, identity).embed(["a"])  # type: ignore[attr-defined]


async def test_when_an_embedder_fails_on_a_worker_what_came_before_stays(
    tmp_path: Path, embedder: Embedder, bulk: BulkEmbedder
) -> None:
    library = await Library.open(tmp_path, DEFAULT_LIBRARY, embedder, create=True)
    known = papers(96)
    known[70] = replace(known[70], title=noted_words.REFUSED)
    with pytest.raises(BackendError, match=f"{noted_words.NAME}: .*{noted_words.REFUSED}") as caught:
        await library.ingest(known, bulk=bulk)
    assert not caught.value.retryable
    assert (await library.counts()).papers == 64
    library.close()


async def test_processes_of_this_machine_are_a_cluster_too(
    embedder: Embedder, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHOLIAST_EMBEDDER", noted_words.NAME)
    monkeypatch.setenv(noted_words.FOLDER, str(notes.folder))
    texts = ["one text", "", "lone \ud83d surrogate"]
    async with dask_cluster.embedding("local:1", embedder) as bulk:
        assert (await bulk.embed(texts)).tobytes() == (await embedder.embed(texts)).tobytes()
    assert texts in notes.texts()


@pytest.mark.parametrize("text", ["local", "local:0", "local:two", "local:²", "somewhere", "ftp://127.0.0.1:1"])
async def test_what_is_no_cluster_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match=f"^{text!r} is no cluster.*local:N for N processes"):
        async with dask_cluster.embedding(text, WordsEmbedder()):
            pass


async def test_without_a_scheduler_or_workers_the_message_says_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "_CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(dask_cluster, "_WITHOUT_WORKERS_SECONDS", 0.3)
    with pytest.raises(BackendError, match=r"no scheduler answers at tcp://127.* start it with `dask scheduler`"):
        async with dask_cluster.embedding(f"tcp://127.0.0.1:{free_port()}", WordsEmbedder()):
            pass
    async with distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", asynchronous=True) as empty:
        with pytest.raises(BackendError, match="the scheduler has no workers; start some with `dask worker ADDRESS`"):
            async with dask_cluster.embedding(empty.scheduler_address, WordsEmbedder()):
                pass


async def test_what_a_killed_worker_had_to_embed_another_one_does(
    tmp_path: Path,
    file: Path,
    cluster: Cluster,
    notes: Notes,
    embedder: Embedder,
    bulk: BulkEmbedder,
    sequential: list[Any],
) -> None:
    with notes.gate(words_of(100)):
        ingesting = asyncio.create_task(ingest(tmp_path, file, embedder, bulk))
        assert await asyncio.to_thread(wait_until, lambda: notes.stopped() > 0, PATIENCE)
        await asyncio.to_thread(cluster.kill, notes.stopped())
        await ingesting
    assert held(tmp_path) == sequential
