"""Feedback: stored with all that is needed to ask again, once for each caller, from every entry point."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from rag.database import FILE, Database
from rag.errors import LibraryError, NotFoundError
from rag.history.answers import Answers, Feedback
from rag.text import chunk
from service.http.app import create_app
from tests.conftest import QUESTION, CommandResult, settings
from tests.support.command import words
from tests.support.running import Script, writes

pytestmark = pytest.mark.slow

HISTORY = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Hydra++ [1]."}]


@pytest.fixture
def own_client(home: Path) -> Iterator[TestClient]:
    """HTTP over the `home` of this test, which the test can look into."""
    with TestClient(create_app(settings(home), words()), base_url="http://127.0.0.1") as client:
        yield client


def exported(scholiast: Callable[..., CommandResult]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in scholiast("feedback", "list", "--json").out.splitlines()]


def stored_answer(home: Path, id: str) -> dict[str, Any]:
    """The row in the database, read without our own code."""
    with sqlite3.connect(home / FILE) as database:
        database.row_factory = sqlite3.Row
        return dict(database.execute("SELECT * FROM answers WHERE id = ?", [id]).fetchone())


def test_an_answer_can_be_read_again_as_it_was_shown(client: TestClient) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert client.get(f"/v1/answers/{answer['id']}").json() == answer


def test_a_streamed_answer_is_stored_before_its_last_event(client: TestClient) -> None:
    body = client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text
    done = json.loads(body.strip().rpartition("data: ")[2])
    assert client.get(f"/v1/answers/{done['id']}").json() == done


def test_a_stored_answer_has_all_that_is_needed_to_ask_again(own_client: TestClient, home: Path) -> None:
    request = {
        "question": "And how fast?",
        "history": HISTORY,
        "top_k": 3,
        "filters": {"year_from": 2020, "venues": ["Ibis"]},
    }
    answer = own_client.post("/v1/ask", json=request).json()
    stored = stored_answer(home, answer["id"])
    assert (stored["question"], json.loads(stored["history"]), stored["top_k"]) == (request["question"], HISTORY, 3)
    kept = json.loads(stored["filters"])
    assert kept == {"year_from": 2020, "year_to": None, "papers": [], "venues": ["Ibis"], "authors": []}
    assert (stored["embedder"], stored["chunker"], stored["revision"]) == ("words", chunk.NAME, 1)
    assert (stored["model"], stored["prompt"], stored["door"], stored["caller"]) == ("extractive", "", "http", "local")
    for shown, row in zip(answer["passages"], json.loads(stored["passages"]), strict=True):
        assert (row["number"], row["paper"]) == (shown["number"], shown["paper"]["id"])
        assert row["end"] - row["start"] == len(shown["text"])


def test_feedback_is_stored_and_replaces_the_callers_earlier_feedback(
    own_client: TestClient, scholiast: Callable[..., CommandResult]
) -> None:
    answer = own_client.post("/v1/ask", json={"question": QUESTION}).json()
    path = f"/v1/answers/{answer['id']}/feedback"
    first = own_client.post(path, json={"verdict": "bad", "comment": " Which throughput? "})
    TypeAdapter(Feedback).validate_python(first.json(), extra="forbid")
    assert (first.status_code, first.json()["comment"]) == (200, "Which throughput?")
    second = own_client.post(path, json={"verdict": "good"}).json()
    assert (second["verdict"], second["comment"], second["created"]) == ("good", "", first.json()["created"])
    assert [entry["verdict"] for entry in exported(scholiast)] == ["good"]


def test_each_key_and_each_user_of_a_key_has_one_verdict(home: Path, scholiast: Callable[..., CommandResult]) -> None:
    with TestClient(create_app(settings(home, api_keys="a,b"), words()), base_url="http://127.0.0.1") as client:
        one, two = {"authorization": "Bearer a"}, {"authorization": "Bearer b"}
        answer = client.post("/v1/ask", json={"question": QUESTION}, headers=one).json()
        path = f"/v1/answers/{answer['id']}/feedback"
        for headers, user in [(one, None), (two, None), (two, "ann"), (two, "ann"), (one, None)]:
            assert client.post(path, json={"verdict": "good", "user": user}, headers=headers).status_code == 200
    assert len(exported(scholiast)) == 3


def test_an_export_is_what_the_evaluation_can_ask_again(
    own_client: TestClient, scholiast: Callable[..., CommandResult]
) -> None:
    answer = own_client.post("/v1/ask", json={"question": "And how fast?", "history": HISTORY}).json()
    feedback = own_client.post(f"/v1/answers/{answer['id']}/feedback", json={"verdict": "bad", "comment": "No."}).json()
    assert exported(scholiast) == [
        {
            "answer_id": answer["id"],
            "question": "And how fast?",
            "history": HISTORY,
            "library": "default",
            "outcome": answer["outcome"],
            "verdict": "bad",
            "comment": "No.",
            "passages": list(dict.fromkeys(passage["paper"]["id"] for passage in answer["passages"])),
            "cited": list(dict.fromkeys(citation["paper"]["id"] for citation in answer["citations"])),
            "model": "extractive",
            "effort": "quick",
            "created": feedback["created"],
        }
    ]
    assert "bad   And how fast? (No.)" in scholiast("feedback", "list").out


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"verdict": "fine"}, 422), ({"verdict": "good", "comment": "a" * 4001}, 422), ([], 422)],
)
def test_feedback_that_can_not_be_used_is_refused(client: TestClient, body: object, status: int) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert client.post(f"/v1/answers/{answer['id']}/feedback", json=body).status_code == status


def test_an_unknown_answer_is_not_found(client: TestClient) -> None:
    assert client.post("/v1/answers/ans_none/feedback", json={"verdict": "good"}).status_code == 404
    assert client.get("/v1/answers/ans_none").status_code == 404


def test_an_answer_on_the_command_line_is_stored_too(home: Path, scholiast: Callable[..., CommandResult]) -> None:
    answer = json.loads(scholiast("ask", QUESTION, "--json").out)
    assert stored_answer(home, answer["id"])["door"] == "terminal"
    assert scholiast("feedback", "list").out == "There is no feedback yet.\n"


def test_an_answer_that_can_not_be_stored_is_returned_all_the_same(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise LibraryError("catalog: the disk is full")

    monkeypatch.setattr(Answers, "_insert", full)
    assert client.post("/v1/ask", json={"question": QUESTION}).json()["outcome"] == "answered"
    assert "could not be stored: catalog: the disk is full" in caplog.text


def test_old_answers_are_deleted_unless_they_have_feedback_or_a_conversation(
    own_client: TestClient, home: Path
) -> None:
    ids = [own_client.post("/v1/ask", json={"question": QUESTION}).json()["id"] for _ in range(4)]
    path = own_client.post("/v1/conversations", json={}).headers["location"]
    ids.append(own_client.post(f"{path}/messages", json={"content": QUESTION}).json()["id"])
    own_client.post(f"/v1/answers/{ids[0]}/feedback", json={"verdict": "good"})
    answers = Answers(Database(home))
    answers.clear(kept=1)
    assert [id for id in ids if _exists(answers, id)] == [ids[0], ids[3], ids[4]]


def _exists(answers: Answers, id: str) -> bool:
    try:
        return bool(asyncio.run(answers.get(id)))
    except NotFoundError:
        return False


# History without a conversation: the client sends it to /v1/ask


def test_history_is_bounded_to_its_last_turns(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writes(monkeypatch, Script("Hydra is fast [1]."))
    turns = [{"role": ("user", "assistant")[n % 2], "content": f"{n} {QUESTION}"} for n in range(60)]
    long = [*turns, {"role": "user", "content": "Hydra " * 5000}, {"role": "assistant", "content": " "}]
    assert client.post("/v1/ask", json={"question": QUESTION, "history": long}).status_code == 200
    received = writer.heard[-1]
    assert len(received) == 20 and all(len(turn.content) <= 8000 for turn in received)
    assert [turn.content.split()[0] for turn in received] == [*(str(n) for n in range(41, 60)), "Hydra"]


@pytest.mark.parametrize(
    "history",
    [[{"role": "system", "content": "x"}], [{"role": "user"}], [{"role": "user", "content": 1}], "x", [None]],
)
def test_history_of_the_wrong_shape_is_refused(client: TestClient, history: object) -> None:
    response = client.post("/v1/ask", json={"question": QUESTION, "history": history})
    assert response.status_code == 422 and "history" in response.json()["detail"]
