"""A fetch that is killed between two pages goes on after them, and what it stores is there once."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.conftest import CommandResult
from tests.support.running import wait_until
from tests.support.sources import MATCHES, europepmc, parameters

pytestmark = pytest.mark.slow


class Source:
    """Europe PMC on a loopback port; it holds back its reply behind the given cursor until `go` is set."""

    def __init__(self, held: str) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                request = httpx.Request("GET", f"http://source{self.path}")
                cursor = parameters(request)["cursorMark"]
                source.asked.append(cursor)
                if cursor == held:
                    source.go.wait(60)
                body = europepmc(request).content
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Not to standard error."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/search"


@pytest.fixture
def source() -> Iterator[Source]:
    source = Source(held="after4")
    thread = threading.Thread(target=source.server.serve_forever)
    thread.start()
    yield source
    source.go.set()
    source.server.shutdown()
    thread.join()
    source.server.server_close()


def fetch(source: Source, home: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.support.fetching", source.url, "fetch", "europepmc", "sleep", "--json"]
    environment = {**os.environ, "SCHOLIAST_HOME": str(home)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_goes_on_after_the_pages_that_are_here(
    source: Source, home: Path, scholiast: Callable[..., CommandResult]
) -> None:
    before = json.loads(scholiast("papers", "list", "--json").out)["total"]
    first = fetch(source, home)
    assert wait_until(lambda: "after4" in source.asked, 60)
    first.kill()
    first.communicate()
    assert json.loads(scholiast("papers", "list", "--json").out)["total"] == before

    source.go.set()
    output, errors = fetch(source, home).communicate(timeout=60)
    assert json.loads(output)["added"] == MATCHES, errors
    assert source.asked.count("*") == source.asked.count("after2") == 1
    assert json.loads(scholiast("papers", "list", "--json").out)["total"] == before + MATCHES
