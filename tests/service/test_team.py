"""The set-up of a team: Postgres, a Chroma server, and replicas of the service that need not know of each other."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import httpx2
import pytest

from rag import vector_indexes
from rag.errors import LockedError, UnavailableError
from rag.library import registry
from rag.library.catalog import Catalog
from rag.library.library import Library
from rag.library.lock import Lock
from tests.support.running import wait_until
from tests.support.servers import ChromaServer, Postgres, chroma_running, postgres_running
from tests.support.stand_ins import WordsEmbedder, papers

PAPERS = [{"title": p.title, "abstract": p.abstract, "year": p.year} for p in papers(12)]
ASK = {"question": "Which effect has the tokenizer of system 0?"}


class Replica:
    """`scholiast serve` with a home folder of its own, as on a machine of its own."""

    def __init__(self, home: Path, postgres: Postgres, chroma: ChromaServer) -> None:
        shared = {"SCHOLIAST_DATABASE_URL": postgres.url, "SCHOLIAST_CHROMA_URL": chroma.url}
        command = [sys.executable, "-m", "tests.support.command", "serve", "--port", "0"]
        environment = {**os.environ, **shared, "SCHOLIAST_HOME": str(home)}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []

    def client(self) -> httpx2.Client:
        """Waits until it answers."""
        assert self.process.stderr is not None
        errors: IO[str] = self.process.stderr
        while not (line := errors.readline()).startswith("Scholiast answers at"):
            assert line, self.said
            self.said.append(line)
        threading.Thread(target=lambda: self.said.extend(errors), daemon=True).start()
        client = httpx2.Client(base_url=line.split()[3], timeout=60)
        assert wait_until(lambda: client.get("/readyz").status_code == 200, 90), self.said
        return client


@contextmanager
def team(folder: Path) -> Iterator[tuple[list[Replica], Postgres, ChromaServer]]:
    """Two replicas that are started at the same time on an empty database."""
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_running())
        chroma = stack.enter_context(chroma_running(folder / "chroma"))
        replicas = [Replica(folder / f"home-{number}", postgres, chroma) for number in range(2)]
        for replica in replicas:
            stack.callback(replica.process.wait)
            stack.callback(replica.process.kill)
        yield replicas, postgres, chroma


@pytest.mark.slow
def test_replicas_that_start_at_once_share_papers_conversations_and_the_work(tmp_path: Path) -> None:
    with team(tmp_path) as (replicas, _, _):
        one, other = (replica.client() for replica in replicas)
        stored = one.post("/v1/papers", json=PAPERS)
        assert (stored.status_code, stored.json()["added"]) == (200, len(PAPERS)), stored.text
        assert other.post("/v1/ask", json=ASK).json()["outcome"] == "answered"
        id = one.post("/v1/conversations", json={}).json()["id"]
        assert other.post(f"/v1/conversations/{id}/messages", json={"content": ASK["question"]}).status_code == 200
        assert len(one.get(f"/v1/conversations/{id}").json()["messages"]) == 2
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda n: (one, other)[n % 2].post("/v1/ask", json=ASK).status_code, range(24)))
        assert set(got) == {200}
        paper = one.get("/v1/papers").json()["papers"][0]["id"]
        assert other.delete(f"/v1/papers/{paper}").status_code == 200
        assert one.get("/v1/papers").json()["total"] == len(PAPERS) - 1
        replicas[0].process.send_signal(signal.SIGKILL)
        assert other.post("/v1/ask", json=ASK).status_code == 200
        again = other.post("/v1/papers", json=PAPERS[:1])
        assert again.status_code == 200, again.text
        assert not any("Traceback" in line for replica in replicas for line in replica.said)


@pytest.mark.slow
async def test_a_machine_that_writes_keeps_others_of_its_database_from_writing(tmp_path: Path) -> None:
    with postgres_running() as postgres:
        shared = postgres.url
        one = await Library.open(tmp_path / "one", "main", WordsEmbedder(), shared, create=True)
        await one.ingest(papers(3))
        with pytest.raises(LockedError, match="another machine that uses the same database") as caught:
            await Library.open(tmp_path / "other", "main", WordsEmbedder(), shared)
        assert "machine" not in caught.value.public
        postgres.stop()
        postgres.start()
        await one.ingest(papers(5))
        with pytest.raises(LockedError):
            await Library.open(tmp_path / "other", "main", WordsEmbedder(), shared)
        one.close()
        catalog = Catalog(tmp_path, shared)
        lock = catalog.lock("main")
        assert lock.acquire()
        lock.release()
        catalog.close()


@pytest.mark.slow
async def test_a_machine_whose_keyword_index_is_being_built_says_so_instead_of_answering_from_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.library.sync._MOST_LACKING", 10)
    shared = f"sqlite:///{tmp_path / 'catalog'}"
    with chroma_running(tmp_path / "chroma") as chroma:
        store = vector_indexes.store("chroma", chroma.url)
        one = await Library.open(tmp_path / "one", "main", WordsEmbedder(), shared, store, create=True)
        await one.ingest(papers(20))
        new = await Library.open(tmp_path / "new", "main", WordsEmbedder(), shared, store)
        catalog = Catalog(tmp_path, shared)
        builder = Lock(registry.folder_of(tmp_path / "new", "main"), catalog.lock("main"))
        builder.acquire_here("main")  # as the process does that builds it
        with pytest.raises(UnavailableError, match="is being built here, with 0 of 20 papers") as caught:
            await new.matching("tokenizer", 5)
        assert caught.value.public == str(caught.value)
        builder.release()
        assert await new.matching("tokenizer", 5) == await one.matching("tokenizer", 5)
        catalog.close()
        one.close()
        new.close()
