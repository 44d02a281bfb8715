"""The sources of papers as their documentation describes them, each with a few works, for tests at the wire."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from rag.connectors.pace import Clock

Handler = Callable[[httpx.Request], httpx.Response]
MATCHES = 5
PAGE = 2


@dataclass
class FakeClock:
    """A clock that only waiting moves."""

    time: float = 1_700_000_000.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds

    def clock(self) -> Clock:
        return Clock(self.now, self.sleep)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few works take several pages."""
    for name in SOURCES:
        monkeypatch.setattr(f"rag.connectors.{name}.PAGE", PAGE)


@pytest.fixture
def sources(small_pages: None) -> Iterator[respx.MockRouter]:
    """Every source with five works, in routes that are named after them; nothing else of the network is there."""
    with (
        respx.mock(using="httpcore2", assert_all_called=False) as router,
        respx.mock(using="httpcore", assert_all_called=False),
    ):
        for name, (host, handler) in SOURCES.items():
            router.route(host=host, name=name).mock(side_effect=handler)
        yield router


def parameters(request: httpx.Request) -> dict[str, str]:
    """Those of the address, and of the form that is its body."""
    form = parse_qs(request.content.decode()) if request.method == "POST" else {}
    return {**dict(request.url.params), **{name: values[0] for name, values in form.items()}}


def title(number: int) -> str:
    return f"Paper number {number} about sleep"


def abstract(number: int) -> str:
    return f"Coffee shortens sleep by {number + 40} minutes."


def _places(start: int, size: int) -> range:
    return range(start, min(start + size, MATCHES))


def arxiv(request: httpx.Request) -> httpx.Response:
    """https://info.arxiv.org/help/api/user-manual.html"""
    asked = parameters(request)
    entries = "".join(
        f"<entry><id>http://arxiv.org/abs/2401.0000{n}v2</id><published>2024-01-0{n + 1}T00:00:00Z</published>"
        f"<title>{title(n)}</title><summary>{abstract(n)}</summary><author><name>Ada Sand</name></author>"
        f'<link href="http://arxiv.org/abs/2401.0000{n}v2" rel="alternate" type="text/html"/></entry>'
        for n in _places(int(asked["start"]), int(asked["max_results"]))
    )
    feed = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        '<opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
        f"{MATCHES}</opensearch:totalResults>{entries}</feed>"
    )
    return httpx.Response(200, text=feed, headers={"content-type": "application/atom+xml"})


def pubmed(request: httpx.Request) -> httpx.Response:
    """https://www.ncbi.nlm.nih.gov/books/NBK25499/"""
    asked = parameters(request)
    if request.url.path.endswith("esearch.fcgi"):
        ids = [str(1000 + n) for n in _places(int(asked["retstart"]), int(asked["retmax"]))]
        return httpx.Response(200, json={"header": {}, "esearchresult": {"count": str(MATCHES), "idlist": ids}})
    articles = "".join(
        f"<PubmedArticle><MedlineCitation><PMID>{id}</PMID><Article><Journal><JournalIssue><PubDate><Year>2024</Year>"
        f"</PubDate></JournalIssue><Title>Sleep</Title></Journal><ArticleTitle>{title(int(id) - 1000)}</ArticleTitle>"
        f"<Abstract><AbstractText>{abstract(int(id) - 1000)}</AbstractText></Abstract></Article></MedlineCitation>"
        "</PubmedArticle>"
        for id in asked["id"].split(",")
    )
    return httpx.Response(200, text=f'<?xml version="1.0" ?>\n<PubmedArticleSet>{articles}</PubmedArticleSet>')


def _cursor(text: str) -> int:
    return 0 if text == "*" else int(text.removeprefix("after"))


def openalex(request: httpx.Request) -> httpx.Response:
    """https://docs.openalex.org/how-to-use-the-api/get-lists-of-entities/paging"""
    asked = parameters(request)
    start = _cursor(asked["cursor"])
    works = [
        {
            "id": f"https://openalex.org/W{n}",
            "doi": f"https://doi.org/10.1000/work.{n}",
            "title": title(n),
            "publication_year": 2024,
            "authorships": [{"author": {"display_name": "Ada Sand"}}],
            "abstract_inverted_index": {word: [place] for place, word in enumerate(abstract(n).split())},
        }
        for n in _places(start, int(asked["per-page"]))
    ]
    more = f"after{start + len(works)}" if works else None
    return httpx.Response(200, json={"meta": {"count": MATCHES, "next_cursor": more}, "results": works})


def semanticscholar(request: httpx.Request) -> httpx.Response:
    """https://api.semanticscholar.org/api-docs/graph#tag/Paper-Data/operation/get_graph_paper_relevance_search"""
    asked = parameters(request)
    start = int(asked["offset"])
    papers = [
        {
            "paperId": f"{n:040}",
            "externalIds": {"DOI": f"10.1000/work.{n}"},
            "title": title(n),
            "abstract": abstract(n),
            "year": 2024,
            "authors": [{"authorId": "1", "name": "Ada Sand"}],
        }
        for n in _places(start, int(asked["limit"]))
    ]
    end = start + len(papers)
    following = {"next": end} if end < MATCHES else {}
    return httpx.Response(200, json={"total": MATCHES, "offset": start, **following, "data": papers})


def crossref(request: httpx.Request) -> httpx.Response:
    """https://api.crossref.org/swagger-ui/index.html"""
    asked = parameters(request)
    items = [
        {
            "DOI": f"10.1000/work.{n}",
            "title": [title(n)],
            "abstract": f"<jats:p>{abstract(n)}</jats:p>",
            "author": [{"given": "Ada", "family": "Sand"}],
            "issued": {"date-parts": [[2024, 1, 5]]},
            "container-title": ["Sleep"],
        }
        for n in _places(int(asked["offset"]), int(asked["rows"]))
    ]
    message = {"total-results": MATCHES, "items-per-page": int(asked["rows"]), "items": items}
    headers = {"x-rate-limit-limit": "3", "x-rate-limit-interval": "1s"}
    return httpx.Response(200, json={"status": "ok", "message-type": "work-list", "message": message}, headers=headers)


def europepmc(request: httpx.Request) -> httpx.Response:
    """https://europepmc.org/RestfulWebService"""
    asked = parameters(request)
    start = _cursor(asked["cursorMark"])
    results = [
        {
            "id": str(1000 + n),
            "source": "MED",
            "pmid": str(1000 + n),
            "title": f"{title(n)}.",
            "abstractText": abstract(n),
            "authorString": "Sand A.",
            "pubYear": "2024",
        }
        for n in _places(start, int(asked["pageSize"]))
    ]
    reply = {"hitCount": MATCHES, "nextCursorMark": f"after{start + len(results)}", "resultList": {"result": results}}
    return httpx.Response(200, content=json.dumps(reply))


SOURCES: dict[str, tuple[str, Handler]] = {
    "arxiv": ("export.arxiv.org", arxiv),
    "pubmed": ("eutils.ncbi.nlm.nih.gov", pubmed),
    "openalex": ("api.openalex.org", openalex),
    "semanticscholar": ("api.semanticscholar.org", semanticscholar),
    "crossref": ("api.crossref.org", crossref),
    "europepmc": ("www.ebi.ac.uk", europepmc),
}
