"""ASGI middleware: request ids with logging and metrics, API keys, and limits on a body; `admission` sheds load."""

import asyncio
import logging
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from hashlib import sha256
from ipaddress import ip_address
from time import perf_counter
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.history.conversations import LOCAL
from service.http import problems
from service.http.metrics import Metrics

MAX_BODY_BYTES = 1 << 20
MAX_UPLOAD_BYTES = 64 << 20
UPLOAD_PATH = "/v1/papers"
BODY_IDLE_SECONDS = 30.0
BODY_SECONDS = 60.0
UPLOAD_SECONDS = 900.0
"""How long nothing of a body may come, and how long all of it may take; a file may take longer."""

DRAIN_IDLE_SECONDS = 5.0
DRAIN_SECONDS = 30.0
"""How long we go on receiving a body after the response to it, as nginx does (lingering_timeout, lingering_time)."""

DRAINING = "draining"

METRICS_PATH = "/metrics"
MCP_PATH = "/mcp"

_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")
_OPEN_PATHS = ("/healthz", "/readyz", "/slack/events")
_AUTHORITY = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d+)?", re.IGNORECASE)

_KEY_DIGITS = 16

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

log = logging.getLogger("scholiast")


class RequestLogMiddleware:
    """Gives every request an id, a response even after a bug, a line in the log, and a count in the metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = id
        status, start = problems.CLIENT_CLOSED_REQUEST, perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", id.encode())]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            log.exception("request %s failed", id)
            if status != problems.CLIENT_CLOSED_REQUEST:  # the response has begun: all that is left is to break it off
                raise
            await problems.of(error, scope)(scope, receive, send_with_id)
        finally:
            seconds = perf_counter() - start
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.count_request(scope["method"], route, status, seconds)
            # Without the query string: questions are private.
            log.info("%s %s %s %.0f ms %s", scope["method"], _printable(scope["path"]), status, seconds * 1000, id)
        return None


class AccessMiddleware:
    """Guards what is not open to everybody: by API key, or where there are no keys, by the address that was asked.

    With keys, `/v1`, MCP and the metrics need one. Without keys, all but health and Slack's own requests must have been
    made to a loopback address. A proxy makes every request look so; where one is expected, for Slack or by its address,
    all that needs a key is closed until there are keys, and so it is to a request whose headers tell of a proxy.
    """

    def __init__(
        self, app: ASGIApp, keys: tuple[str, ...], *, behind_proxy: bool, origins: Collection[str] = ()
    ) -> None:
        """`behind_proxy`: whether requests from the network may look like ones from this machine.

        Pages of the `origins` may ask without keys too.
        """
        self._app = app
        self._keys = [key.encode() for key in keys]
        self._closed = behind_proxy and not keys
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers, path = Headers(scope=scope), scope["path"]
        key = _key_of(headers)
        scope.setdefault("state", {})["caller"] = caller_id(key) if self._keys else LOCAL
        guarded = path.startswith("/v1") or path in (METRICS_PATH, MCP_PATH)
        if path in _OPEN_PATHS or (self._keys and not guarded):
            return await self._app(scope, receive, send)
        if guarded and not self._keys and (self._closed or any(name in headers for name in _PROXY_HEADERS)):
            detail = (
                "the service is behind a proxy, which hides who asks: "
                "set SCHOLIAST_API_KEYS to open this path to those who have one"
            )
            return await problems.of_status(403, detail, scope)(scope, receive, send)
        if self._keys and not self._has_key(key):
            detail = "send one of the service's keys in the header Authorization: Bearer KEY, or X-API-Key: KEY"
            refusal = problems.of_status(401, detail, scope, {"WWW-Authenticate": 'Bearer realm="scholiast"'})
            return await refusal(scope, receive, send)
        if not self._keys and not _from_this_machine(headers, self._origins):
            detail = "without SCHOLIAST_API_KEYS the service answers only requests made to this machine's own address"
            return await problems.of_status(403, detail, scope)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _has_key(self, key: str) -> bool:
        """Compares with every key in full, so that the time taken reveals nothing about them."""
        matches = [secrets.compare_digest(key.encode(), known) for known in self._keys]
        return any(matches)


class BodyLimitMiddleware:
    """Refuses a body that is too large, at once if Content-Length says so, and one that stops coming or is slow."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        is_upload = scope["path"] == UPLOAD_PATH
        limit, seconds = (MAX_UPLOAD_BYTES, UPLOAD_SECONDS) if is_upload else (MAX_BODY_BYTES, BODY_SECONDS)
        detail = f"{limit:,} bytes is the most; send less at once, or use `scholiast ingest` for large files"
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            return await problems.of_status(413, detail, scope)(scope, receive, send)
        received, is_whole = 0, False
        deadline = asyncio.get_running_loop().time() + seconds

        async def receive_limited() -> Message:
            nonlocal received, is_whole
            if is_whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline), asyncio.timeout(BODY_IDLE_SECONDS):
                    message = await receive()
            except TimeoutError:
                self._metrics.count_shed("body_timeout")
                late = f"the body did not come within {seconds:g} seconds, or nothing for {BODY_IDLE_SECONDS:g}"
                raise HTTPException(408, late) from None
            is_whole = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, detail)
            return message

        return await self._app(scope, receive_limited, send)


class DrainMiddleware:
    """Goes on receiving a body that was refused, for a while: closing the connection would take the response with it.

    The client has the whole response before that; only its last, empty piece is held back.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        # Who expects a 100 first does not send what was refused.
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if not has_body or "expect" in headers:
            return await self._app(scope, receive, send)
        is_whole = False

        async def receive_noting() -> Message:
            nonlocal is_whole
            message = await receive()
            is_whole = not message.get("more_body", False)
            return message

        async def send_draining(message: Message) -> None:
            if message["type"] != "http.response.body" or message.get("more_body", False) or is_whole:
                return await send(message)
            await send({**message, "more_body": True})
            scope.setdefault("state", {})[DRAINING] = True  # `connections` closes these first
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    while not is_whole:
                        async with asyncio.timeout(DRAIN_IDLE_SECONDS):
                            await receive_noting()
            return await send({"type": "http.response.body", "body": b""})

        return await self._app(scope, receive_noting, send_draining)


def caller_id(key: str) -> str:
    """An id for a key, from which the key can't be read."""
    return f"key:{sha256(key.encode()).hexdigest()[:_KEY_DIGITS]}"


def _key_of(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()


def _request_id(headers: Headers) -> str:
    """The client's own id, so that its log and ours can be joined, unless it is unsafe to log."""
    id = headers.get("x-request-id", "")
    return id if _REQUEST_ID.fullmatch(id) else uuid4().hex


def _from_this_machine(headers: Headers, origins: Collection[str]) -> bool:
    """Whether the request was made to a loopback address, and, if by a web page, by one from there or of the origins.

    A page of another site is recognised by its Origin, or by its Host if it uses DNS rebinding.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    return _is_loopback(f"//{host}") and (origin is None or origin in origins or _is_loopback(origin))


def _is_loopback(address: str) -> bool:
    try:
        parts = urlsplit(address)
        if parts.path or not _AUTHORITY.fullmatch(
            parts.netloc
        ):  # "evil.example@localhost" names localhost, but was not made to it
            return False
        name = parts.hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _printable(path: str) -> str:
    return path if path.isprintable() else repr(path)
