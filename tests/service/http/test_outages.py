"""What answers need is taken away under load and given back: 503 meanwhile, without its address, and then as before."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.over_http import RECORD
from tests.support.running import running, wait_until
from tests.support.servers import chroma_running, postgres_running

AFTERWARDS = {"title": "Tea and coffee at night", "abstract": "Tea shortens sleep less than coffee does.", "year": 2022}
ASK = {"question": QUESTION, "library": "team"}
PRIVATE = re.compile(r"127\.0\.0\.1|localhost|postgresql|/tmp|/home|psycopg|sqlite3?\b.*:")


@contextmanager
def load(url: str) -> Iterator[list[httpx2.Response]]:
    """Two clients ask until the end; what they got, in order."""
    got: list[httpx2.Response] = []
    stopped = threading.Event()

    def ask() -> None:
        with httpx2.Client(base_url=url, timeout=60) as client:
            while not stopped.is_set():
                got.append(client.post("/v1/ask", json=ASK))

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
