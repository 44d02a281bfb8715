"""Bounded load: who is answered, who waits, who is told to come back later, and the limits of a key."""

import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from rag.database import FILE
from rag.types import GenerationInfo, Usage
from service.http.app import create_app
from service.limits import RequestRate
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.fake_slack import FakeSlack
from tests.support.over_http import events, problem_of, serve
from tests.support.running import Script, running, wait_until, writes
from tests.support.slack_requests import mention
from tests.support.slack_service import slack_service

ASK = {"question": QUESTION}
CHAT = {"model": "scholiast", "messages": [{"role": "user", "content": QUESTION}]}


class Service:
    """A service on a port whose questions are answered when the script goes on."""

    def __init__(self, url: str, script: Script, pool: ThreadPoolExecutor) -> None:
        self.url, self.script, self._pool = url, script, pool

    def begin(self, key: str = "") -> Future[httpx2.Response]:
        """Ask, and do not wait for the answer."""
        return self._pool.submit(self.post, "/v1/ask", ASK, key)

    def post(self, path: str, body: object, key: str = "") -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx2.post(self.url + path, json=body, headers=headers, timeout=60)

    def shows(self, metric: str, key: str = "") -> bool:
        """Whether the metrics have this line."""
        headers = {"X-API-Key": key} if key else {}
        return metric in httpx2.get(f"{self.url}/metrics", headers=headers, timeout=60).text.splitlines()


@contextmanager
def blocked(home: Path, monkeypatch: pytest.MonkeyPatch, **others: str) -> Iterator[Service]:
    script = writes(monkeypatch, Script(None, "Slow."))
    with (
        running(create_app(settings(home, **others), words())) as url,
        ThreadPoolExecutor(16) as pool,
    ):
        try:
            yield Service(url, script, pool)
        finally:
            script.go.set()


def test_beyond_places_and_queue_a_question_is_told_at_once_to_come_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with blocked(home, monkeypatch, max_in_flight="1", max_queue="1", max_queue_seconds="60") as service:
        answered = [service.begin(), service.begin()]
        assert wait_until(lambda: service.shows('scholiast_in_flight{lane="questions"} 1.0'), 20)
        assert wait_until(lambda: service.shows('scholiast_waiting{lane="questions"} 1.0'), 20)
        refused = service.post("/v1/ask", ASK)
        problem = problem_of(refused, 503)
        assert (problem["type"], problem["retryable"]) == ("urn:scholiast:problem:overloaded", True)
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        chat = service.post("/v1/chat/completions", CHAT)
        assert (chat.status_code, chat.json()["error"]["type"]) == (503, "server_error")
        assert "retry-after" in chat.headers
        assert httpx2.get(f"{service.url}/healthz").status_code == 200
        assert httpx2.get(f"{service.url}/v1/libraries").status_code == 200
        assert service.shows('scholiast_shed_total{reason="queue_full"} 2.0')
        service.script.go.set()
        assert [answer.result().status_code for answer in answered] == [200, 200]
        assert service.shows('scholiast_in_flight{lane="questions"} 0.0')
        assert service.shows('scholiast_step_seconds_count{step="total"} 2.0')


@pytest.mark.parametrize(
    ("others", "at_once"),
    [
        ({}, 4),
        ({"models": "openai:gpt-5"}, 64),
        ({"embedder": "openai:text-embedding-3-small"}, 64),
        ({"verifier": "openai:gpt-5"}, 64),
        ({"models": "openai:gpt-5", "max_in_flight": "7"}, 7),
    ],
)
def test_more_questions_are_answered_at_once_where_a_provider_has_the_work(
    home: Path, others: dict[str, str], at_once: int
) -> None:
    assert settings(home, **others).questions_at_once == at_once


def test_who_waited_for_as_long_as_it_may_is_told_to_come_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with blocked(home, monkeypatch, max_in_flight="1", max_queue_seconds="0.2") as service:
        service.begin()
        assert wait_until(lambda: service.shows('scholiast_in_flight{lane="questions"} 1.0'), 20)
        assert "waited" in problem_of(service.post("/v1/ask", ASK), 503)["detail"]


