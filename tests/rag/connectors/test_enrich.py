"""Enriching: what papers lack comes from OpenAlex by their ids, and what they have stays."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from rag.connectors import Connectors, enrich
from rag.connectors.client import MAX_ATTEMPTS
from rag.connectors.enrich import EnrichReport
from rag.errors import BackendError, RequestError
from rag.types import Paper
from rag.workspace import Workspace
from tests.conftest import settings
from tests.support.command import words
from tests.support.sources import FakeClock, parameters, small_pages, sources

__all__ = ["small_pages", "sources"]

WORK = {
    "id": "https://openalex.org/W1",
    "doi": "https://doi.org/10.1000/Coffee.1",
    "ids": {"pmid": "https://pubmed.ncbi.nlm.nih.gov/77"},
    "publication_year": 2021,
    "authorships": [],
    "primary_location": {"source": {"display_name": "Journal of Sleep", "type": "journal"}},
    "is_retracted": True,
}


def paper(**others: Any) -> Paper:
    known = {"id": "doi:10.1000/coffee.1", "title": "Coffee", "abstract": "Coffee shortens sleep."}
    return Paper(**{**known, **others})


async def run(home: Path, *papers: Paper, source: str = "openalex") -> tuple[EnrichReport, dict[str, Paper]]:
    async with Workspace(settings(home), words()) as workspace:
        workspace.connectors = Connectors(home, "", FakeClock().clock())
        await workspace.ingest(*papers)
        report = await workspace.enrich(source=source)
        return report, {paper.id: paper for paper in await (await workspace.library()).papers()}


def known(sources: respx.MockRouter, *works: dict[str, Any]) -> respx.Route:
    return sources.routes["openalex"].mock(return_value=httpx.Response(200, json={"results": works}))


async def test_what_a_paper_lacks_is_filled_and_told(tmp_path: Path, sources: respx.MockRouter) -> None:
    known(sources, WORK)
    report, found = await run(tmp_path, paper(), paper(id="title:1", title="Tea"))
    assert (report.papers, report.asked) == (2, 1)
    (enriched,) = report.enriched
    filled = {"year": 2021, "venue": "Journal of Sleep", "doi": "10.1000/coffee.1", "retracted": True}
    assert (enriched.id, enriched.filled) == ("doi:10.1000/coffee.1", filled)
    changed = found["doi:10.1000/coffee.1"]
    assert (changed.year, changed.venue, changed.doi, changed.retracted) == tuple(filled.values())
    assert found["title:1"].year is None


async def test_what_a_paper_has_is_not_replaced(tmp_path: Path, sources: respx.MockRouter) -> None:
    known(sources, {**WORK, "is_retracted": False})
    before = paper(year=1999, venue="Its own", doi="10.1000/coffee.1", retracted=True)
    report, found = await run(tmp_path, before)
    assert report.enriched == ()
    assert found[before.id] == before


@pytest.mark.parametrize(
    ("ids", "filter"),
    [
        ({"id": "pmid:77", "pmid": "77"}, "pmid:77"),
        ({"id": "arxiv:2401.00001", "arxiv_id": "2401.00001"}, "doi:10.48550/arxiv.2401.00001"),
        ({"id": "title:1", "doi": "10.1000/coffee.1"}, "doi:10.1000/coffee.1"),
    ],
)
async def test_a_paper_is_asked_for_by_the_id_that_it_has(
    tmp_path: Path, sources: respx.MockRouter, ids: dict[str, Any], filter: str
) -> None:
    arxiv = {**WORK, "doi": "https://doi.org/10.48550/arXiv.2401.00001"}
    route = known(sources, arxiv if "arxiv_id" in ids else WORK)
    report, found = await run(tmp_path, paper(**ids))
    assert parameters(route.calls[0].request)["filter"] == filter
    assert found[ids["id"]].year == 2021
    assert ("doi" in report.enriched[0].filled) is (ids["id"] == "pmid:77")


async def test_a_repository_is_no_venue(tmp_path: Path, sources: respx.MockRouter) -> None:
    known(sources, {**WORK, "primary_location": {"source": {"display_name": "arXiv", "type": "repository"}}})
    _, found = await run(tmp_path, paper())
    assert found["doi:10.1000/coffee.1"].venue is None


@pytest.mark.parametrize("year", [None, "soon", 30000, []])
async def test_a_value_that_can_not_be_used_is_left_out(tmp_path: Path, sources: respx.MockRouter, year: Any) -> None:
    known(sources, {**WORK, "publication_year": year, "publication_date": None})
    report, _ = await run(tmp_path, paper())
    assert set(report.enriched[0].filled) == {"venue", "doi", "retracted"}


async def test_an_id_that_would_change_the_filter_is_not_asked_for(tmp_path: Path, sources: respx.MockRouter) -> None:
    route = known(sources)
    report, _ = await run(tmp_path, paper(id="doi:10.1000/a,b", doi="10.1000/a,b|c"))
    assert (report.asked, route.call_count) == (0, 0)


async def test_many_papers_are_asked_for_together(
    tmp_path: Path, sources: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.connectors.openalex.IDS_AT_ONCE", 2)
    route = known(sources)
    numbers = range(5)
    await run(tmp_path, *(paper(id=f"pmid:{n}", pmid=str(n), title=f"Coffee {n}") for n in numbers))
    assert [parameters(call.request)["filter"] for call in route.calls] == ["pmid:0|1", "pmid:2|3", "pmid:4"]


async def test_where_openalex_fails_nothing_is_changed(tmp_path: Path, sources: respx.MockRouter) -> None:
    sources.routes["openalex"].mock(return_value=httpx.Response(500))
    with pytest.raises(BackendError, match="OpenAlex"):
        await run(tmp_path, paper())
    assert sources.routes["openalex"].call_count == MAX_ATTEMPTS
    async with Workspace(settings(tmp_path), words()) as workspace:
        assert (await (await workspace.library()).paper(paper().id)).year is None


def test_papers_without_an_id_are_not_asked_for() -> None:
    assert enrich.askable([paper(id="title:1"), paper(id="own-7")], "openalex") == []


CROSSREF_WORK = {
    "DOI": "10.1000/Coffee.1",
    "title": ["Coffee"],
    "container-title": ["Journal of Sleep &amp; Rest"],
    "issued": {"date-parts": [[2021, 3]]},
}
RETRACTED = {"updated-by": [{"type": "retraction", "DOI": "10.1000/notice", "source": "retraction-watch"}]}
NOTICE = {"DOI": "10.1000/notice", "update-to": [{"type": "retraction", "DOI": "10.1000/coffee.1"}]}
CORRECTION = {"DOI": "10.1000/notice", "update-to": [{"type": "correction", "DOI": "10.1000/coffee.1"}]}


def crossref(
    sources: respx.MockRouter, works: list[dict[str, Any]], notices: list[dict[str, Any]] | None = None
) -> respx.Route:
    def answer(request: httpx.Request) -> httpx.Response:
        is_of_notices = parameters(request)["filter"].startswith("updates:")
        return httpx.Response(200, json={"message": {"items": (notices or []) if is_of_notices else works}})

    return sources.routes["crossref"].mock(side_effect=answer)


async def test_crossref_fills_by_doi(tmp_path: Path, sources: respx.MockRouter) -> None:
    route = crossref(sources, [CROSSREF_WORK])
    report, found = await run(tmp_path, paper(doi=None), paper(id="pmid:77", title="Tea"), source="crossref")
    assert report.asked == 1
    filled = {"year": 2021, "venue": "Journal of Sleep & Rest", "doi": "10.1000/coffee.1"}
    assert [(enriched.id, enriched.filled) for enriched in report.enriched] == [("doi:10.1000/coffee.1", filled)]
    assert found["doi:10.1000/coffee.1"].venue == "Journal of Sleep & Rest"
    asked = [parameters(call.request)["filter"] for call in route.calls]
    assert asked == ["doi:10.1000/coffee.1", "updates:10.1000/coffee.1"]


@pytest.mark.parametrize(
    ("work", "notices", "retracted"),
    [
        (CROSSREF_WORK | RETRACTED, [], True),
        (CROSSREF_WORK, [NOTICE], True),
        (CROSSREF_WORK, [CORRECTION], False),
        (CROSSREF_WORK, [], False),
    ],
)
async def test_crossref_tells_of_a_retraction_in_the_work_or_in_a_notice(
    tmp_path: Path, sources: respx.MockRouter, work: dict[str, Any], notices: list[dict[str, Any]], retracted: bool
) -> None:
    crossref(sources, [work], notices)
    _, found = await run(tmp_path, paper(), source="crossref")
    assert found["doi:10.1000/coffee.1"].retracted is retracted


async def test_crossref_is_not_asked_for_what_it_can_not_have(tmp_path: Path, sources: respx.MockRouter) -> None:
    route = crossref(sources, [])
    strangers = [
        paper(id="arxiv:2401.00001", arxiv_id="2401.00001"),
        paper(id="doi:10.1000/a,b", title="Two, or one", doi="10.1000/a,b"),
        paper(id="pmid:77", title="Tea", pmid="77"),
    ]
    report, _ = await run(tmp_path, *strangers, source="crossref")
    assert (report.asked, route.call_count) == (0, 0)


async def test_a_source_that_knows_no_ids_is_refused(tmp_path: Path, sources: respx.MockRouter) -> None:
    with pytest.raises(RequestError, match="there is openalex, crossref"):
        await run(tmp_path, paper(), source="arxiv")
