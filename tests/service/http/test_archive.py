"""HTTP: stored answers and feedback are found again, libraries are deleted, and long uploads tell how far they are."""

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from pydantic import TypeAdapter

from rag.history import uploads
from rag.history.uploads import Upload
from service.http import archive
from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.over_http import RECORD, problem_of, serve
from tests.support.running import wait_until
from tests.support.stand_ins import WordsEmbedder


def test_answers_are_listed_to_who_asked_newest_first_and_searched_by_words(home: Path) -> None:
    mine: dict[str, Any] = {"headers": {"X-API-Key": "a"}}
    theirs: dict[str, Any] = {"headers": {"X-API-Key": "b"}}
    with serve(home, api_keys="a,b") as client:
        first = client.post("/v1/ask", json={"question": QUESTION}, **mine).json()
        second = client.post("/v1/ask", json={"question": "What is 100% sparse?"}, **mine).json()
        client.post("/v1/ask", json={"question": QUESTION}, **theirs)
        page = client.get("/v1/answers", **mine).json()
        archive.AnswerPage.model_validate(page, extra="forbid")
        assert [found["id"] for found in page["answers"]] == [second["id"], first["id"]]
        assert page["answers"][1]["text"] == first["text"]
        assert (page["total"], page["answers"][1]["conversation"]) == (2, None)
        cut = client.get("/v1/answers", params={"offset": 1, "limit": 1}, **mine).json()
        assert ([found["id"] for found in cut["answers"]], cut["total"]) == ([first["id"]], 2)
        for words, ids in {"HYDRA++ recipe": [first], "100%": [second], "no such words": [], "1_0%": []}.items():
            found = client.get("/v1/answers", params={"q": words}, **mine).json()
            assert [answer["id"] for answer in found["answers"]] == [answer["id"] for answer in ids], words
        assert client.get("/v1/answers", params={"library": "other"}, **mine).json()["total"] == 0


def test_feedback_is_listed_to_who_gave_it(home: Path) -> None:
    mine: dict[str, Any] = {"headers": {"X-API-Key": "a"}}
    with serve(home, api_keys="a,b") as client:
        id = client.post("/v1/ask", json={"question": QUESTION}, **mine).json()["id"]
        path = f"/v1/answers/{id}/feedback"
        client.post(path, json={"verdict": "bad", "comment": "It is 1.31x.", "user": "ann"}, **mine)
        client.post(path, json={"verdict": "good"}, headers={"X-API-Key": "b"})
        page = client.get("/v1/feedback", **mine).json()
        archive.FeedbackPage.model_validate(page, extra="forbid")
        (given,) = page["feedback"]
        assert (given["answer_id"], given["user"], given["verdict"], given["question"]) == (id, "ann", "bad", QUESTION)
        assert client.get("/v1/feedback", params={"verdict": "good"}, **mine).json()["total"] == 0
        assert client.get("/v1/feedback", params={"q": "1.31x"}, **mine).json()["total"] == 1
        assert client.get("/v1/feedback", params={"q": "2.31x"}, **mine).json()["total"] == 0
        problem_of(client.get("/v1/feedback", params={"verdict": "so-so"}, **mine), 422)


def test_a_library_is_deleted_with_its_papers_and_can_be_made_again(client: TestClient) -> None:
    there = {"library": "doomed"}
    client.post("/v1/papers", params=there, json=[RECORD])
    assert client.post("/v1/ask", json={"question": "Does coffee shorten sleep?", **there}).status_code == 200
    assert client.delete("/v1/libraries/doomed").json() == {"library": "doomed", "removed": True}
    problem_of(client.get("/v1/papers", params=there), 404)
    problem_of(client.delete("/v1/libraries/doomed"), 404)
    problem_of(client.delete("/v1/libraries/Not a name"), 422)
    assert client.post("/v1/papers", params=there, json=[RECORD]).json()["papers"] == 1


