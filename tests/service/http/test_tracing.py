"""Traces, as a collector on loopback receives them from the real service: what they hold, and what they never do."""

import gzip
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.running import running
from tests.support.scripted_llm import Script, scripted_llm

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
KEY = "a-key-of-the-service"


class Collector:
    """What takes OTLP over HTTP: the bodies as they came, and the spans in them."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.bodies: list[bytes] = []

    @property
    def spans(self) -> list[Span]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        scopes = [scope for request in requests for one in request.resource_spans for scope in one.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    def within(self, parent: Span) -> list[str]:
        """The names of the spans within one, in the order in which they began."""
        found = sorted(self.spans, key=lambda span: span.start_time_unix_nano)
        return [span.name for span in found if span.parent_span_id == parent.span_id]

    def one(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            received.bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    received = Collector(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(ENDPOINT, received.url)
    yield received
    server.shutdown()
    server.server_close()


@contextmanager
def service(home: Path, **others: str) -> Iterator[httpx2.AsyncClient]:
    """When it has ended, all of its spans have been sent."""
    with running(create_app(settings(home, api_keys=KEY, **others), words())) as url:
        yield httpx2.AsyncClient(base_url=url, headers={"X-API-Key": KEY}, timeout=110)


def attributes(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_is_a_span_in_the_callers_trace_and_its_steps_are_within(
    home: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    async with scripted_llm({"traced": Script(pieces=["Hydra++ is ", "the best."])}) as llm:
        others = {"model": "openai:traced", "model_base_url": llm.base_url, "verifier": "model"}
        with service(home, **others) as client:
            traceparent = {"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01"}
            asked = await client.post("/v1/ask", json={"question": QUESTION, "stream": stream}, headers=traceparent)
            assert asked.status_code == 200 and (await client.get("/readyz")).status_code == 200
    request = collector.one("POST /v1/ask")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (CALLER, "00f067aa0ba902b7")
    assert request.kind == Span.SPAN_KIND_SERVER
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/v1/ask",
        "http.response.status_code": 200,
        "scholiast.request": asked.headers["x-request-id"],
    }
    assert collector.within(request) == ["condense", "retrieve", "write", "verify"]
    assert collector.within(collector.one("retrieve"))[:2] == ["embed", "search"]
    assert attributes(collector.one("retrieve")) == {"scholiast.library": "default"}
    assert collector.within(collector.one("write")) == ["model"]
    assert collector.within(collector.one("verify")) == ["model"]
    assert {span.trace_id.hex() for span in collector.spans} == {CALLER}
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in collector.spans)


async def test_nothing_that_somebody_asked_or_wrote_or_is_secret_is_in_a_trace(
    home: Path, collector: Collector
) -> None:
    with service(home) as client:
        await client.post("/v1/ask", json={"question": QUESTION}, headers={"User-Agent": "Hydra-browser"})
        assert (await client.get("/v1/search", params={"q": "Hydra heads"})).status_code == 200
        assert (await client.get("/v1/papers/Hydra-of-Lerna")).status_code == 404
        assert (await client.post("/v1/ask", json={"question": QUESTION, "top_k": "Hydra"})).status_code == 422
        assert (await client.request("PURGE", "/v1/ask")).status_code == 405
    routes = {(attributes(span).get("http.route"), span.name) for span in collector.spans}
    assert ("/v1/search", "GET /v1/search") in routes and any(name.startswith("_OTHER") for _, name in routes)
    sent = b"".join(collector.bodies).lower()
    assert sent
    for private in ("hydra", "recipe", "lerna", "speculative", "127.0.0.1", "localhost", KEY, str(home)):
        assert private.lower().encode() not in sent, private


@pytest.mark.slow
async def test_a_step_that_fails_is_marked_by_the_kind_of_error_alone(
    home: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    async with scripted_llm({"failing": Script(status=400, body="Hydra broke")}) as llm:
        with service(home, model="openai:failing", model_base_url=llm.base_url, on_model_failure="error") as client:
            assert (await client.post("/v1/ask", json={"question": QUESTION})).status_code >= 500
    for name in ("model", "write"):
        span = next(span for span in collector.spans if span.name == name)
        assert span.status.code == Status.STATUS_CODE_ERROR and not span.status.message
        assert attributes(span)["error.type"] == "BackendError" and not span.events
    assert collector.one("POST /v1/ask").status.code == Status.STATUS_CODE_ERROR
    assert b"Hydra" not in b"".join(collector.bodies)


async def test_a_collector_that_does_not_answer_keeps_nobody_waiting(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.http.open_telemetry.CLOSE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with service(home) as client:
            assert (await client.post("/v1/ask", json={"question": QUESTION})).status_code == 200
            stopped = time.monotonic()
        assert time.monotonic() - stopped < 15  # OpenTelemetry's own patience is 30 s


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; set it to http/protobuf"),
        ({"OTEL_TRACES_EXPORTER": "none"}, ""),
        ({"OTEL_SDK_DISABLED": "true"}, ""),
    ],
)
def test_the_standard_variables_turn_it_off(
    tmp_path: Path,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    others: dict[str, str],
    told: str,
) -> None:
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    assert create_app(settings(tmp_path), words()).state.tracing is None
    ours = [record.getMessage() for record in caplog.records if record.name == "scholiast"]
    assert len(ours) == bool(told) and told in "".join(ours)


def test_without_its_package_a_warning_names_the_extra_and_the_service_starts(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "service.http.open_telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert create_app(settings(tmp_path), words()).state.tracing is None
    assert f"{ENDPOINT} is set" in caplog.text and "pip install 'scholiast[tracing]'" in caplog.text


@pytest.mark.slow
def test_without_the_variables_nothing_of_it_is_imported() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    script = (
        "import sys; from service.http import app, tracing; assert tracing.tracing() is None; "
        "print([m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=100)
    assert run.stdout.strip() == "[]", run.stdout + run.stderr
