"""`scholiast serve` on a real port: streams, clients that leave, signals, and the lock it holds."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from rag.engine import Engine
from rag.types import Passage, Turn
from rag.workspace import make_engine
from service.http.app import create_app
from tests.conftest import QUESTION, CommandResult, settings
from tests.support.command import words


@contextmanager
def served(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a process of its own, ready, and its URL."""
    command = [sys.executable, "-m", "tests.support.command", "serve", "--port", "0"]
    environment = {**os.environ, "SCHOLIAST_HOME": str(home)}
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        first = server.stderr.readline()
        assert first.startswith("Scholiast answers at http://"), first + server.stderr.read()
        url = first.split()[3]
        assert wait_until(lambda: httpx2.get(f"{url}/readyz").status_code == 200, 20)
        yield server, url
    finally:
        server.kill()
        server.communicate()


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it became true in time."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def test_a_server_streams_holds_the_lock_and_gives_it_back_on_sigterm(
    home: Path, scholiast: Callable[..., CommandResult]
) -> None:
    with served(home) as (server, url):
        with httpx2.stream("POST", f"{url}/v1/ask", json={"question": QUESTION, "stream": True}) as response:
            names = [line.removeprefix("event: ") for line in response.iter_lines() if line.startswith("event: ")]
        assert (names[0], names[1], names[-1]) == ("sources", "delta", "done")
        locked = scholiast("ask", QUESTION)
        assert (locked.code, url in locked.err) == (1, True)
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
        assert scholiast("ask", QUESTION).code == 0


def test_a_taken_port_is_said_so_and_ctrl_c_stops_a_server_quietly(
    home: Path, scholiast: Callable[..., CommandResult]
) -> None:
    with served(home) as (server, url):
        second = scholiast("serve", "--port", url.rpartition(":")[2])
        assert (second.code, "--port" in second.err, second.err.count("\n")) == (1, True, 1)
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=10)
        assert (server.returncode, "Traceback" in errors) == (130, False)


class Endless:
    """A writer that goes on until somebody stops it, and remembers when that was."""

    name = "endless"

    def __init__(self) -> None:
        self.stopped = 0

    async def write(self, question: str, passages: Sequence[Passage], history: Sequence[Turn]) -> AsyncGenerator[str]:
        try:
            yield "Once upon a time"
            await asyncio.sleep(3600)
        finally:
            self.stopped += 1


@pytest.fixture
def endless(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Endless]]:
    """A server, in a thread of this process, whose answers never end."""
    original, writer = make_engine, Endless()

    def engine(*arguments: Any) -> Engine:
        return replace(original(*arguments), writer=writer)

    monkeypatch.setattr("rag.workspace.make_engine", engine)
    server = uvicorn.Server(uvicorn.Config(create_app(settings(home), words()), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert wait_until(lambda: server.started, 20)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", writer
    server.should_exit = True
    thread.join()


def test_a_client_that_leaves_stops_the_work(endless: tuple[str, Endless]) -> None:
    url, writer = endless
    for turn in range(1, 6):
        with httpx2.stream("POST", f"{url}/v1/ask", json={"question": QUESTION, "stream": True}) as response:
            lines = response.iter_lines()
            assert any("Once upon a time" in line for line in lines)
            assert writer.stopped == turn - 1
        assert wait_until(lambda turn=turn: writer.stopped == turn, 1)  # type: ignore[misc]
