"""Connections on a real port: half-open ones, silent readers and too many of them leave the service answering."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http import connections
from service.http.app import create_app
from service.http.connections import Connections
from service.http.middleware import DrainMiddleware
from tests.conftest import settings
from tests.support.command import words
from tests.support.running import running, running_as, wait_until

HALF = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=20)


def is_closed(client: socket.socket) -> bool:
    """Whether the other side has closed the connection, once what it sent is read."""
    try:
        while client.recv(65_536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Endless at /endless, else a short greeting."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while scope["path"] == "/endless" and (await _next(receive)) != "http.disconnect":
        await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
    await send({"type": "http.response.body", "body": b"hello"})


async def _next(receive: Receive) -> str:
    try:
        async with asyncio.timeout(0.001):
            return str((await receive())["type"])
    except TimeoutError:
        return ""


@contextmanager
def guarded(most: int, *trusted: str) -> Iterator[tuple[str, Connections, list[str]]]:
    """A server with at most so many connections; the reasons for which it closed some."""
    closed: list[str] = []
    all = Connections(most, trusted, closed.append)
    config = uvicorn.Config(
        DrainMiddleware(app), port=0, http=all.protocol(), ws="none", log_config=None, lifespan="off"
    )
    with running_as(config) as url:
        yield url, all, closed


BOTH = pytest.mark.parametrize("protocol", [HttpToolsProtocol, H11Protocol])
"""uvicorn takes the first where httptools is installed."""


@BOTH
def test_headers_that_never_end_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, protocol: type[asyncio.Protocol]
) -> None:
    monkeypatch.setattr(connections, "AutoHTTPProtocol", protocol)
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    with guarded(10) as (url, all, closed), connect(url) as silent, connect(url) as slow:
        slow.sendall(HALF)
        for _ in range(30):
            try:
                slow.sendall(b"a")
            except ConnectionError:
                break
            time.sleep(0.1)
        assert wait_until(lambda: len(all) == 0, 10)
        assert is_closed(slow) and is_closed(silent)
        assert closed == ["header_timeout"] * 2
        assert httpx2.get(url).text == "hello"


def test_headers_without_end_are_refused_by_their_size() -> None:
    with guarded(10) as (url, _, _), connect(url) as client:
        client.sendall(HALF)
        reply = b""
        for _ in range(200):
            try:
                client.sendall(b"a" * 1_000)
            except ConnectionError:
                break
        client.settimeout(10)
        try:
            reply = client.recv(1_000)
        except ConnectionError:
            reply = b"HTTP/1.1 431 "  # closed before all was sent: the reply may be lost
        assert reply.startswith(b"HTTP/1.1 431 ")


def test_a_request_after_another_has_the_same_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    with guarded(10) as (url, _, closed), connect(url) as client:
        client.sendall(HALF + b"1\r\n\r\n")
        assert client.recv(10_000).startswith(b"HTTP/1.1 200")
        time.sleep(1.5)  # idle between requests, which is allowed
        client.sendall(HALF)
        assert wait_until(lambda: closed == ["header_timeout"], 10)


@BOTH
def test_a_client_that_reads_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, protocol: type[asyncio.Protocol]
) -> None:
    monkeypatch.setattr(connections, "AutoHTTPProtocol", protocol)
    monkeypatch.setattr(connections, "STALLED_SECONDS", 0.5)
    with guarded(10) as (url, all, closed), connect(url) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wait_until(lambda: closed == ["slow_reader"] and len(all) == 0, 20)


@BOTH
def test_a_new_connection_takes_the_place_of_one_that_waits_but_not_of_one_at_work(
    monkeypatch: pytest.MonkeyPatch, protocol: type[asyncio.Protocol]
) -> None:
    monkeypatch.setattr(connections, "AutoHTTPProtocol", protocol)
    with guarded(4, "127.0.0.0/8") as (url, all, closed), ExitStack() as stack:
        streams = [stack.enter_context(httpx2.stream("GET", f"{url}/endless")) for _ in range(3)]
        idle = stack.enter_context(connect(url))
        assert wait_until(lambda: len(all) == 4)
        assert httpx2.get(url).text == "hello"
        assert (is_closed(idle), closed) == (True, ["connections"])
        streams.append(stack.enter_context(httpx2.stream("GET", f"{url}/endless")))
        refused = httpx2.get(url)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert all_alive(streams)


def all_alive(streams: list[httpx2.Response]) -> bool:
    return all(stream.status_code == 200 for stream in streams)


def test_a_refused_body_that_still_comes_makes_room_for_others() -> None:
    with guarded(4, "127.0.0.0/8") as (url, _, closed), ExitStack() as stack:
        senders = [stack.enter_context(connect(url)) for _ in range(4)]
        for sender in senders:
            sender.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nbegun")
            reply = b""
            while b"hello" not in reply:
                reply += sender.recv(1_000)
        assert httpx2.get(url).text == "hello"
        assert closed == ["connections"]
        assert is_closed(senders[0])


def test_a_connection_that_was_refused_and_says_nothing_is_closed() -> None:
    with guarded(2, "127.0.0.0/8") as (url, _, _), ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(httpx2.stream("GET", f"{url}/endless"))
        assert is_closed(stack.enter_context(connect(url)))


def test_one_address_has_at_most_half_of_the_connections() -> None:
    with guarded(8) as (url, all, closed), ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connect(url)).sendall(HALF)
        assert wait_until(lambda: len(closed) == 4)
        assert len(all) == 4


@pytest.mark.slow
def test_two_thousand_half_open_connections_leave_the_service_answering_and_are_closed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 5.0)
    with running(create_app(settings(home), words())) as url, ExitStack() as stack:
        clients = []
        for _ in range(2_000):
            clients.append(stack.enter_context(connect(url)))
            clients[-1].sendall(HALF)
        assert httpx2.get(f"{url}/healthz", timeout=10).status_code == 200
        assert httpx2.get(f"{url}/v1/libraries", timeout=20).status_code == 200
        assert 'scholiast_shed_total{reason="connections"}' in httpx2.get(f"{url}/metrics", timeout=20).text
        for client in clients:
            client.settimeout(15)
        assert sum(not is_closed(client) for client in clients) == 0


def test_a_body_that_is_too_large_gets_a_response_that_can_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.http.middleware.MAX_UPLOAD_BYTES", 100_000)
    with running(create_app(settings(home), words())) as url:
        for headers in ({}, {"Transfer-Encoding": "chunked"}):
            client = HTTPConnection(urlsplit(url).netloc, timeout=20)
            pieces = (b"x" * 1_000_000 for _ in range(20))
            declared = {} if headers else {"Content-Length": "20000000"}
            client.request("POST", "/v1/papers", pieces, {**headers, **declared}, encode_chunked=bool(headers))
            response = client.getresponse()
            assert response.status == 413
            assert b"100,000 bytes is the most" in response.read()
            client.request("GET", "/healthz")  # the connection goes on
            assert client.getresponse().status == 200
            client.close()
