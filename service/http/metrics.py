"""The Prometheus metrics of `/metrics`: requests with their durations, and answers by outcome."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from rag.types import Answer

CONTENT_TYPE = CONTENT_TYPE_LATEST

_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"})
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

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. `route` is the pattern, not the path, which has unboundedly many values."""
        self._requests.labels(method if method in _METHODS else "other", route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def count_answer(self, answer: Answer) -> None:
        """Count an answer."""
        self._answers.labels(answer.outcome, answer.model).inc()

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format; `CONTENT_TYPE` is its media type."""
        return generate_latest(self._registry)
