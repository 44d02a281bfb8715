"""What answers need is taken away under load and given back: 503 meanwhile, without its address, and then as before."""

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import BackendError
from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.over_http import RECORD, problem_of
from tests.support.running import running, wait_until
from tests.support.servers import chroma_running, postgres_running
from tests.support.small_disk import fill
from tests.support.stand_ins import WordsEmbedder

AFTERWARDS = {"title": "Tea and coffee at night", "abstract": "Tea shortens sleep less than coffee does.", "year": 2022}
ASK = {"question": QUESTION, "library": "team"}
PRIVATE = re.compile(r"127\.0\.0\.1|localhost|postgresql|/tmp|/home|psycopg|sqlite3?\b.*:")


@contextmanager
def load(url: str) -> Iterator[list[httpx2.Response]]:
    """Two clients ask until the end, something else each time; what they got, in order."""
    got: list[httpx2.Response] = []
    stopped = threading.Event()
    numbers = count()

    def ask() -> None:
        with httpx2.Client(base_url=url, timeout=60) as client:
            while not stopped.is_set():
                question = f"{QUESTION} Asked {next(numbers)} times before."
                got.append(client.post("/v1/ask", json={**ASK, "question": question}))

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        yield got
    finally:
        stopped.set()
        for client in clients:
            client.join()


def without_a_break(url: str, stop: Callable[[], None], start: Callable[[], None]) -> None:
    """The outage as a client sees it, and the service after it."""
    with httpx2.Client(base_url=url, timeout=60) as client:
        stored = client.post("/v1/papers", params={"library": "team"}, json=[RECORD])
        assert stored.status_code == 200, stored.text
        assert wait_until(lambda: client.get("/readyz").status_code == 200, 20)
        conversation = client.post("/v1/conversations", json={"library": "team"}).json()["id"]
        with load(url) as got:
            assert wait_until(lambda: len(got) > 4, 20)
            stop()
            assert wait_until(lambda: got[-1].status_code == 503, 20)
            unready = client.get("/readyz")
            assert unready.status_code == 503 and unready.json()["reasons"], unready.text
            refused = client.post("/v1/papers", params={"library": "team"}, json=[{**RECORD, "title": "Lost"}])
            assert refused.status_code == 503 and refused.json()["retryable"] is True
            start()
            back = time.monotonic()
            assert wait_until(lambda: got[-1].status_code == 200, 30), got[-1].text
            assert wait_until(lambda: client.get("/readyz").status_code == 200, 20)
            assert time.monotonic() - back < 30
        for response in [*got, unready, refused]:
            assert response.status_code in (200, 503), response.text
            if response.status_code == 503:
                assert int(response.headers["retry-after"]) > 0
                assert not PRIVATE.search(response.text), response.text
        assert client.get("/v1/papers", params={"library": "team"}).json()["total"] >= 1
        assert client.get(f"/v1/conversations/{conversation}").status_code == 200
        again = client.post("/v1/papers", params={"library": "team"}, json=[AFTERWARDS])
        assert again.json()["added"] == 1, again.text
        shown = client.get("/v1/search", params={"library": "team", "q": "coffee sleep"}).json()["results"]
        assert {RECORD["title"], AFTERWARDS["title"]} <= {found["paper"]["title"] for found in shown}


@pytest.mark.slow
def test_a_database_that_goes_and_comes_back(tmp_path: Path) -> None:
    with postgres_running() as postgres:
        app = create_app(settings(tmp_path / "home", database_url=postgres.url), words())
        with running(app) as url:
            without_a_break(url, postgres.stop, postgres.start)


@pytest.mark.slow
def test_a_chroma_server_that_goes_and_comes_back(tmp_path: Path) -> None:
    with chroma_running(tmp_path / "chroma") as chroma:
        app = create_app(settings(tmp_path / "home", chroma_url=chroma.url), words())
        with running(app) as url:
            without_a_break(url, chroma.stop, chroma.start)


def test_a_library_that_is_deleted_while_it_is_asked_is_not_there_any_more(tmp_path: Path) -> None:
    """404, or 409 at the very moment."""
    with (
        running(create_app(settings(tmp_path / "home"), words())) as url,
        httpx2.Client(base_url=url, timeout=60) as client,
    ):
        for _ in range(4):
            assert client.post("/v1/papers", params={"library": "team"}, json=[RECORD]).status_code == 200
            with load(url) as got:
                assert wait_until(lambda got=got: len(got) > 2, 20)  # type: ignore[misc]
                assert client.delete("/v1/libraries/team").status_code == 200
                assert wait_until(lambda got=got: got[-1].status_code == 404, 20)  # type: ignore[misc]
            for response in got:
                assert response.status_code in (200, 404, 409), response.text
                assert not PRIVATE.search(response.text), response.text


class AwayEmbedder(WordsEmbedder):
    """A provider's API, which may be away."""

    is_away = False

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.is_away:
            raise BackendError(f"openai:m: http://10.1.2.3/v1: {texts[0]!r}", retryable=True, reason="HTTP 500")
        return await super().embed(texts)


def test_an_embedder_that_goes_and_comes_back(tmp_path: Path) -> None:
    embedder = AwayEmbedder(512)

    def turn(is_away: bool) -> None:
        embedder.is_away = is_away

    with running(create_app(settings(tmp_path / "home"), embedder)) as url:
        without_a_break(url, lambda: turn(True), lambda: turn(False))


@pytest.mark.slow
def test_a_full_disk_is_called_that_and_nothing_acknowledged_is_lost(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))  # where uploads are kept while they are read
    records = [{**RECORD, "title": f"Coffee and sleep, part {n}", "abstract": f"{n} cups. " * 900} for n in range(12)]
    with (
        running(create_app(settings(small_disk / "home"), words())) as url,
        httpx2.Client(base_url=url, timeout=60) as client,
    ):
        stored = client.post("/v1/papers", json=records[:1])
        assert stored.json()["added"] == 1
        fill(small_disk)
        refused = client.post("/v1/papers", json=records[1:])
        problem = problem_of(refused, 503)
        assert "the disk is full" in problem["detail"] and problem["retryable"] is True
        assert int(refused.headers["retry-after"]) > 0 and not PRIVATE.search(refused.text)
        assert client.post("/v1/ask", json={"question": QUESTION}).status_code == 200
        (small_disk / "filler").unlink()
        assert client.post("/v1/papers", json=records[1:]).json()["added"] == len(records) - 1
        assert client.get("/v1/papers").json()["total"] == len(records)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused_so_that_its_sender_can_read_why(tmp_path: Path, chunked: bool) -> None:
    size = 65 << 20
    pieces = (b"x" * (1 << 16) for _ in range(size >> 16))
    with running(create_app(settings(tmp_path / "home"), words())) as url:
        response = httpx2.post(f"{url}/v1/papers", content=pieces if chunked else b"x" * size, timeout=60)
        assert "67,108,864 bytes is the most" in problem_of(response, 413)["detail"]
        if curl := shutil.which("curl"):
            (tmp_path / "body").write_bytes(b"x" * size)
            command = [curl, "--silent", "--show-error", "--data-binary", f"@{tmp_path / 'body'}", f"{url}/v1/papers"]
            header = ["--header", "Transfer-Encoding: chunked", "--header", "Expect:"] if chunked else []
            said = subprocess.run([*command, *header], capture_output=True, text=True, check=True, timeout=60)
            assert json.loads(said.stdout)["status"] == 413, said.stderr
