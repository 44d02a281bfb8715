"""ASGI middleware: request ids with logging and metrics, API keys, and the limit on the size of a body."""

import asyncio
import logging
import re
import secrets
from ipaddress import ip_address
from time import perf_counter
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http import problems
from service.http.metrics import Metrics

MAX_BODY_BYTES = 1 << 20
MAX_UPLOAD_BYTES = 64 << 20
UPLOAD_PATH = "/v1/papers"
BODY_IDLE_SECONDS = 30.0
METRICS_PATH = "/metrics"
MCP_PATH = "/mcp"

_OPEN_PATHS = ("/healthz", "/readyz", "/slack/events")
_AUTHORITY = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d+)?", re.IGNORECASE)

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
    made to a loopback address. A proxy that Slack reaches us through makes every request look so; where Slack is set
    up, all that needs a key is therefore closed until there are keys.
    """

    def __init__(self, app: ASGIApp, keys: tuple[str, ...], *, behind_proxy: bool) -> None:
        """`behind_proxy`: whether requests from the network may look like ones from this machine."""
        self._app = app
        self._keys = [key.encode() for key in keys]
        self._closed = behind_proxy and not keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        guarded = path.startswith("/v1") or path in (METRICS_PATH, MCP_PATH)
        if scope["type"] != "http" or path in _OPEN_PATHS or (self._keys and not guarded):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        if self._closed and guarded:
            detail = (
                "with SCHOLIAST_SLACK_SIGNING_SECRET the service expects a proxy, which hides who asks: "
                "set SCHOLIAST_API_KEYS to open this path to those who have one"
            )
            return await problems.of_status(403, detail, scope)(scope, receive, send)
        if self._keys and not self._has_key(headers.get("authorization", "")):
            detail = "send one of the service's keys in the header Authorization: Bearer KEY"
            refusal = problems.of_status(401, detail, scope, {"WWW-Authenticate": 'Bearer realm="scholiast"'})
            return await refusal(scope, receive, send)
        if not self._keys and not _from_this_machine(headers):
            detail = "without SCHOLIAST_API_KEYS the service answers only requests made to this machine's own address"
            return await problems.of_status(403, detail, scope)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _has_key(self, authorization: str) -> bool:
        """Compares with every key in full, so that the time taken reveals nothing about them."""
        scheme, _, key = authorization.partition(" ")
        matches = [secrets.compare_digest(key.strip().encode(), known) for known in self._keys]
        return scheme.lower() == "bearer" and any(matches)


class BodyLimitMiddleware:
    """Refuses a body that is too large, at once if Content-Length says so, and one that stops coming."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        limit = MAX_UPLOAD_BYTES if scope["path"] == UPLOAD_PATH else MAX_BODY_BYTES
        detail = f"{limit:,} bytes is the most; send less at once, or use `scholiast ingest` for large files"
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            return await problems.of_status(413, detail, scope)(scope, receive, send)
        received = 0

        is_whole = False

        async def receive_limited() -> Message:
            nonlocal received, is_whole
            try:
                async with asyncio.timeout(None if is_whole else BODY_IDLE_SECONDS):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"nothing of the body came for {BODY_IDLE_SECONDS:g} seconds") from None
            is_whole = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, detail)
            return message

        return await self._app(scope, receive_limited, send)


def _request_id(headers: Headers) -> str:
    """The client's own id, so that its log and ours can be joined, unless it is unsafe to log."""
    id = headers.get("x-request-id", "")
    return id if _REQUEST_ID.fullmatch(id) else uuid4().hex


def _from_this_machine(headers: Headers) -> bool:
    """Whether the request was made to a loopback address, and, if by a web page, by one from such an address.

    A page of another site is recognised by its Origin, or by its Host if it uses DNS rebinding.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    return _is_loopback(f"//{host}") and (origin is None or _is_loopback(origin))


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
