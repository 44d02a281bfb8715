"""Every source, at the wire: a search becomes papers, page by page, and is asked for as it is documented."""

from pathlib import Path
from typing import Any

import pytest
import respx

from rag.connectors import Connectors
from rag.errors import RequestError
from rag.types import IngestReport
from rag.workspace import Workspace
from tests.conftest import settings
from tests.support.command import words
from tests.support.sources import MATCHES, SOURCES, FakeClock, abstract, parameters, small_pages, sources, title

__all__ = ["small_pages", "sources"]

every_source = pytest.mark.parametrize("source", SOURCES)
CONTACT = "ada@example.org"
KEYS = {"pubmed": "NCBI_API_KEY", "semanticscholar": "S2_API_KEY", "openalex": "OPENALEX_API_KEY"}
KEY = "k3y-of-a-test"


async def fetch(home: Path, source: str, query: str = "sleep", **others: Any) -> IngestReport:
    async with Workspace(settings(home, contact=CONTACT), words()) as workspace:
        workspace.connectors = Connectors(home, CONTACT, FakeClock().clock())
        return await workspace.fetch(source, query, **others)


def files_with(text: str, folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def asked(sources: respx.MockRouter, source: str) -> list[dict[str, str]]:
    return [parameters(call.request) for call in sources.routes[source].calls]


@every_source
async def test_all_pages_of_a_search_go_into_the_library(
    tmp_path: Path, sources: respx.MockRouter, source: str
) -> None:
    report = await fetch(tmp_path, source)
    assert (report.added, report.rejected, report.papers) == (MATCHES, (), MATCHES)
    async with Workspace(settings(tmp_path), words()) as workspace:
        papers = await (await workspace.library()).papers()
    found = {(paper.title.rstrip("."), paper.abstract, paper.year) for paper in papers}
    assert found == {(title(n), abstract(n), 2024) for n in range(MATCHES)}
    assert {s.path for paper in papers for s in paper.sources} == {f"{source}: sleep"}


@every_source
async def test_a_search_that_is_repeated_changes_nothing(
    tmp_path: Path, sources: respx.MockRouter, source: str
) -> None:
    await fetch(tmp_path, source)
    again = await fetch(tmp_path, source)
    assert (again.added, again.updated, again.unchanged) == (0, 0, MATCHES)


@every_source
async def test_no_more_is_asked_for_than_the_limit_and_the_report_says_how_much_there_is(
    tmp_path: Path, sources: respx.MockRouter, source: str
) -> None:
    report = await fetch(tmp_path, source, limit=3)
    assert report.papers == 3
    assert [note.text for note in report.notes] == [
        f"{MATCHES} works match, and the first 3 were fetched; a higher limit gets more"
    ]
    assert len(asked(sources, source)) == (4 if source == "pubmed" else 2)  # PubMed's pages take two requests each


@every_source
async def test_a_limit_beyond_what_the_source_gives_is_refused_before_it_is_asked(
    tmp_path: Path, sources: respx.MockRouter, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"rag.connectors.{source}.MOST", 10)
    with pytest.raises(RequestError, match="at most 10 works"):
        await fetch(tmp_path, source, limit=11)
    assert asked(sources, source) == []


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [
        ("arxiv", "search_query", "(all:sleep) AND submittedDate:[202401310000 TO 299912312359]"),
        ("pubmed", "mindate", "2024/01/31"),
        ("openalex", "filter", "has_abstract:true,from_publication_date:2024-01-31"),
        ("semanticscholar", "publicationDateOrYear", "2024-01-31:"),
        ("crossref", "filter", "has-abstract:true,from-pub-date:2024-01-31"),
        ("europepmc", "query", "(sleep) AND HAS_ABSTRACT:Y AND FIRST_PDATE:[2024-01-31 TO 3000-12-31]"),
    ],
)
async def test_since_is_asked_for_as_the_source_writes_it(
    tmp_path: Path, sources: respx.MockRouter, source: str, name: str, value: str
) -> None:
    await fetch(tmp_path, source, since="2024-01-31")
    assert asked(sources, source)[0][name] == value


@pytest.mark.parametrize("since", ["2024", "2024-13-01", "20240131", "yesterday"])
async def test_a_date_of_another_form_is_refused(tmp_path: Path, sources: respx.MockRouter, since: str) -> None:
    with pytest.raises(RequestError, match="YYYY-MM-DD"):
        await fetch(tmp_path, "arxiv", since=since)


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("sleep coffee", "all:sleep AND all:coffee"),
        ('"deep sleep" tea', 'all:"deep sleep" AND all:tea'),
        ("ti:sleep ANDNOT au:sand", "ti:sleep ANDNOT au:sand"),
    ],
)
async def test_words_are_all_looked_for_in_arxiv_and_its_own_syntax_is_kept(
    tmp_path: Path, sources: respx.MockRouter, query: str, sent: str
) -> None:
    await fetch(tmp_path, "arxiv", query)
    assert asked(sources, "arxiv")[0]["search_query"] == sent


@every_source
async def test_every_request_says_who_asks(tmp_path: Path, sources: respx.MockRouter, source: str) -> None:
    await fetch(tmp_path, source)
    agents = {call.request.headers["user-agent"] for call in sources.routes[source].calls}
    assert len(agents) == 1
    assert agents.pop().endswith(f"(mailto:{CONTACT})")


@pytest.mark.parametrize("source", KEYS)
async def test_a_key_is_sent_and_neither_logged_nor_stored(
    tmp_path: Path,
    sources: respx.MockRouter,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(KEYS[source], KEY)
    with caplog.at_level("DEBUG"):
        await fetch(tmp_path, source)
    for call in sources.routes[source].calls:
        assert KEY in (parameters(call.request).get("api_key"), call.request.headers.get("x-api-key"))
    assert any(record.name == "httpx2" for record in caplog.records)
    assert KEY not in caplog.text
    assert files_with(KEY, tmp_path) == []


@every_source
async def test_requests_keep_the_distance_that_the_source_asks_for(
    tmp_path: Path, sources: respx.MockRouter, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    async with Workspace(settings(tmp_path), words()) as workspace:
        workspace.connectors = Connectors(tmp_path, "", clock.clock())
        await workspace.fetch(source, "sleep")
        workspace.connectors = Connectors(tmp_path, "", clock.clock())  # as another process would
        await workspace.fetch(source, "tea")
    seconds = {"arxiv": 3, "pubmed": 1 / 3, "openalex": 1, "semanticscholar": 3, "crossref": 1, "europepmc": 0.2}
    assert len(clock.waits) == len(asked(sources, source)) - 1
    assert clock.waits == pytest.approx([seconds[source]] * len(clock.waits), abs=0.001)
