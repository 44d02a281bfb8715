"""The terminal: fetching from a source, and enriching a library."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import respx

from tests.conftest import CommandResult
from tests.support.sources import MATCHES, parameters, sources

__all__ = ["sources"]

Command = Callable[..., CommandResult]


@pytest.fixture
def small_pages() -> None:
    """The pages stay as large as they are: nothing is waited for."""


def test_papers_of_a_source_go_into_a_library_like_a_file(scholiast: Command, sources: respx.MockRouter) -> None:
    result = scholiast("fetch", "openalex", "sleep", "--since", "2024-01-31", "--limit", "3", "--library", "found")
    assert (result.code, result.err) == (0, "")
    assert "3 added, 0 updated" in result.out
    assert f"{MATCHES} works match" in result.out
    assert parameters(sources.routes["openalex"].calls[0].request)["per-page"] == "3"
    listed = json.loads(scholiast("papers", "list", "--library", "found", "--json").out)
    assert listed["total"] == 3


def test_the_report_is_that_of_http(scholiast: Command, sources: respx.MockRouter) -> None:
    report = json.loads(scholiast("fetch", "europepmc", "sleep", "--json").out)
    assert (report["library"], report["added"], report["rejected"]) == ("default", MATCHES, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scopus", "sleep"), "there is arxiv, pubmed, openalex, semanticscholar, crossref, europepmc"),
        (("arxiv", "sleep", "--since", "May"), "YYYY-MM-DD"),
        (("arxiv", "sleep", "--limit", "0"), "the limit is 0"),
        (("semanticscholar", "sleep", "--limit", "2000"), "at most 1,000"),
        (("arxiv", ""), "0 characters"),
    ],
)
def test_wrong_usage_is_told_and_asks_nobody(
    scholiast: Command, sources: respx.MockRouter, arguments: tuple[str, ...], message: str
) -> None:
    result = scholiast("fetch", *arguments)
    assert result.code == 2
    assert message in result.err
    assert not any(route.called for route in sources.routes)


def test_a_source_that_fails_is_one_clear_line(scholiast: Command, sources: respx.MockRouter) -> None:
    sources.routes["pubmed"].mock(return_value=httpx.Response(429, headers={"retry-after": "900"}))
    result = scholiast("fetch", "pubmed", "sleep")
    assert (result.code, result.out) == (1, "")
    assert result.err.count("\n") == 1
    assert "PubMed can't be asked now" in result.err


def test_the_contact_has_to_be_an_address(
    scholiast: Command, sources: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHOLIAST_CONTACT", "me)\r\nX-Other: 1")
    result = scholiast("fetch", "openalex", "sleep")
    assert result.code == 1
    assert "SCHOLIAST_CONTACT" in result.err
    assert not sources.routes["openalex"].called


def test_enriching_tells_what_each_paper_gained(scholiast: Command, sources: respx.MockRouter, tmp_path: Path) -> None:
    file = tmp_path / "papers.jsonl"
    file.write_text(json.dumps({"title": "Coffee", "abstract": "Coffee shortens sleep.", "doi": "10.1000/coffee"}))
    scholiast("ingest", file)
    work = {"doi": "https://doi.org/10.1000/coffee", "publication_year": 2021, "authorships": [], "is_retracted": True}
    sources.routes["openalex"].mock(return_value=httpx.Response(200, json={"results": [work]}))
    result = scholiast("enrich")
    assert (result.code, result.err) == (0, "")
    assert "doi:10.1000/coffee  Coffee: year 2021, retracted" in result.out
    assert "1 papers, 1 enriched of 1 with a DOI" in result.out
    again = json.loads(scholiast("enrich", "--json").out)
    assert (again["library"], again["asked"], again["enriched"]) == ("default", 1, [])
