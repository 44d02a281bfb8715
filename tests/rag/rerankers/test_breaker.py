"""A reranker that is down is left alone for a while, recovers by itself, and is told of in readiness and metrics."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import httpx2
import pytest
import respx

from rag.errors import BackendError
from rag.rerankers.breaker import FAILURES, CircuitBreaker
from rag.rerankers.http import HttpReranker
from rag.types import Paper, Passage
from tests.conftest import QUESTION
from tests.support.over_http import serve

URL = "http://rerank.test/rerank"
PASSAGES = [
    Passage(number=1, paper=Paper(id=t, title="On Drinks", abstract=t), text=t, score=0.5) for t in ("Tea.", "Milk.")
]
GOOD = httpx.Response(200, json=[{"index": 0, "score": 1}, {"index": 1, "score": 2}])


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    with respx.mock(using="httpcore2", assert_all_called=False) as router:
        yield router


async def fail(breaker: CircuitBreaker) -> BackendError:
    with pytest.raises(BackendError) as failed:
        await breaker.rerank("q", PASSAGES)
    return failed.value


async def test_after_failures_in_a_row_it_is_not_asked_for_a_while(wire: respx.MockRouter) -> None:
    route = wire.post(URL).mock(side_effect=httpx2.ConnectError("refused"))
    breaker = CircuitBreaker(HttpReranker(URL))
    for _ in range(FAILURES):
        assert breaker.down == ""
        assert (await fail(breaker)).reason == "it can't be reached"
    calls = len(route.calls)
    error = await fail(breaker)
    assert (error.retryable, error.reason) == (True, "it is down: it can't be reached")
    assert len(route.calls) == calls and breaker.down == "it can't be reached"


async def test_after_its_rest_one_question_tries_it_and_it_recovers(wire: respx.MockRouter) -> None:
    route = wire.post(URL).respond(401)
    breaker = CircuitBreaker(HttpReranker(URL), rest_seconds=0)
    for _ in range(FAILURES + 1):
        await fail(breaker)
    assert len(route.calls) == FAILURES + 1 and breaker.down
    route.mock(return_value=GOOD)
    assert await breaker.rerank("q", PASSAGES) == [1, 2]
    assert breaker.down == ""


async def test_single_failures_do_not_add_up(wire: respx.MockRouter) -> None:
    route = wire.post(URL)
    breaker = CircuitBreaker(HttpReranker(URL))
    for _ in range(FAILURES + 1):
        route.mock(return_value=httpx.Response(401))
        await fail(breaker)
        route.mock(return_value=GOOD)
        assert await breaker.rerank("q", PASSAGES) == [1, 2]


def test_questions_are_answered_without_it_and_operators_are_told(wire: respx.MockRouter, home: Path) -> None:
    route = wire.post(URL).respond(401)
    with serve(home, reranker=f"http:{URL}") as client:
        for _ in range(FAILURES + 1):
            answer = client.post("/v1/ask", json={"question": QUESTION}).json()
            assert answer["outcome"] == "answered" and "reranker failed" in answer["notice"]
        assert len(route.calls) <= FAILURES
        assert "scholiast_reranker_down 1.0" in client.get("/metrics").text
        app = client.app
        assert "http:rerank.test: status 401" in app.state.readiness.degraded[0]  # type: ignore[attr-defined]
