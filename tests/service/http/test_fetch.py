"""HTTP: fetching from a source into a library."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from rag.types import IngestReport
from tests.support.over_http import problem_of, serve
from tests.support.sources import MATCHES, sources

__all__ = ["sources"]


@pytest.fixture
def small_pages() -> None:
    """The pages stay as large as they are: nothing is waited for."""


def test_what_a_source_finds_is_fetched_into_a_library(client: TestClient, sources: respx.MockRouter) -> None:
    body = {"source": "europepmc", "query": "sleep", "since": "2020-01-01", "limit": 50, "library": "fetched"}
    report = client.post("/v1/fetch", json=body).json()
    TypeAdapter(IngestReport).validate_python(report, extra="forbid")
    assert (report["library"], report["added"], report["papers"]) == ("fetched", MATCHES, MATCHES)
    assert client.get("/v1/papers", params={"library": "fetched"}).json()["total"] == MATCHES


def test_what_papers_lack_is_filled_from_a_source(client: TestClient, sources: respx.MockRouter) -> None:
    work = {"DOI": "10.1000/coffee.1", "issued": {"date-parts": [[2021]]}, "container-title": ["Sleep"]}
    sources.routes["crossref"].mock(return_value=httpx.Response(200, json={"message": {"items": [work]}}))
    record = {"id": "doi:10.1000/coffee.1", "title": "Coffee", "abstract": "Coffee shortens sleep."}
    client.post("/v1/papers", params={"library": "bare"}, json=[record])
    report = client.post("/v1/enrich", json={"source": "crossref", "library": "bare"}).json()
    assert (report["library"], report["papers"], report["asked"]) == ("bare", 1, 1)
    (gained,) = report["enriched"]
    assert gained["filled"] == {"year": 2021, "venue": "Sleep"}
    assert client.get("/v1/papers/doi:10.1000/coffee.1", params={"library": "bare"}).json()["year"] == 2021


@pytest.mark.parametrize("body", [{"source": "scopus"}, {"source": 7}, {"library": "../up"}])
def test_a_bad_enrichment_is_a_problem_and_asks_nobody(
    client: TestClient, sources: respx.MockRouter, body: dict[str, Any]
) -> None:
    problem_of(client.post("/v1/enrich", json=body), 422)
    assert not any(route.called for route in sources.routes)


@pytest.mark.parametrize(
    "change",
    [
        {"source": "scopus"},
        {"source": "http://127.0.0.1/"},
        {"query": " "},
        {"query": "x" * 1001},
        {"since": "2020"},
        {"limit": 0},
        {"limit": 10_001},
        {"limit": "10"},
        {"library": "../up"},
    ],
)
def test_a_bad_request_is_a_problem_asks_nobody_and_makes_no_library(
    client: TestClient, sources: respx.MockRouter, change: dict[str, Any]
) -> None:
    body = {"source": "europepmc", "query": "sleep", "library": "unfetched", **change}
    problem_of(client.post("/v1/fetch", json=body), 422)
    assert not any(route.called for route in sources.routes)
    assert "unfetched" not in {library["name"] for library in client.get("/v1/libraries").json()["libraries"]}


def test_a_base_address_can_not_be_given(client: TestClient, sources: respx.MockRouter) -> None:
    body = {"source": "europepmc", "query": "sleep", "url": "http://127.0.0.1:1/", "library": "based"}
    assert problem_of(client.post("/v1/fetch", json=body), 422)["errors"][0]["field"] == "url"
    assert not any(route.called for route in sources.routes)


def test_a_source_that_asks_for_patience_is_told_as_a_problem_and_makes_no_library(
    client: TestClient, sources: respx.MockRouter
) -> None:
    sources.routes["europepmc"].mock(return_value=httpx.Response(429, headers={"retry-after": "900"}))
    response = client.post("/v1/fetch", json={"source": "europepmc", "query": "sleep", "library": "unfetched"})
    assert "900 seconds" in problem_of(response, 503)["detail"]
    assert "unfetched" not in {library["name"] for library in client.get("/v1/libraries").json()["libraries"]}


def test_a_query_that_the_source_refuses_is_the_callers_error(client: TestClient, sources: respx.MockRouter) -> None:
    sources.routes["europepmc"].mock(return_value=httpx.Response(400))
    problem_of(client.post("/v1/fetch", json={"source": "europepmc", "query": "((("}), 422)


def test_a_service_with_keys_fetches_for_nobody_else(tmp_path: Path, sources: respx.MockRouter) -> None:
    body = {"source": "europepmc", "query": "sleep"}
    with serve(tmp_path, api_keys="right") as locked:
        problem_of(locked.post("/v1/fetch", json=body), 401)
        assert not sources.routes["europepmc"].called
        assert locked.post("/v1/fetch", json=body, headers={"authorization": "Bearer right"}).status_code == 200
