"""Whether requests are traced for OpenTelemetry, and the middleware that does; `open_telemetry` makes the spans."""

import logging
import os
from typing import TYPE_CHECKING, Optional

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import steps
from service.http import problems
from service.http.metrics import METHODS

if TYPE_CHECKING:
    from service.http.open_telemetry import Tracing

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds, and of no interest in a trace."""

log = logging.getLogger("scholiast")


def tracing() -> Optional["Tracing"]:
    """What traces, if the standard variables name a collector; else nothing of OpenTelemetry's SDK is imported.

    They may be meant for other programs of the machine, so one that can't be followed is a warning and no error.
    """
    endpoint = _first(_ENDPOINTS)
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not endpoint or is_off or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    protocol = _first(_PROTOCOLS)
    if protocol and os.environ[protocol] != _SPOKEN:
        log.warning("no traces are sent: %s is %r; set it to %s", protocol, os.environ[protocol], _SPOKEN)
        return None
    try:
        from service.http.open_telemetry import Tracing
    except ModuleNotFoundError as error:
        log.warning(
            "no traces are sent: %s is set, but %s is not installed; run `pip install 'scholiast[tracing]'`, or set "
            "OTEL_TRACES_EXPORTER=none",
            endpoint,
            error.name,
        )
        return None
    return Tracing()


class TracingMiddleware:
    """Records each request with its steps, but for those of probes."""

    def __init__(self, app: ASGIApp, tracing: "Tracing") -> None:
        self._app, self._tracing = app, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _PROBES:
            return await self._app(scope, receive, send)
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        span = self._tracing.request(method, Headers(scope=scope))
        status, raised = problems.CLIENT_CLOSED_REQUEST, None

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with steps.recorded_in(span):
                await self._app(scope, receive, send_noting)
        except BaseException as error:
            raised = error
            raise
        finally:
            route = getattr(scope.get("route"), "path", "none")
            span.answered(f"{method} {route}", route, status, scope.get("state", {}).get("request_id", ""))
            span.end(raised)
        return None


def _first(names: tuple[str, ...]) -> str:
    """The first of the variables that is set; empty when none is."""
    return next((name for name in names if os.environ.get(name)), "")
