"""The workers of one service: each can ask the others for what only they have, such as a stream or their metrics."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import anyio
import httpx2
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http import problems
from service.http.metrics import Metrics, merge
from service.http.sse import cancel_on_disconnect

_STREAMS = "/v1/streams/"
_METHODS = ("GET", "DELETE")
_GONE = "the process that wrote this stream has ended; if the answer was finished, GET /v1/answers has it"
_METRICS_SECONDS = 2.0
_CREDENTIALS = ("authorization", "x-api-key")
_HOP_BY_HOP = (b"connection", b"keep-alive", b"transfer-encoding")


class Siblings:
    """The workers besides this one; none, in a service of one process. Each has a port of its own on this machine."""

    def __init__(self, number: int = 1, ports: Mapping[int, int] | None = None) -> None:
        """This worker has `number`; `ports` are those of all workers, by number."""
        self.number, self._ports = number, ports or {}
        self._client: httpx2.AsyncClient | None = None

    @property
    def suffix(self) -> str:
        """With what the ids of this worker's streams end."""
        return f"-{self.number}" if self._ports else ""

    def holder(self, path: str) -> int | None:
        """The other worker that has what a path names; None if that is this one, or nobody."""
        id = path.removeprefix(_STREAMS)
        number = id.rpartition("-")[2]
        known = path.startswith(_STREAMS) and number.isdecimal() and int(number) in self._ports
        return int(number) if known and int(number) != self.number else None

    async def metrics(self, own: Metrics, worker: int, headers: Headers) -> bytes:
        """The exposition of one worker, or with 0 of all; one that does not answer is left out."""
        if not self._ports or worker == self.number:
            return own.exposition()
        credentials = {name: headers[name] for name in _CREDENTIALS if name in headers}
        if worker in self._ports:
            return await self._metrics(worker, credentials)
        others = [number for number in self._ports if number != self.number]
        found = await asyncio.gather(*(self._metrics(number, credentials) for number in others))
        return merge({self.number: own.exposition(), **dict(zip(others, found, strict=True))})

    async def forward(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Have another worker answer a request without a body. Raises httpx2.HTTPError if it does not answer."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_on_disconnect, receive, tasks.cancel_scope)
            url = f"{self._url(number)}{scope['path']}"
            async with self._open().stream(scope["method"], url, headers=scope["headers"]) as response:
                kept = [header for header in response.headers.raw if header[0].lower() not in _HOP_BY_HOP]
                await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
                async for piece in response.aiter_raw():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            tasks.cancel_scope.cancel()

    async def _metrics(self, number: int, credentials: Mapping[str, str]) -> bytes:
        try:
            url = f"{self._url(number)}/metrics?worker={number}"
            response = await self._open().get(url, headers=credentials, timeout=_METRICS_SECONDS)
        except httpx2.HTTPError:
            return b""
        return response.content if response.status_code == httpx2.codes.OK else b""

    def _url(self, number: int) -> str:
        return f"http://127.0.0.1:{self._ports[number]}"

    def _open(self) -> httpx2.AsyncClient:
        if self._client is None:  # a stream may be silent for longer than any timeout; its heartbeats come through
            # Without TLS, whose certificates take a while to load.
            self._client = httpx2.AsyncClient(trust_env=False, timeout=None, verify=False)
        return self._client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()


class SiblingMiddleware:
    """Has requests that only another worker can answer answered there, where keys and limits are looked at too."""

    def __init__(self, app: ASGIApp, siblings: Siblings) -> None:
        self._app, self._siblings = app, siblings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        number = self._siblings.holder(scope["path"]) if scope["type"] == "http" else None
        if number is None or scope["method"] not in _METHODS:
            return await self._app(scope, receive, send)
        begun = False

        async def send_noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._siblings.forward(number, scope, receive, send_noting)
        except* httpx2.HTTPError:
            if begun:
                raise
            await problems.of_status(404, _GONE, scope)(scope, receive, send)
