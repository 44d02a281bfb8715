"""Reading on over HTTP: the abstracts behind an answer, neighbours and citing answers of a paper, lists and maps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from rag.library.maps import MAX_PAPERS, project
from rag.types import Paper
from tests.conftest import QUESTION
from tests.support.over_http import problem_of, serve

HERONS = [
    {
        "id": f"h-{number}",
        "title": f"{'ab'[number % 2]} study {number} of herons",
        "abstract": f"Colony {number} of herons was counted. It had nests.",
        "year": 2000 + number if number < 6 else None,
        "venue": ["Ardea", "Ibis", None][number % 3],
    }
    for number in range(8)
]


@pytest.fixture(scope="module")
def herons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serve(tmp_path_factory.mktemp("herons")) as client:
        assert client.post("/v1/papers", json=HERONS).json()["added"] == len(HERONS)
        yield client


def browse(client: TestClient, **parameters: Any) -> Any:
    response = client.get("/v1/browse", params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_abstracts_behind_an_answer_have_every_quote_in_its_place_with_the_words_that_support(
    client: TestClient,
) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    sources = client.get(f"/v1/answers/{answer['id']}/sources").json()["sources"]
    quotes = [quote for source in sources for quote in source["quotes"]]
    assert {(q["number"], q["quote"]) for q in quotes if not q["further"]} == {
        (citation["number"], citation["quote"]) for citation in answer["citations"]
    }
    assert any(quote["further"] for quote in quotes) == bool(answer["more"])
    for source in sources:
        for quote in source["quotes"]:
            assert source["paper"]["abstract"][quote["start"] : quote["end"]] == quote["quote"]
            assert quote["words"] and all(quote["start"] <= a < b <= quote["end"] for a, b in quote["words"])


def test_a_quote_that_its_abstract_has_no_more_has_no_place(home: Path) -> None:
    with serve(home) as client:
        client.post("/v1/papers", json=[{"id": "o-1", "title": "Otters", "abstract": "Otters hold hands when asleep."}])
        answer = client.post("/v1/ask", json={"question": "Do otters hold hands when asleep?"}).json()
        assert answer["citations"]
        client.post("/v1/papers", json=[{"id": "o-1", "title": "Otters", "abstract": "Otters swim on their backs."}])
        quotes = client.get(f"/v1/answers/{answer['id']}/sources").json()["sources"][0]["quotes"]
        assert [(quote["start"], quote["words"]) for quote in quotes if not quote["further"]] == [(None, [])]


def test_the_neighbours_of_a_paper_are_others_the_nearest_first(client: TestClient, papers: list[Paper]) -> None:
    found = client.get(f"/v1/papers/{papers[0].id}/neighbours", params={"limit": 3}).json()["neighbours"]
    assert len(found) == 3
    assert papers[0].id not in [one["paper"]["id"] for one in found]
    assert [one["similarity"] for one in found] == sorted((one["similarity"] for one in found), reverse=True)
    problem_of(client.get("/v1/papers/none/neighbours"), 404)


def test_the_answers_that_cite_a_paper_are_those_of_the_same_key(home: Path) -> None:
    with serve(home, api_keys="one,two") as client:
        headers = [{"Authorization": f"Bearer {key}"} for key in ("one", "two")]
        answer = client.post("/v1/ask", json={"question": QUESTION}, headers=headers[0]).json()
        path = f"/v1/papers/{answer['citations'][0]['paper']['id']}/answers"
        own = client.get(path, headers=headers[0]).json()["answers"]
        assert [(one["id"], one["question"]) for one in own] == [(answer["id"], QUESTION)]
        assert client.get(path, headers=headers[1]).json() == {"answers": []}
        shown = {passage["paper"]["id"] for passage in answer["passages"]}
        cited = {citation["paper"]["id"] for citation in answer["citations"]}
        only_shown = min(shown - cited)
        assert client.get(f"/v1/papers/{only_shown}/answers", headers=headers[0]).json() == {"answers": []}


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [("newest", "h-5", "h-7"), ("best", "h-5", "h-7"), ("oldest", "h-0", "h-7"), ("title", "h-0", "h-7")],
)
def test_papers_are_listed_in_order_and_those_without_a_year_come_last(
    herons: TestClient, order: str, first: str, last: str
) -> None:
    listed = [entry["paper"]["id"] for entry in browse(herons, order=order)["papers"]]
    assert (len(listed), listed[0], listed[-1]) == (8, first, last)
    searched = [entry["paper"]["id"] for entry in browse(herons, q="herons", order=order)["papers"]]
    assert sorted(searched) == sorted(listed)
    if order != "best":
        assert searched == listed


@pytest.mark.parametrize("words", ["", "herons"])
def test_a_list_is_narrowed_and_counted_by_year_and_venue(herons: TestClient, words: str) -> None:
    whole = browse(herons, q=words)
    assert {count["value"]: count["papers"] for count in whole["facets"]["venues"]} == {"Ardea": 3, "Ibis": 3}
    assert [count["value"] for count in whole["facets"]["years"]] == [2005, 2004, 2003, 2002, 2001, 2000, None]
    narrow = browse(herons, q=words, venue="Ibis", year_from=2001, year_to=2004)
    assert sorted(entry["paper"]["id"] for entry in narrow["papers"]) == ["h-1", "h-4"]
    assert (narrow["total"], len(narrow["facets"]["years"])) == (2, 2)
    assert browse(herons, q=words, venue="Nowhere")["total"] == 0


def test_pages_of_a_list_have_every_paper_once(herons: TestClient) -> None:
    for words in ("", "herons"):
        pages = [browse(herons, q=words, offset=offset, limit=3) for offset in (0, 3, 6)]
        ids = [entry["paper"]["id"] for page in pages for entry in page["papers"]]
        assert (len(ids), len(set(ids)), {page["total"] for page in pages}) == (8, 8, {8})
    assert all(entry["snippet"] and entry["score"] for entry in browse(herons, q="herons")["papers"])


def test_years_in_the_wrong_order_are_refused(herons: TestClient) -> None:
    problem = problem_of(herons.get("/v1/browse", params={"year_from": 2020, "year_to": 2010}), 422)
    assert "2020 to 2010" in problem["detail"]


def test_a_map_has_every_paper_at_a_place_that_stays(herons: TestClient) -> None:
    made = herons.get("/v1/libraries/default/map").json()
    assert made["papers"] == len(made["points"]) == len(HERONS) <= MAX_PAPERS
    assert all(0 <= point["x"] <= 1 and 0 <= point["y"] <= 1 for point in made["points"])
    assert made == herons.get("/v1/libraries/default/map").json()
    problem_of(herons.get("/v1/libraries/none/map"), 404)


def test_a_map_is_made_again_when_the_library_has_changed(home: Path) -> None:
    with serve(home) as client:
        before = client.get("/v1/libraries/default/map").json()
        client.post("/v1/papers", json=[{"id": "o-1", "title": "Otters", "abstract": "Otters hold hands."}])
        after = client.get("/v1/libraries/default/map").json()
    assert after["revision"] > before["revision"]
    assert {p["id"] for p in after["points"]} - {p["id"] for p in before["points"]} == {"o-1"}


def test_vectors_of_two_kinds_lie_apart_in_the_plane() -> None:
    random = np.random.default_rng(0)
    kinds = np.repeat(np.eye(2, 16, dtype=np.float32), 20, axis=0)
    places = project((kinds + random.normal(0, 0.05, kinds.shape)).astype(np.float32))
    one, other = places[:20, 0], places[20:, 0]
    assert max(one.max(), other.max()) == 1.0
    assert one.max() < other.min() or other.max() < one.min()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_map_of_hardly_any_papers_is_no_trouble(number: int) -> None:
    assert project(np.ones((number, 4), np.float32)).shape == (number, 2)
