"""The one client that asks the sources of papers: paced, retried, bounded, and held to the host of the source."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self, TypeVar

import anyio
import httpx2

from rag.connectors.pace import Pace
from rag.connectors.search import Call, RefusedError
from rag.errors import BackendError, CorpusError

MAX_REPLY_BYTES = 64 << 20
MAX_ATTEMPTS = 4
MAX_WAIT_SECONDS = 120.0
"""A source that asks for more patience than this is not waited for."""

_REQUEST_SECONDS = 120.0
_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
_MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_RETRYABLE = (408, 425, 429)
_KEY_REFUSED = (401, 403)

T = TypeVar("T")


class _RetryableError(Exception):
    """An attempt failed in a way that may pass; `wait` is how long the source asks to wait, None if it does not."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class PoliteClient:
    """Asks one source, one request at a time. Use it in an `async with` block."""

    def __init__(self, source: str, key_name: str, contact: str, pace: Pace) -> None:
        """`source` and `key_name`, the variable that holds its key (or none), are for messages."""
        self._source = source
        self._key_name = key_name
        self.contact = contact
        self._pace = pace
        agent = f"scholiast/{version('scholiast')}" + (f" (mailto:{contact})" if contact else "")
        self._client = httpx2.AsyncClient(headers={"User-Agent": agent}, timeout=_TIMEOUT, follow_redirects=False)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._client.aclose()

    async def get(self, call: Call, file: Path, read: Callable[[Path], T]) -> T:
        """Write the reply to `file` and read it; what can't be read is asked for again, as is what may pass.

        Raises RefusedError, or BackendError when no attempt succeeds.
        """
        for attempt in range(MAX_ATTEMPTS):
            await self._pace.wait()
            try:
                await self._download(call, file)
                return await asyncio.to_thread(read, file)
            except _RetryableError as error:
                told = reason = str(error)
                wait = error.wait
            except (ValueError, RecursionError, CorpusError) as error:
                told, wait = "its reply can't be read", None
                reason = f"{told}: {str(error)[:200]}"
            except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
                told, wait = "it can't be reached", None
                reason = f"{type(error).__name__} {error}".strip()
            if wait is not None and wait > MAX_WAIT_SECONDS:
                asks = f"{reason}; it asks to wait {wait:.0f} seconds"
                raise self._failed(asks, asks)
            if attempt + 1 < MAX_ATTEMPTS:
                await self._pace.clock.sleep(2.0**attempt if wait is None else wait)
        raise self._failed(reason, told)

    async def _download(self, call: Call, file: Path) -> None:
        async with asyncio.timeout(_REQUEST_SECONDS):
            async with self._sent(call) as response:
                self._check(response)
                self._slow_down(response)
                size = 0
                async with await anyio.open_file(file, "wb") as out:
                    async for piece in response.aiter_bytes():
                        size += len(piece)
                        if size > MAX_REPLY_BYTES:
                            message = (
                                f"the reply of {self._source} has more than {MAX_REPLY_BYTES >> 20} MiB; "
                                "narrow the query"
                            )
                            raise BackendError(message, retryable=False, public=message)
                        await out.write(piece)

    @asynccontextmanager
    async def _sent(self, call: Call) -> AsyncIterator[httpx2.Response]:
        """The response, after redirects within the host; a redirect elsewhere could read what is near this machine."""
        request = self._request(call, httpx2.URL(call.url, params=dict(call.params) or None))
        for _ in range(_MAX_REDIRECTS + 1):
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code not in _REDIRECTS:
                    yield response
                    return
            finally:
                await response.aclose()
            target = request.url.join(response.headers.get("location", ""))
            if (target.scheme, target.host, target.port) != (request.url.scheme, request.url.host, request.url.port):
                raise BackendError(
                    f"{self._source} redirects to {target.host!r}, another place; such a redirect is not followed",
                    retryable=False,
                    reason=f"{self._source} redirects to another place",
                )
            request = self._request(call, target)
        raise BackendError(
            f"{self._source} redirects more than {_MAX_REDIRECTS} times",
            retryable=False,
            reason="it redirects for ever",
        )

    def _request(self, call: Call, url: httpx2.URL) -> httpx2.Request:
        method, form = ("POST", dict(call.form)) if call.form else ("GET", None)
        return self._client.build_request(method, url, data=form, headers=dict(call.headers))

    def _check(self, response: httpx2.Response) -> None:
        status = response.status_code
        if status in _RETRYABLE or status >= 500:
            raise _RetryableError(f"it answers with status {status}", _retry_after(response, self._pace.clock.now()))
        if status in _KEY_REFUSED:
            advice = f"; check {self._key_name}" if self._key_name else ""
            message = f"{self._source} refuses access (status {status}){advice}"
            raise BackendError(message, retryable=False, public=message)
        if status != 200:
            advice = f", or check {self._key_name}" if self._key_name else ""
            raise RefusedError(f"{self._source} does not take the request (status {status}); change the query{advice}")

    def _slow_down(self, response: httpx2.Response) -> None:
        """Crossref says in headers what it allows: so many requests in so many seconds, such as `1s`."""
        try:
            most = int(response.headers["x-rate-limit-limit"])
            seconds = float(response.headers["x-rate-limit-interval"].removesuffix("s"))
            self._pace.seconds = min(max(self._pace.seconds, seconds / most), MAX_WAIT_SECONDS)
        except (KeyError, ValueError, ZeroDivisionError):
            return

    def _failed(self, reason: str, told: str) -> BackendError:
        """`told` is the reason without the words of libraries, which may name a proxy of ours."""
        advice = f"try again later; a key in {self._key_name} allows more" if self._key_name else "try again later"
        message, public = (f"{self._source} can't be asked now: {why}; {advice}" for why in (reason, told))
        return BackendError(message, retryable=True, reason=f"{self._source} did not answer", public=public)


class _WithoutParameters(logging.Filter):
    """Cuts the query string from the addresses in httpx2's log: it has the query, and may have a key."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(query=None) if isinstance(arg, httpx2.URL) and arg.query else arg for arg in record.args
            )
        return True


logging.getLogger("httpx2").addFilter(_WithoutParameters())


def _retry_after(response: httpx2.Response, now: float) -> float | None:
    """Seconds, from a number or a date; None without a header that can be read."""
    text = response.headers.get("retry-after", "").strip()
    try:
        return float(text) if text.isdecimal() else max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
