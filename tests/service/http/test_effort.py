"""Deep answers over HTTP: the field, the `step` events, a client that leaves, and the OpenAI-compatible door."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import respx
from fastapi.testclient import TestClient

from rag.types import Paper
from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.deep_llm import DeepModel
from tests.support.wire import BASE_URL, URL, router

__all__ = ["router"]

CLAIM = "Hydra++ is the best recipe for Hydra heads."


@pytest.fixture
def model(papers: list[Paper], router: respx.MockRouter) -> DeepModel:
    title = papers[0].title
    model = DeepModel([{QUESTION: ["Hydra heads", "speculative decoding"]}], {title: 9}, [(CLAIM, title)])
    router.post(URL).mock(side_effect=model.respond)
    return model


@pytest.fixture
def deep(home: Path, model: DeepModel) -> Iterator[TestClient]:
    configured = settings(
        home, model="openai:http-deep", model_base_url=BASE_URL, model_context_tokens="64000", on_model_failure="error"
    )
    with TestClient(create_app(configured, words()), base_url="http://127.0.0.1") as client:
        yield client


def events(text: str) -> list[tuple[str, dict[str, object]]]:
    blocks = [dict(line.partition(": ")[::2] for line in block.splitlines()) for block in text.split("\n\n") if block]
    return [(block["event"], json.loads(block["data"])) for block in blocks if "event" in block]


def test_a_deep_answer_has_its_steps_before_its_sources_and_its_evidence_in_the_answer(
    deep: TestClient, model: DeepModel
) -> None:
    found = events(deep.post("/v1/ask", json={"question": QUESTION, "effort": "deep", "stream": True}).text)
    names = [name for name, _ in found]
    assert names[:5] == ["step", "step", "step", "step", "sources"] and names[-1] == "done"
    assert [data["step"] for name, data in found if name == "step"] == ["plan", "search", "grade", "write"]
    done = found[-1][1]
    evidence = done["evidence"]
    assert isinstance(evidence, list) and evidence[0]["grade"] == 9
    assert done["passages"][evidence[0]["number"] - 1]["number"] == evidence[0]["number"]  # type: ignore[index]
    assert "write" in model.asked


def test_the_effort_is_stored_with_the_answer(deep: TestClient) -> None:
    ids = {e: deep.post("/v1/ask", json={"question": QUESTION, "effort": e}).json()["id"] for e in ("quick", "deep")}
    for effort, id in ids.items():
        assert deep.get(f"/v1/answers/{id}").json()["effort"] == effort
        deep.post(f"/v1/answers/{id}/feedback", json={"verdict": "good"})
    listed = {found["id"]: found["effort"] for found in deep.get("/v1/answers").json()["answers"]}
    assert listed == {id: effort for effort, id in ids.items()}


def test_a_quick_answer_is_one_call_and_has_neither(deep: TestClient, model: DeepModel) -> None:
    found = deep.post("/v1/ask", json={"question": QUESTION}).json()
    assert found["evidence"] == [] and model.asked == ["write"]


def test_a_conversation_and_the_openai_door_take_it_too(deep: TestClient, model: DeepModel) -> None:
    id = deep.post("/v1/conversations", json={}).json()["id"]
    found = deep.post(f"/v1/conversations/{id}/messages", json={"content": QUESTION, "effort": "deep"}).json()
    assert found["evidence"][0]["grade"] == 9
    body = {"model": "scholiast", "messages": [{"role": "user", "content": QUESTION}], "effort": "deep"}
    assert deep.post("/v1/chat/completions", json=body).json()["scholiast"]["evidence"][0]["grade"] == 9
    assert model.asked.count("plan") == 2


@pytest.mark.parametrize("effort", ["extreme", 3])
def test_an_effort_that_there_is_not_is_refused(effort: object, client: TestClient) -> None:
    response = client.post("/v1/ask", json={"question": QUESTION, "effort": effort})
    assert response.status_code == 422 and "effort" in response.text


def test_without_a_chat_model_a_deep_answer_is_refused_with_what_to_do(client: TestClient) -> None:
    for stream in (False, True):
        response = client.post("/v1/ask", json={"question": QUESTION, "effort": "deep", "stream": stream})
        assert response.status_code in (400, 422) and "set SCHOLIAST_MODEL" in response.json()["detail"]
