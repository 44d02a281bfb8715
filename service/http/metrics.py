"""The Prometheus metrics of `/metrics`: requests, answers with the time of each step, and what the load is."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from rag.types import Answer

CONTENT_TYPE = CONTENT_TYPE_LATEST

METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"})
"""Of a request with any other, which a client may make up, the name is not kept."""
disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the output and are not used

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)


class Metrics:
    """The counters of one app; two apps in a process do not share them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "scholiast_http_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "scholiast_http_request_seconds",
            "Until the last byte.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._answers = Counter(
            "scholiast_answers", "Questions by outcome.", ["outcome", "model"], registry=self._registry
        )
        self._steps = Histogram(
            "scholiast_step_seconds",
            "The steps of an answer, such as retrieve, write and total.",
            ["step"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._shed = Counter(
            "scholiast_shed", "Requests refused and connections closed, by reason.", ["reason"], registry=self._registry
        )
        self._queued = Histogram(
            "scholiast_queue_seconds",
            "How long requests that were admitted waited for their turn.",
            ["lane"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._in_flight = Gauge("scholiast_in_flight", "Requests being answered.", ["lane"], registry=self._registry)
        self._waiting = Gauge(
            "scholiast_waiting", "Requests waiting for their turn.", ["lane"], registry=self._registry
        )
        self._reranker_down = Gauge(
            "scholiast_reranker_down", "1 while the reranker is left alone because it failed.", registry=self._registry
        )
        self._connections = Gauge("scholiast_connections", "Connections that are open.", registry=self._registry)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. `route` is the pattern, not the path, which has unboundedly many values."""
        self._requests.labels(method if method in METHODS else "other", route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def count_answer(self, answer: Answer) -> None:
        """Count an answer, and how long its steps took."""
        self._answers.labels(answer.outcome, answer.model).inc()
        for step, milliseconds in answer.timings_ms.items():
            self._steps.labels(step).observe(milliseconds / 1000)

    def count_shed(self, reason: str) -> None:
        """Count a request that was refused because of the load or a limit, or a connection that was closed."""
        self._shed.labels(reason).inc()

    def observe_queue(self, lane: str, seconds: float) -> None:
        """Count how long a request waited before it was admitted."""
        self._queued.labels(lane).observe(seconds)

    def watch_lane(self, lane: str, in_flight: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Show how many requests of a lane are at work and how many wait."""
        self._in_flight.labels(lane).set_function(in_flight)
        self._waiting.labels(lane).set_function(waiting)

    def watch_reranker(self, is_down: Callable[[], bool]) -> None:
        """Show whether the reranker is left alone because it failed."""
        self._reranker_down.set_function(is_down)

    def watch_connections(self, count: Callable[[], int]) -> None:
        """Show how many connections are open."""
        self._connections.set_function(count)

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format; `CONTENT_TYPE` is its media type."""
        return generate_latest(self._registry)


def merge(expositions: Mapping[int, bytes]) -> bytes:
    """The metrics of several workers, by their numbers, as one exposition: each sample gets the label `worker`.

    They are not added up: a worker that is started again begins to count at 0, which Prometheus notices in each series.
    """
    merged: dict[str, Metric] = {}
    for worker, exposition in sorted(expositions.items()):
        for found in text_string_to_metric_families(exposition.decode()):
            metric = merged.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            for sample in found.samples:
                metric.add_sample(sample.name, {**sample.labels, "worker": str(worker)}, sample.value)
    registry = CollectorRegistry()
    registry.register(_Merged(merged))
    return generate_latest(registry)


class _Merged(Collector):
    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics.values()
