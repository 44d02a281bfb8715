"""What every request passes through: its id, log line and metrics; the keys; the limit on its body. Plain ASGI."""

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
UPLOADS = "/v1/papers"

_USABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

log = logging.getLogger("scholiast")


class Envelope:
    """Gives a request its id, and whatever happens an answer, a line in the log and a place in the metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = id
        status, start = problems.LEFT, perf_counter()

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
            if status != problems.LEFT:  # too late for another answer: break off
                raise
            await problems.of(error, scope)(scope, receive, send_with_id)
        finally:
            seconds = perf_counter() - start
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.request(scope["method"], route, status, seconds)
            # Without the query string: a question is nobody else's business.
            log.info("%s %s %s %.0f ms %s", scope["method"], _printable(scope["path"]), status, seconds * 1000, id)
        return None


class Guard:
    """Keeps strangers out of `/v1`: by key, or where there is none, by letting in only requests from this machine."""

    def __init__(self, app: ASGIApp, keys: tuple[str, ...]) -> None:
        self._app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1"):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        if self._keys and not self._known(headers.get("authorization", "")):
            detail = "send one of the service's keys in the header Authorization: Bearer KEY"
            refusal = problems.of_status(401, detail, scope, {"WWW-Authenticate": 'Bearer realm="scholiast"'})
            return await refusal(scope, receive, send)
        if not self._keys and not _from_this_machine(headers):
            detail = "without SCHOLIAST_API_KEYS the service answers only requests made to this machine's own address"
            return await problems.of_status(403, detail, scope)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _known(self, authorization: str) -> bool:
        """Compares with every key to its end, so that the time taken tells nothing of them."""
        scheme, _, given = authorization.partition(" ")
        matches = [secrets.compare_digest(given.strip().encode(), key) for key in self._keys]
        return scheme.lower() == "bearer" and any(matches)


class BodyLimit:
    """Refuses a body that is too large, at once if it says so itself, else as soon as too much has come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        limit = MAX_UPLOAD_BYTES if scope["path"] == UPLOADS else MAX_BODY_BYTES
        detail = f"{limit:,} bytes is the most; send less at once, or use `scholiast ingest` for large files"
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            return await problems.of_status(413, detail, scope)(scope, receive, send)
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, detail)
            return message

        return await self._app(scope, limited, send)


def _request_id(headers: Headers) -> str:
    """The client's own, so that its log and ours meet, unless that would spoil the log."""
    given = headers.get("x-request-id", "")
    return given if _USABLE_ID.fullmatch(given) else uuid4().hex


def _from_this_machine(headers: Headers) -> bool:
    """Whether the request was made to a loopback address, and by a page from there if by a page.

    A page of another site that makes the browser ask us shows in the Origin, or in the Host when it has its name
    resolve to this machine.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    return _is_loopback(f"//{host}") and (origin is None or _is_loopback(origin))


def _is_loopback(address: str) -> bool:
    try:
        name = urlsplit(address).hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _printable(path: str) -> str:
    return path if path.isprintable() else repr(path)