class Slow(WordsEmbedder):
    """Embeds papers when it may; questions at once."""

    def __init__(self) -> None:
        super().__init__(512)
        self.go = threading.Event()
        self.fails = False

    async def embed(self, texts: Sequence[str]) -> NDArray[Any]:
        if len(texts) > 1:
            await asyncio.to_thread(self.go.wait, 30)
            if self.fails:
                raise ZeroDivisionError("secret")
        return await super().embed(texts)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def slow_client(tmp_path: Path, slow: Slow) -> TestClient:
    app = create_app(settings(tmp_path / "fresh"), slow)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.mark.parametrize("how", [{"params": {"background": "true"}}, {"headers": {"Prefer": "respond-async"}}])
def test_a_long_upload_goes_on_in_the_background_and_tells_how_far_it_is(
    slow_client: TestClient, slow: Slow, how: dict[str, Any]
) -> None:
    with slow_client as client:
        response = client.post("/v1/papers", json=[RECORD], **how)
        assert (response.status_code, response.headers["preference-applied"]) == (202, "respond-async")
        TypeAdapter(Upload).validate_python(response.json(), extra="forbid")
        place = response.headers["location"]
        begun = client.get(place).json()
        assert (begun["state"], begun["total"], begun["report"]) == ("running", 1, None)
        problem_of(client.delete("/v1/libraries/default"), 409)
        slow.go.set()
        assert wait_until(lambda: client.get(place).json()["state"] == "done", 20)
        ended = client.get(place).json()
        assert (ended["done"], ended["report"]["added"]) == (1, 1)
        problem_of(client.get("/v1/uploads/upl_nobody"), 404)


def test_a_background_upload_that_can_not_be_read_is_refused_at_once(slow_client: TestClient) -> None:
    with slow_client as client:
        problem_of(client.post("/v1/papers?background=true", json=[]), 422)


def test_an_upload_that_fails_says_why_and_reveals_no_bug(slow_client: TestClient, slow: Slow) -> None:
    with slow_client as client:
        slow.fails = True
        slow.go.set()
        place = client.post("/v1/papers?background=true", json=[RECORD]).headers["location"]
        assert wait_until(lambda: client.get(place).json()["state"] == "failed", 20)
        assert "bug" in client.get(place).json()["error"]


def test_an_upload_of_a_service_that_was_stopped_or_killed_is_failed(
    slow_client: TestClient, slow: Slow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with slow_client as client:
        stopped = client.post("/v1/papers?background=true", json=[RECORD]).headers["location"]
        threading.Timer(0.5, slow.go.set).start()
    with serve(tmp_path / "fresh") as again:
        assert "stopped" in again.get(stopped).json()["error"]
        client = again
        workspace = client.app.state.workspace  # type: ignore[attr-defined]  # an app is an ASGI callable to its types
        assert client.portal is not None
        left = client.portal.call(workspace.uploads.begin, "local", "default", 7)
        assert client.get(f"/v1/uploads/{left.id}").json()["state"] == "running"
        monkeypatch.setattr(uploads, "LEASE_SECONDS", -1.0)
        ended = client.get(f"/v1/uploads/{left.id}").json()
        assert (ended["state"], "send it again" in ended["error"]) == ("failed", True)


def test_only_a_few_uploads_are_stored_in_the_background_at_once(slow_client: TestClient, slow: Slow) -> None:
    with slow_client as client:
        begun = [
            client.post(f"/v1/papers?background=true&library=l{number}", json=[RECORD]).status_code
            for number in range(4)
        ]
        assert begun == [202] * 4
        assert "retry-after" in client.post("/v1/papers?background=true", json=[RECORD]).headers
        slow.go.set()


def test_others_do_not_see_an_upload(home: Path) -> None:
    with serve(home, api_keys="a,b") as client:
        body = json.dumps([RECORD])
        headers = {"X-API-Key": "a", "Content-Type": "application/json"}
        place = client.post("/v1/papers?background=true", content=body, headers=headers).headers["location"]
        problem_of(client.get(place, headers={"X-API-Key": "b"}), 404)
        assert wait_until(lambda: client.get(place, headers=headers).json()["state"] == "done", 20)