def test_one_key_never_takes_all_places(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with blocked(home, monkeypatch, max_in_flight="2", max_queue_seconds="60", api_keys="greedy,modest") as service:
        for _ in range(8):
            service.begin("greedy")
        assert wait_until(lambda: service.shows('scholiast_waiting{lane="questions"} 7.0', "modest"), 20)
        service.begin("modest")
        assert wait_until(lambda: service.shows('scholiast_in_flight{lane="questions"} 2.0', "modest"), 20)
        assert service.shows('scholiast_waiting{lane="questions"} 7.0', "modest")


def test_a_body_that_comes_slowly_takes_no_place(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        blocked(home, monkeypatch, max_in_flight="1", max_queue="0") as service,
        socket.create_connection(("127.0.0.1", urlsplit(service.url).port or 0)) as slow,
    ):
        slow.sendall(b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        slow.sendall(b"Content-Length: 100\r\n\r\n{")
        service.script.go.set()
        assert service.post("/v1/ask", ASK).status_code == 200


def test_an_answer_has_a_deadline_after_which_its_work_is_cancelled(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with blocked(home, monkeypatch, answer_timeout_seconds="1") as service:
        problem = problem_of(service.post("/v1/ask", ASK), 503)
        assert (problem["retryable"], "SCHOLIAST_ANSWER_TIMEOUT_SECONDS" in problem["detail"]) == (True, True)
        assert wait_until(lambda: service.script.stopped == 1)
        streamed = events(service.post("/v1/ask", {**ASK, "stream": True}).text)
        assert (streamed[-1][0], streamed[-1][1]["status"]) == ("error", 503)
        assert wait_until(lambda: service.script.stopped == 2)


def test_who_waits_for_the_database_holds_up_no_search(home: Path) -> None:
    with (
        running(create_app(settings(home), words())) as url,
        ThreadPoolExecutor(20) as pool,
        closing(sqlite3.connect(home / FILE, isolation_level=None, check_same_thread=False)) as other,
    ):
        id = httpx2.post(f"{url}/v1/ask", json=ASK, timeout=60).json()["id"]
        other.execute("BEGIN IMMEDIATE")
        path = f"{url}/v1/answers/{id}/feedback"
        waiting = [pool.submit(httpx2.post, path, json={"verdict": "good"}, timeout=60) for _ in range(12)]
        asked = [pool.submit(httpx2.post, f"{url}/v1/ask", json=ASK, timeout=60) for _ in range(3)]
        assert wait_until(lambda: 'lane="saves"} 12.0' in httpx2.get(f"{url}/metrics", timeout=60).text, 20)
        assert httpx2.get(f"{url}/v1/search", params={"q": "heads"}, timeout=15).status_code == 200
        assert not any(future.done() for future in waiting)
        other.execute("COMMIT")
        assert [future.result().status_code for future in [*waiting, *asked]] == [200] * 15


# Limits of a key


def test_requests_come_back_evenly_after_they_were_used() -> None:
    now = 0.0
    rate = RequestRate(6, lambda: now)
    assert [rate.excess("a") for _ in range(6)] == [None] * 6
    excess = rate.excess("a")
    assert excess is not None and excess.seconds == 10
    assert rate.excess("b") is None
    now = 10.0
    assert rate.excess("a") is None
    assert rate.excess("a") is not None
    now = 1_000.0
    assert [rate.excess("a") for _ in range(6)] == [None] * 6


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not(home: Path) -> None:
    with serve(home, api_keys="a,b", key_requests_per_minute="3") as client:
        mine, theirs = {"Authorization": "Bearer a"}, {"Authorization": "Bearer b"}
        assert [client.get("/v1/libraries", headers=mine).status_code for _ in range(3)] == [200] * 3
        refused = client.get("/v1/libraries", headers=mine)
        assert problem_of(refused, 429)["type"] == "urn:scholiast:problem:too-many-requests"
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        chat = client.post("/v1/chat/completions", json=CHAT, headers=mine)
        assert (chat.status_code, chat.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert client.get("/v1/libraries", headers=theirs).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_tokens_of_a_day_are_counted_over_all_doors_and_outlive_what_was_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = GenerationInfo(model="m", usage=Usage(prompt_tokens=80, completion_tokens=10))
    writes(monkeypatch, Script("Hydra++ [1].", used))
    limits = {"api_keys": "a,b", "key_tokens_per_day": "150"}
    mine: dict[str, Any] = {"headers": {"X-API-Key": "a"}}
    with serve(home, **limits) as client:
        begun = client.post("/v1/conversations", json={}, **mine).json()["id"]
        asked = client.post(f"/v1/conversations/{begun}/messages", json={"content": QUESTION}, **mine)
        assert asked.json()["usage"]["prompt_tokens"] == 80
        client.delete(f"/v1/conversations/{begun}", **mine)
        assert client.post("/v1/chat/completions", json=CHAT, **mine).status_code == 200
    with serve(home, **limits) as client:  # also after a restart
        refused = client.post("/v1/ask", json=ASK, **mine)
        assert "150 tokens a day" in problem_of(refused, 429)["detail"]
        assert 0 < int(refused.headers["retry-after"]) <= 86_400
        assert client.get("/v1/search", params={"q": "heads"}, **mine).status_code == 200
        assert client.post("/v1/ask", json=ASK, headers={"X-API-Key": "b"}).status_code == 200


@pytest.mark.parametrize("in_conversation", [False, True])
def test_a_stream_that_the_client_breaks_off_counts_as_spent(
    home: Path, monkeypatch: pytest.MonkeyPatch, in_conversation: bool
) -> None:
    writer = writes(monkeypatch, Script("Hydra++ uses recipes [1]. ", None))
    app = create_app(settings(home, api_keys="a,b", key_tokens_per_day="150"), words())
    with running(app) as url:
        with httpx2.Client(base_url=url, headers={"X-API-Key": "a"}, timeout=30) as client:
            path, body = "/v1/ask", {"question": QUESTION, "stream": True}
            if in_conversation:
                begun = client.post("/v1/conversations", json={}).json()["id"]
                path, body = f"/v1/conversations/{begun}/messages", {"content": QUESTION, "stream": True}
            with client.stream("POST", path, json=body) as response:
                next(response.iter_raw())
        assert wait_until(lambda: writer.stopped == 1)
        with httpx2.Client(base_url=url, timeout=30) as client:
            mine = {"X-API-Key": "a"}
            writer.pieces = ("Hydra++ [1].",)
            assert wait_until(lambda: client.post("/v1/ask", json=ASK, headers=mine).status_code == 429)
            assert client.post("/v1/ask", json=ASK, headers={"X-API-Key": "b"}).status_code == 200


@pytest.mark.slow
def test_in_slack_a_person_who_asks_too_often_is_told_so_and_slack_is_answered_at_once(
    home: Path, slack: FakeSlack
) -> None:
    with slack_service(home, slack, key_requests_per_minute="1") as service:
        first, second = service.send.ts(), service.send.ts()
        assert service.send.event(mention(QUESTION, first)).status_code == 200
        slack.answer(first)
        assert service.send.event(mention(QUESTION, second)).status_code == 200
        assert wait_until(lambda: any("ask again in" in posted.text for posted in slack.shown(second)), 20)
