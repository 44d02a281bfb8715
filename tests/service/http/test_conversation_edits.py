"""Conversations over HTTP are found by their words and renamed, and their last questions are taken back."""

import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.over_http import problem_of, serve
from tests.support.running import Script, running, wait_until, writes


def begin(client: TestClient, *questions: str) -> str:
    id: str = client.post("/v1/conversations", json={}).json()["id"]
    for question in questions:
        assert client.post(f"/v1/conversations/{id}/messages", json={"content": question}).status_code == 200
    return id


def messages(client: TestClient, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/v1/conversations/{id}").json()["messages"]
    return found


def test_a_conversation_is_found_by_its_title_or_by_what_was_said_in_it(client: TestClient) -> None:
    id = begin(client, QUESTION, "What do plain otters eat at 100%_night?")
    client.patch(f"/v1/conversations/{id}", json={"title": "Of Heads"})
    for said in ("of heads", "OTTERS EAT", "100%_n"):
        found = client.get("/v1/conversations", params={"q": said}).json()
        assert [one["id"] for one in found["conversations"]] == [id]
        assert found["total"] == 1
    assert client.get("/v1/conversations", params={"q": "100__n"}).json()["total"] == 0


def test_a_conversation_gets_a_new_title(client: TestClient) -> None:
    id = begin(client)
    renamed = client.patch(f"/v1/conversations/{id}", json={"title": " Sleep "})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "Sleep")
    assert "201" in problem_of(client.patch(f"/v1/conversations/{id}", json={"title": "a" * 201}), 422)["detail"]
    problem_of(client.patch(f"/v1/conversations/{id}", json={"title": "  "}), 422)
    problem_of(client.patch("/v1/conversations/conv_none", json={"title": "Sleep"}), 404)


def test_a_message_is_taken_back_with_all_after_it_and_their_answers(client: TestClient) -> None:
    id = begin(client, QUESTION, "What do otters eat?")
    said = messages(client, id)
    gone = client.delete(f"/v1/conversations/{id}/messages/{said[2]['id']}")
    assert gone.json() == {"id": id, "removed": 2}
    assert [message["id"] for message in messages(client, id)] == [message["id"] for message in said[:2]]
    problem_of(client.get(f"/v1/answers/{said[3]['answer']['id']}"), 404)
    assert client.get(f"/v1/answers/{said[1]['answer']['id']}").status_code == 200
    assert client.post(f"/v1/conversations/{id}/messages", json={"content": QUESTION}).status_code == 200
    problem_of(client.delete(f"/v1/conversations/{id}/messages/{said[2]['id']}"), 404)


def test_a_conversation_of_another_key_is_neither_renamed_nor_taken_back(home: Path) -> None:
    with serve(home, api_keys="one,two") as client:
        one, two = ({"Authorization": f"Bearer {key}"} for key in ("one", "two"))
        id = client.post("/v1/conversations", json={}, headers=one).json()["id"]
        client.post(f"/v1/conversations/{id}/messages", json={"content": QUESTION}, headers=one)
        message = client.get(f"/v1/conversations/{id}", headers=one).json()["messages"][0]["id"]
        problem_of(client.patch(f"/v1/conversations/{id}", json={"title": "Mine"}, headers=two), 404)
        problem_of(client.delete(f"/v1/conversations/{id}/messages/{message}", headers=two), 404)
        assert len(client.get(f"/v1/conversations/{id}", headers=one).json()["messages"]) == 2


def test_nothing_is_taken_back_while_a_question_is_being_answered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = writes(monkeypatch, Script("Hydra heads ", None, "depend on each other [1]."))
    with running(create_app(settings(home), words())) as url, httpx2.Client(base_url=url) as client:
        path = client.post("/v1/conversations", json={}).headers["location"]
        asking = threading.Thread(target=lambda: client.post(f"{path}/messages", json={"content": QUESTION}))
        asking.start()
        assert wait_until(lambda: len(script.heard) == 1)
        message = client.get(path).json()["messages"][0]["id"]
        refused = client.delete(f"{path}/messages/{message}")
        script.go.set()
        asking.join()
        assert "is answering" in problem_of(refused, 409)["detail"]
        assert len(client.get(path).json()["messages"]) == 2
