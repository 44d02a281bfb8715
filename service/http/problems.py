"""Failures as HTTP: one small table from our errors to a status, one JSON shape (RFC 9457) for every failure."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from rag.errors import (
    BackendError,
    BusyError,
    ConfigError,
    CorpusError,
    LibraryError,
    LockedError,
    NotFoundError,
    RequestError,
    ScholiastError,
    UnavailableError,
)
from service.http import openai_schemas, unknown

MEDIA_TYPE = "application/problem+json"
CLIENT_CLOSED_REQUEST = 499
"""The status in log and metrics of a request whose client left before it was answered; nginx has it too."""

_RETRY_AFTER_SECONDS = 5
_MAX_SHOWN = 80
_UNKNOWN = ("extra_forbidden", unknown.PARAMETER)

log = logging.getLogger("scholiast")


class _Kind(NamedTuple):
    status: int
    type: str
    title: str


_KINDS: Mapping[type[Exception], _Kind] = {
    RequestError: _Kind(422, "invalid-request", "The request can't be used"),
    CorpusError: _Kind(422, "unreadable-papers", "The papers can't be read"),
    NotFoundError: _Kind(404, "not-found", "Not found"),
    BusyError: _Kind(409, "busy", "Something else has to be done first"),
    LockedError: _Kind(503, "library-locked", "The library is in use by another process"),
    UnavailableError: _Kind(503, "storage-unavailable", "The stored data can't be used just now"),
    LibraryError: _Kind(500, "library-unusable", "The library can't be used"),
    ConfigError: _Kind(500, "misconfigured", "The service is misconfigured"),
    BackendError: _Kind(502, "backend-failed", "An embedder, a model or a source failed"),
    ScholiastError: _Kind(500, "failed", "The request failed"),
}
_BUG = _Kind(500, "internal", "Something broke on our side")
_HTTP = {
    400: _Kind(400, "invalid-request", "The request can't be used"),
    401: _Kind(401, "unauthorized", "An API key is needed"),
    403: _Kind(403, "forbidden", "This request is not allowed"),
    404: _Kind(404, "not-found", "Not found"),
    405: _Kind(405, "method-not-allowed", "This path has no such method"),
    408: _Kind(408, "body-timeout", "The body did not come"),
    413: _Kind(413, "body-too-large", "The body is too large"),
    415: _Kind(415, "unsupported-media-type", "The body is of the wrong type"),
}


def of(error: Exception, scope: Scope) -> JSONResponse:
    """The response to a request that failed. What is not for everybody of the text of an error stays in the log."""
    if not isinstance(error, ScholiastError):
        return _response(_BUG, "this is a bug; the log has it under the request id", scope)
    if error.public != str(error):
        log.error("request %s failed: %s", scope.get("state", {}).get("request_id"), error)
    kind = next(_KINDS[base] for base in type(error).__mro__ if base in _KINDS)
    retryable = isinstance(error, LockedError | UnavailableError) or (
        isinstance(error, BackendError) and error.retryable
    )
    if isinstance(error, BusyError):
        return _response(kind, error.public, scope, {"Retry-After": "1"}, retryable=True)
    if retryable:
        headers = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
        return _response(kind._replace(status=503), error.public, scope, headers, retryable=True)
    return _response(kind, error.public, scope, retryable=False)


def of_status(status: int, detail: str, scope: Scope, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response with one of HTTP's own statuses, such as 404 for an unknown path."""
    phrase = HTTPStatus(status).phrase
    kind = _HTTP.get(status, _Kind(status, phrase.lower().replace(" ", "-"), phrase))
    return _response(kind, detail, scope, headers)


def too_much(detail: str, seconds: int, scope: Scope) -> JSONResponse:
    """The response to a caller that has reached one of its limits, which holds for so many seconds more."""
    kind = _Kind(429, "too-many-requests", "You have asked for too much")
    return _response(kind, detail, scope, {"Retry-After": str(seconds)}, retryable=True)


def overloaded(detail: str, seconds: int, scope: Scope) -> JSONResponse:
    """The response to a request for which there is no room; the client may come back after so many seconds."""
    kind = _Kind(503, "overloaded", "The service has too much to do")
    return _response(kind, f"{detail}; try again in a moment", scope, {"Retry-After": str(seconds)}, retryable=True)


def not_ready(reasons: Sequence[str], scope: Scope) -> JSONResponse:
    """The response of `/readyz` while no question can be answered yet."""
    kind = _Kind(503, "not-ready", "Not ready yet")
    return _response(kind, "; ".join(reasons), scope, {"Retry-After": "1"}, reasons=list(reasons))


async def handle(request: Request, error: Exception) -> JSONResponse:
    """Exception handler: one of our own errors."""
    return of(error, request.scope)


async def handle_http(request: Request, error: Exception) -> JSONResponse:
    """Exception handler: an unknown path, a wrong method, a body that is no form."""
    assert isinstance(error, HTTPException)
    details = {
        "Not Found": f"there is nothing at {request.url.path}",
        "Method Not Allowed": f"{request.url.path} does not take {request.method}",
        "There was an error parsing the body": "the body is not JSON: it is not UTF-8, or nested too deeply",
    }
    return of_status(error.status_code, details.get(error.detail, error.detail), request.scope, error.headers)


async def handle_disconnect(request: Request, error: Exception) -> Response:
    """Exception handler: a client that left before it was answered. Only the log and the metrics see the status."""
    assert isinstance(error, ClientDisconnect)
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def handle_invalid(request: Request, error: Exception) -> JSONResponse:
    """Exception handler: a body or a parameter of the wrong shape."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if isinstance(error.body, bytes):
        return of_status(415, "send the body as JSON, with the header Content-Type: application/json", request.scope)
    if faults[0]["type"] == "json_invalid":
        reason = faults[0].get("ctx", {}).get("error", "")
        return of_status(400, f"the body is not JSON: {reason} at character {faults[0]['loc'][-1]}", request.scope)
    errors = [{"field": _field(fault["loc"]), "message": _message(fault, request)} for fault in faults]
    detail = "; ".join(
        e["message"] if fault["type"] in _UNKNOWN else f"{e['field'] or 'the body'}: {e['message']}"
        for e, fault in zip(errors, faults, strict=True)
    )
    return _response(_KINDS[RequestError], detail, request.scope, errors=errors)


def _field(location: Sequence[str | int]) -> str:
    """`history.0.role` for ("body", "history", 0, "role"); empty for the body as a whole."""
    return ".".join(str(part) for part in location[1:])


def _message(fault: Mapping[str, Any], request: Request) -> str:
    """What was expected, and what was found unless the field is missing or not known."""
    if fault["type"] == "extra_forbidden":
        return unknown.field_message(request, fault["loc"])
    if fault["type"] in ("missing", unknown.PARAMETER):
        return str(fault["msg"])
    found = repr(fault["input"])
    return f"{fault['msg']}; found {found if len(found) <= _MAX_SHOWN else f'{found[:_MAX_SHOWN]}…'}"


def _response(
    kind: _Kind, detail: str, scope: Scope, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    if openai_schemas.is_openai_path(scope["path"]):
        field = next((error["field"] for error in more.get("errors", ())), None)
        return openai_schemas.error_response(kind.status, detail, headers, field)
    content = {
        "type": f"urn:scholiast:problem:{kind.type}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": scope["path"],
        "request_id": scope.get("state", {}).get("request_id"),
        **more,
    }
    return JSONResponse(content, kind.status, headers, MEDIA_TYPE)
