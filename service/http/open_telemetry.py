"""Spans of OpenTelemetry: one for each request and one for each of its steps, with names, times, counts and ids alone.

They are ours: the provider is not the process's global one, into which other libraries would put what they see.
"""

import os
from collections.abc import Mapping
from importlib.metadata import version
from threading import Thread

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

CLOSE_SECONDS = 3.0
"""How long a service that is stopped waits for a collector that does not answer."""

_NAME = "scholiast"


class Tracing:
    """Sends spans in the background, in batches; those that the collector does not take are dropped.

    Where to, with which headers, and which requests, the standard variables say (`OTEL_EXPORTER_OTLP_...`,
    `OTEL_TRACES_SAMPLER`, `OTEL_BSP_...`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`).
    """

    def __init__(self) -> None:
        own = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or _NAME, "service.version": version(_NAME)}
        self._provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(_NAME, version(_NAME))

    def request(self, method: str, headers: Mapping[str, str]) -> "RequestSpan":
        """A request that begins now, in the caller's trace if it names one (W3C's `traceparent`)."""
        callers = TraceContextTextMapPropagator().extract(headers)
        span = self._tracer.start_span(method, callers, SpanKind.SERVER, {"http.request.method": method})
        return RequestSpan(self._tracer, span)

    def close(self) -> None:
        """Send what is left, or give up after some seconds; OpenTelemetry itself waits half a minute."""
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


class StepSpan:
    """A step of the work (`rag.steps.Recording`)."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer, self._span = tracer, span

    def begin(self, name: str, library: str) -> "StepSpan":
        """A step within this one."""
        attributes = {"scholiast.library": library} if library else {}
        span = self._tracer.start_span(name, set_span_in_context(self._span), attributes=attributes)
        return StepSpan(self._tracer, span)

    def end(self, error: BaseException | None) -> None:
        """Of an error the type alone, as its text may quote a question."""
        if error is not None:
            self._span.set_attribute("error.type", type(error).__name__)
        if isinstance(error, Exception):
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class RequestSpan(StepSpan):
    """A request to the service."""

    def answered(self, name: str, route: str, status: int, id: str) -> None:
        """What is known at the end: `route` is the pattern, as the path may hold what somebody looks for."""
        self._span.update_name(name)
        self._span.set_attributes({"http.route": route, "http.response.status_code": status, "scholiast.request": id})
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
