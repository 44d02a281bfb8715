"""Answers from the catalog reach every door: HTTP whole and streamed, the terminal, the OpenAI-compatible API."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag import serialize
from rag.types import Paper
from tests.conftest import CommandResult
from tests.support.over_http import events

COUNT = "How many papers are about speculative decoding?"
YEAR = "When was the Hydra paper published?"
CHAT = "/v1/chat/completions"


def test_a_count_is_an_answer_like_any_other(client: TestClient, papers: Sequence[Paper]) -> None:
    answer = client.post("/v1/ask", json={"question": COUNT}).json()
    assert answer["text"].startswith(f"5 of {len(papers)} abstracts mention “speculative decoding”")
    assert serialize.answer(serialize.parse_answer(answer)) == answer
    abstracts = {paper.id: paper.abstract for paper in papers}
    assert len(answer["citations"]) == 5
    for citation in answer["citations"]:
        assert abstracts[citation["paper"]["id"]][citation["start"] : citation["end"]] == citation["quote"]
    assert client.post(f"/v1/answers/{answer['id']}/feedback", json={"verdict": "good"}).status_code == 200


def test_a_stream_has_the_same_events(client: TestClient) -> None:
    found = events(client.post("/v1/ask", json={"question": COUNT, "stream": True}).text)
    names = [name for name, _ in found]
    assert (names[0], names[1], names[-1]) == ("sources", "delta", "done")
    assert "".join(data["text"] for name, data in found if name == "delta") == found[-1][1]["text"]


def test_the_terminal_shows_the_paper_of_a_field(scholiast: Callable[..., CommandResult], home: Path) -> None:
    ran = scholiast("ask", YEAR)
    assert (ran.code, ran.err) == (0, "")
    assert "Hydra: Sequentially-Dependent Draft Heads for Medusa Decoding” is from 2024 [1]." in ran.out
    assert "\nSources\n[1] Hydra: Sequentially-Dependent" in ran.out


def test_the_openai_door_names_the_paper_of_a_field(client: TestClient) -> None:
    body = {"model": "scholiast", "messages": [{"role": "user", "content": YEAR}]}
    content = client.post(CHAT, json=body).json()["choices"][0]["message"]["content"]
    assert "is from 2024 [1]." in content
    assert "\n\nSources:\n[1] Hydra: Sequentially-Dependent" in content


@pytest.mark.parametrize("form", [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "a"}}, {}])
@pytest.mark.parametrize("stream", [False, True])
def test_a_response_format_other_than_text_is_refused(client: TestClient, form: object, stream: bool) -> None:
    messages = [{"role": "user", "content": COUNT}]
    asked = {"model": "scholiast", "messages": messages, "response_format": form, "stream": stream}
    response = client.post(CHAT, json=asked)
    error = response.json()["error"]
    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["param"] == "response_format.type"
    assert "'text'" in error["message"] or "required" in error["message"]


@pytest.mark.parametrize("form", [{"type": "text"}, None])
def test_text_is_what_a_completion_is_anyway(client: TestClient, form: object) -> None:
    body = {"model": "scholiast", "messages": [{"role": "user", "content": COUNT}], "response_format": form}
    assert client.post(CHAT, content=json.dumps(body), headers={"content-type": "application/json"}).status_code == 200
