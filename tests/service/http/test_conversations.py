"""Conversations over HTTP: stored with complete answers only, one at a time, and deleted with all their contents."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from rag.database import FILE, Database
from rag.errors import BackendError
from rag.history import claims as claims_module
from rag.history import conversations as conversations_module
from rag.history.claims import Claims
from rag.history.conversations import Conversations
from rag.types import Paper
from service.http import conversations
from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.over_http import problem_of, serve
from tests.support.running import Script, leave, running, wait_until, writes

pytestmark = pytest.mark.slow

FOLLOW_UP = "And how much faster is it?"


def app(home: Path, **others: str) -> TestClient:
    client = TestClient(create_app(settings(home, **others), words()), base_url="http://127.0.0.1")
    client.headers["authorization"] = "Bearer one"
    return client


@pytest.fixture
def own_client(home: Path) -> Iterator[TestClient]:
    """HTTP over the `home` of this test."""
    with app(home) as client:
        yield client


@pytest.fixture
def path(client: TestClient) -> str:
    """The path of a new conversation."""
    return str(client.post("/v1/conversations", json={}).headers["location"])


def ask(client: TestClient | httpx2.Client, path: str, content: str = QUESTION, **others: Any) -> Any:
    return client.post(f"{path}/messages", json={"content": content, **others})


def statuses(client: TestClient | httpx2.Client, path: str) -> list[tuple[str, str]]:
    """Role and status of every message."""
    return [(message["role"], message["status"]) for message in client.get(path).json()["messages"]]


def rows(home: Path) -> dict[str, int]:
    """How many rows each table has, read without our own code."""
    with sqlite3.connect(home / FILE) as database:
        tables = ("conversations", "messages", "answers", "feedback")
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def test_a_conversation_begins_empty_and_its_location_is_in_the_response(client: TestClient) -> None:
    response = client.post("/v1/conversations", json={"library": "default", "title": "Decoding"})
    conversation = response.json()
    assert (response.status_code, conversation["library"], conversation["title"]) == (201, "default", "Decoding")
    assert conversation["messages"] == []
    assert client.get(response.headers["location"]).json() == conversation


def test_answers_come_back_whole_with_their_citations(client: TestClient, path: str, papers: Sequence[Paper]) -> None:
    answer = ask(client, path).json()
    assert answer["citations"]
    read = client.get(path).json()
    conversations.ConversationDetail.model_validate(read, extra="forbid")
    question, reply = read["messages"]
    assert (question["content"], question["answer"], question["error"]) == (QUESTION, None, "")
    assert (reply["role"], reply["content"], reply["answer"]) == ("assistant", answer["text"], answer)
    abstracts = {paper.id: paper.abstract for paper in papers}
    for citation in reply["answer"]["citations"]:
        assert abstracts[citation["paper"]["id"]][citation["start"] : citation["end"]] == citation["quote"]


def test_the_first_question_is_the_title_unless_there_is_one(client: TestClient, path: str) -> None:
    ask(client, path, f"{QUESTION} {'Say more. ' * 20}")
    title = client.get(path).json()["title"]
    assert title.startswith(QUESTION) and len(title) == 80 and title.endswith("…")


def test_a_follow_up_refers_to_earlier_messages(client: TestClient, path: str) -> None:
    ask(client, path)
    followed = ask(client, path, FOLLOW_UP).json()
    assert followed["question"] == FOLLOW_UP
    assert "Hydra" in followed["standalone_question"]


def test_a_stream_has_the_same_events_and_is_stored_like_any_answer(client: TestClient, path: str) -> None:
    body = ask(client, path, stream=True).text
    names = [line.removeprefix("event: ") for line in body.splitlines() if line.startswith("event: ")]
    assert (names[0], names[-1], set(names)) == ("sources", "done", {"sources", "delta", "citation", "done"})
    done = json.loads(body.strip().rpartition("data: ")[2])
    assert client.get(path).json()["messages"][1]["answer"] == done


def test_filters_and_top_k_hold_within_a_conversation(client: TestClient, path: str, papers: Sequence[Paper]) -> None:
    only = ask(client, path, filters={"papers": [papers[3].id]}, top_k=1).json()
    assert {passage["paper"]["id"] for passage in only["passages"]} == {papers[3].id}


def test_a_restart_loses_nothing(home: Path) -> None:
    with app(home) as client:
        path = client.post("/v1/conversations", json={}).headers["location"]
        ask(client, path)
        before = client.get(path).json()
    with app(home) as client:
        assert client.get(path).json() == before
        assert "Hydra" in ask(client, path, FOLLOW_UP).json()["standalone_question"]


def test_the_list_has_the_most_recently_used_first(own_client: TestClient) -> None:
    paths = [own_client.post("/v1/conversations", json={"title": title}).headers["location"] for title in "abc"]
    ask(own_client, paths[1])
    listed = own_client.get("/v1/conversations").json()
    conversations.ConversationPage.model_validate(listed, extra="forbid")
    assert [entry["title"] for entry in listed["conversations"]] == ["b", "c", "a"]
    assert listed["conversations"][0]["message_count"] == 2
    page = own_client.get("/v1/conversations", params={"offset": 1, "limit": 1}).json()
    assert ([entry["title"] for entry in page["conversations"]], page["total"]) == (["c"], 3)


def test_a_list_has_only_conversations_of_the_same_key(home: Path) -> None:
    with app(home, api_keys="one,the-secret-of-two") as client:
        path = client.post("/v1/conversations", json={}).headers["location"]
        other = {"authorization": "Bearer the-secret-of-two"}
        client.post("/v1/conversations", json={}, headers=other)
        for headers in ({}, other):
            assert client.get("/v1/conversations", headers=headers).json()["total"] == 1
        assert client.get(path, headers=other).status_code == 200
    assert b"the-secret" not in (home / FILE).read_bytes()


def test_a_deleted_conversation_leaves_nothing_behind(own_client: TestClient, home: Path) -> None:
    path = own_client.post("/v1/conversations", json={}).headers["location"]
    answer = ask(own_client, path).json()
    own_client.post(f"/v1/answers/{answer['id']}/feedback", json={"verdict": "good"})
    assert set(rows(home).values()) == {1, 2}
    assert own_client.delete(path).json() == {"id": path.rpartition("/")[2], "removed": True}
    assert set(rows(home).values()) == {0}
    for response in (own_client.get(path), own_client.delete(path), ask(own_client, path)):
        assert response.status_code == 404
    assert own_client.get(f"/v1/answers/{answer['id']}").status_code == 404


@pytest.mark.parametrize("wrong", [{"content": " "}, {"content": "a" * 4001}, {"content": "a", "top_k": 0}])
@pytest.mark.parametrize("stream", [False, True])
def test_a_message_that_can_not_be_used_leaves_no_trace(
    client: TestClient, path: str, wrong: dict[str, Any], stream: bool
) -> None:
    assert client.post(f"{path}/messages", json={**wrong, "stream": stream}).status_code == 422
    assert ask(client, path, model="nobody/knows").status_code == 422
    assert client.get(path).json()["messages"] == []
    assert ask(client, path).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"), [({"library": "none"}, 404), ({"title": "a" * 201}, 422), ({"title": 1}, 422), ([], 422)]
)
def test_a_conversation_that_can_not_be_is_refused(client: TestClient, body: object, status: int) -> None:
    assert client.post("/v1/conversations", json=body).status_code == status


def test_a_conversation_that_is_full_says_so(client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "MAX_MESSAGES", 2)
    ask(client, path)
    refused = ask(client, path)
    assert refused.status_code == 422 and "begin a new one" in refused.json()["detail"]
    assert len(client.get(path).json()["messages"]) == 2


def test_characters_that_databases_refuse_do_no_harm(client: TestClient, path: str) -> None:
    assert ask(client, path, f"{QUESTION}\0").status_code == 200
    assert client.get(path).json()["messages"][0]["content"] == QUESTION
    half = client.post(
        f"{path}/messages", content=b'{"content": "\\ud800"}', headers={"content-type": "application/json"}
    )
    assert half.status_code == 422
    for id in ("%00", "%ff", "%ED%A0%80", "a/b", "*"):
        assert client.get(f"/v1/conversations/{id}").status_code in (404, 422)


# Failures, and several at once


def test_a_question_whose_model_failed_has_no_answer_and_is_not_history(
    own_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own_client.post("/v1/conversations", json={}).headers["location"]
    writer = writes(
        monkeypatch,
        Script("Hydra is", BackendError("at 10.0.0.7: hung up", retryable=True, reason="the model hung up")),
    )
    assert ask(own_client, path).status_code == 503
    assert statuses(own_client, path) == [("user", "failed")]
    assert own_client.get(path).json()["messages"][0]["error"].endswith("can't be used: the model hung up")
    writer.pieces = ("Hydra is fast [1].",)
    assert ask(own_client, path, "Which heads are there in Hydra?").status_code == 200
    assert writer.heard[-1] == ()


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """A writer that writes half an answer, and the rest when `go` is set."""
    return writes(monkeypatch, Script("Hydra ", None, "is fast [1]."))


@pytest.fixture
def server(home: Path, script: Script) -> Iterator[httpx2.Client]:
    """HTTP on a real port."""
    with running(create_app(settings(home), words())) as url, httpx2.Client(base_url=url, timeout=20) as client:
        yield client
        script.go.set()


def test_of_two_questions_at_once_one_is_answered_and_one_refused(server: httpx2.Client, script: Script) -> None:
    path = server.post("/v1/conversations", json={}).headers["location"]
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(ask(server, path)))
    first.start()
    assert wait_until(lambda: len(script.heard) == 1)
    assert statuses(server, path) == [("user", "pending")]
    refused = ask(server, path)
    assert (refused.status_code, refused.headers["retry-after"]) == (409, "1")
    assert refused.json()["retryable"] is True and "another message" in refused.json()["detail"]
    script.go.set()
    first.join()
    assert answers[0].json()["text"] == "Hydra is fast [1]."
    assert ask(server, path).status_code == 200
    assert statuses(server, path) == [("user", "answered"), ("assistant", "answered")] * 2


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_leaves_no_half_answer(server: httpx2.Client, script: Script, stream: bool) -> None:
    path = server.post("/v1/conversations", json={}).headers["location"]
    body = {"content": QUESTION, "stream": stream}
    leave(f"{server.base_url}{path}/messages", body, when=lambda: len(script.heard) == 1)
    assert wait_until(lambda: script.stopped == 1, 1)
    assert wait_until(lambda: statuses(server, path) == [("user", "failed")], 1)
    assert "left" in server.get(path).json()["messages"][0]["error"]
    script.go.set()
    assert ask(server, path).status_code == 200
    assert statuses(server, path) == [("user", "failed"), ("user", "answered"), ("assistant", "answered")]


def test_a_conversation_that_is_deleted_while_it_is_answered_stays_deleted(
    server: httpx2.Client, script: Script, home: Path
) -> None:
    path = server.post("/v1/conversations", json={}).headers["location"]
    with server.stream("POST", f"{path}/messages", json={"content": QUESTION, "stream": True}) as response:
        assert wait_until(lambda: len(script.heard) == 1)
        assert server.delete(path).status_code == 200
        script.go.set()
        body = response.read().decode()
    assert "event: error" in body and "event: done" not in body and "was removed" in body
    assert set(rows(home).values()) == {0}


def test_what_a_killed_process_was_answering_is_failed_and_can_be_asked_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "LEASE_SECONDS", 0.0)
    with app(home) as client:
        path = client.post("/v1/conversations", json={}).headers["location"]
        Claims(Database(home)).claim(path.rpartition("/")[2], QUESTION)  # and then it was killed
        assert wait_until(lambda: statuses(client, path) == [("user", "failed")])
        assert "stopped" in client.get(path).json()["messages"][0]["error"]
        assert ask(client, path).status_code == 200
        assert statuses(client, path) == [("user", "failed"), ("user", "answered"), ("assistant", "answered")]


def test_a_slow_answer_keeps_its_claim(server: httpx2.Client, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "LEASE_SECONDS", 0.5)
    monkeypatch.setattr(conversations_module, "LEASE_SECONDS", 0.5)
    path = server.post("/v1/conversations").headers["location"]
    first = threading.Thread(target=lambda: ask(server, path))
    first.start()
    assert wait_until(lambda: len(script.heard) == 1)
    time.sleep(1)
    assert ask(server, path).status_code == 409
    script.go.set()
    first.join()
    assert statuses(server, path) == [("user", "answered"), ("assistant", "answered")]


def test_workers_on_one_database_answer_one_after_another(home: Path) -> None:
    conversations = Conversations(Database(home))
    conversation = asyncio.run(conversations.begin("local", "default"))
    command = [sys.executable, "-m", "tests.support.claimant", str(home), conversation.id, "15"]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers: list[Any] = [subprocess.Popen(command, **pipes) for _ in range(2)]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 2
    claims = Claims(Database(home))
    held = claims.claim(conversation.id, "why?")
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    assert [worker.stdout.readline() for worker in workers] == ["refused\n"] * 2
    claims.withdraw(held)
    assert [worker.communicate(timeout=60)[0] for worker in workers] == ["done\n"] * 2
    roles = [message.role for message in asyncio.run(conversations.messages(conversation.id))]
    assert roles == ["user", "assistant"] * 30


def test_a_key_names_one_conversation_however_many_begin_it(home: Path) -> None:
    key, stores = "slack:T1:C1:169.1", [Conversations(Database(home)) for _ in range(8)]

    async def begin_at_once() -> list[conversations_module.Conversation]:
        return await asyncio.gather(*(store.begin("slack", "default", key=key) for store in stores))

    results = asyncio.run(begin_at_once())
    assert len({conversation.id for conversation in results}) == 1
    assert asyncio.run(stores[0].find(key)) == results[0]
    assert asyncio.run(stores[0].find("slack:T1:C1:170.0")) is None


def test_a_conversation_is_removed_only_with_the_key_that_began_it(home: Path) -> None:
    with serve(home, api_keys="first,second") as served:
        first, second = ({"Authorization": f"Bearer {key}"} for key in ("first", "second"))
        id = served.post("/v1/conversations", json={}, headers=first).json()["id"]
        problem_of(served.delete(f"/v1/conversations/{id}", headers=second), 404)
        assert served.delete(f"/v1/conversations/{id}", headers=first).json()["removed"]
