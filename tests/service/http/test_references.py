"""References over HTTP: of an answer, a conversation, a search and a library, as files that are read again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag import corpus
from rag.types import Paper
from service.http.app import create_app
from tests.conftest import FEW, QUESTION, settings
from tests.support.command import words

pytestmark = pytest.mark.slow


@pytest.fixture
def own_client(home: Path) -> Iterator[TestClient]:
    """HTTP over a library of this test, with a key."""
    app = create_app(settings(home, api_keys="k"), words())
    with TestClient(app, base_url="http://127.0.0.1", headers={"Authorization": "Bearer k"}) as client:
        yield client


def read(body: str, folder: Path) -> list[Paper]:
    path = folder / "references"
    path.write_text(body, "utf-8", newline="")
    return [record for record in corpus.read(path) if isinstance(record, Paper)]


def test_the_references_of_an_answer_are_the_whole_papers_that_it_cites(
    client: TestClient, papers: list[Paper], tmp_path: Path
) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    got = client.get(f"/v1/answers/{answer['id']}/references", params={"format": "bibtex"})
    assert got.headers["content-type"] == "application/x-bibtex; charset=utf-8"
    assert got.headers["content-disposition"] == f'attachment; filename="{answer["id"]}.bib"'
    first = read(got.text, tmp_path)[0]
    assert (first.id, first.abstract) == (papers[0].id, papers[0].abstract)


def test_an_answer_as_markdown_is_its_text_with_footnotes(client: TestClient) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    shown = client.get(f"/v1/answers/{answer['id']}/references", params={"format": "markdown"}).text
    assert shown.startswith(f"## {QUESTION}\n")
    assert "[^1]" in shown.partition("\n[^1]: ")[0]


def test_a_conversation_has_the_papers_of_all_its_answers_once(client: TestClient, papers: list[Paper]) -> None:
    id = client.post("/v1/conversations").json()["id"]
    assert json.loads(client.get(f"/v1/conversations/{id}/references", params={"format": "csl"}).text) == []
    for _ in range(2):
        client.post(f"/v1/conversations/{id}/messages", json={"content": QUESTION})
    items = json.loads(client.get(f"/v1/conversations/{id}/references", params={"format": "csl"}).text)
    assert items[0]["title"] == papers[0].title
    assert len({item["title"] for item in items}) == len(items)


def test_a_search_gives_its_papers_in_order(client: TestClient) -> None:
    found = client.get("/v1/search", params={"q": "decoding heads", "limit": 3}).json()["results"]
    shown = client.get("/v1/search/references", params={"q": "decoding heads", "limit": 3, "format": "csl"})
    assert [item["title"] for item in json.loads(shown.text)] == [entry["paper"]["title"] for entry in found]


@pytest.mark.parametrize("format", ["bibtex", "ris", "csl"])
def test_a_library_goes_out_and_comes_in_again(
    client: TestClient, papers: list[Paper], format: str, tmp_path: Path
) -> None:
    body = client.get("/v1/libraries/default/references", params={"format": format}).text
    found = {paper.id: (paper.title, paper.abstract, paper.authors, paper.year) for paper in read(body, tmp_path)}
    assert len(found) == FEW
    assert found == {paper.id: (paper.title, paper.abstract, paper.authors, paper.year) for paper in papers}


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/v1/answers/ans_none/references", 404, "no answer 'ans_none'"),
        ("/v1/conversations/conv_none/references", 404, "no conversation 'conv_none'"),
        ("/v1/libraries/none/references", 404, "no library 'none'; there is '"),
        ("/v1/answers/ans_none/references?format=word", 422, "format is 'word'; there is bibtex"),
    ],
)
def test_what_is_not_there_is_told(client: TestClient, path: str, status: int, detail: str) -> None:
    got = client.get(path)
    assert (got.status_code, got.headers["content-type"]) == (status, "application/problem+json")
    assert got.json()["detail"].startswith(detail)


def test_references_need_the_key(own_client: TestClient) -> None:
    id = own_client.post("/v1/ask", json={"question": QUESTION}).json()["id"]
    path = f"/v1/answers/{id}/references"
    assert own_client.get(path).status_code == 200
    assert own_client.get(path, headers={"Authorization": "Bearer other"}).status_code == 401
    assert own_client.get("/v1/libraries/default/references", headers={"Authorization": ""}).status_code == 401


def test_an_answer_whose_paper_was_removed_names_it_all_the_same(own_client: TestClient, papers: list[Paper]) -> None:
    id = own_client.post("/v1/ask", json={"question": QUESTION}).json()["id"]
    assert own_client.delete(f"/v1/papers/{papers[0].id}").status_code == 200
    entry = own_client.get(f"/v1/answers/{id}/references").text
    assert f"title = {{{{{papers[0].title}}}}}" in entry
    assert papers[0].abstract not in entry
