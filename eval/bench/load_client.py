"""Asks a service over plain connections with as little work as possible, so that a benchmark measures the service."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Reply:
    """When the request was sent, on `time.perf_counter`; how long its whole reply took; 0 is a broken connection."""

    began: float
    seconds: float
    status: int
    retry_after: float = 0.0


@dataclass
class Client:
    """One client with a connection of its own, which it opens again when the service closes it."""

    host: str
    port: int
    key: str = ""
    replies: list[Reply] = field(default_factory=list)
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, request: Callable[[], bytes], until: float, pause: float = 0.0) -> None:
        """Send one request after another, until a time; wait as `Retry-After` says, and otherwise `pause` seconds."""
        while (now := time.perf_counter()) < until:
            reply = await self.send(request())
            self.replies.append(reply)
            wait = reply.retry_after or pause or (0.1 if reply.status == 0 else 0.0)
            await asyncio.sleep(min(wait, max(0.0, until - now)))
        self.close()

    async def send(self, request: bytes) -> Reply:
        """The reply to one request."""
        began = time.perf_counter()
        if self._streams and self._streams[0].at_eof():  # it was idle for longer than the service keeps it
            self.close()
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self.host, self.port)
                reader, writer = self._streams
                writer.write(request)
                await writer.drain()
                status, headers = await _head(reader)
                await _body(reader, headers)
        except (OSError, EOFError, ValueError, TimeoutError):
            self.close()
            return Reply(began, time.perf_counter() - began, 0)
        if headers.get("connection") == "close":
            self.close()
        return Reply(began, time.perf_counter() - began, status, float(headers.get("retry-after", 0)))

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._streams:
            self._streams[1].close()
            self._streams = None


def post(path: str, body: object, key: str = "") -> bytes:
    """A request with a JSON body."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{_key(key)}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def get(path: str, key: str = "") -> bytes:
    """A request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{_key(key)}\r\n".encode()


def delete(path: str, key: str = "") -> bytes:
    """A request to delete something."""
    return get(path, key).replace(b"GET", b"DELETE", 1)


def asks(questions: Sequence[str], key: str = "", seed: int = 0) -> Callable[[], bytes]:
    """Makes requests for answers to random ones of the questions."""
    chance = random.Random(seed)
    requests = [post("/v1/ask", {"question": question}, key) for question in questions]
    return lambda: chance.choice(requests)


def _key(key: str) -> str:
    return f"Authorization: Bearer {key}\r\n" if key else ""


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return int(lines[0].split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> None:
    if headers.get("transfer-encoding") != "chunked":
        await reader.readexactly(int(headers.get("content-length", 0)))
        return
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()
