"""Runs an app on a real port in a thread of this process, and replaces the writer by one that follows a script."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI

from rag.engine import Engine
from rag.engines import make_engine
from rag.types import GenerationInfo, Passage, Turn
from service.http.server import server_config


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Serve the app as `scholiast serve` does; yields its URL."""
    config = server_config(app, app.state.workspace.settings)
    config.port = 0
    with running_as(config) as url:
        yield url


@contextmanager
def running_as(config: uvicorn.Config) -> Iterator[str]:
    """Serve what uvicorn is told to; yields its URL."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert wait_until(lambda: server.started, 20)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def leave(url: str, body: object, when: Callable[[], bool], key: str = "") -> None:
    """Post a request and close the connection as soon as the condition is true."""
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port)
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    connection.request("POST", address.path, json.dumps(body), headers)
    assert wait_until(when)
    connection.close()


def wait_until(true: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether the condition became true in time."""
    end = time.monotonic() + seconds
    while not (became := true()) and time.monotonic() < end:
        time.sleep(0.01)
    return became


class Script:
    """A writer that yields its pieces and raises those that are errors; at None it waits until `go` is set.

    `heard` has the history of each question, `stopped` counts the answers that were cancelled.
    """

    name = "script"

    def __init__(self, *pieces: str | GenerationInfo | Exception | None) -> None:
        self.pieces = pieces
        self.go = threading.Event()
        self.heard: list[Sequence[Turn]] = []
        self.stopped = 0

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn]
    ) -> AsyncGenerator[str | GenerationInfo]:
        self.heard.append(history)
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                if piece is None:
                    while not self.go.is_set():  # noqa: ASYNC110  # set in another thread
                        await asyncio.sleep(0.01)
                else:
                    yield piece
        except (asyncio.CancelledError, GeneratorExit):
            self.stopped += 1
            raise


def writes(monkeypatch: pytest.MonkeyPatch, writer: Script) -> Script:
    """Make this writer write every answer."""
    original = make_engine

    def engine(*arguments: Any) -> Engine:
        return replace(original(*arguments), writer=writer)

    monkeypatch.setattr("rag.workspace.make_engine", engine)
    return writer
