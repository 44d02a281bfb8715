"""PubMed through NCBI's E-utilities (https://www.ncbi.nlm.nih.gov/books/NBK25501/): ids of a search, then their XML."""

from pathlib import Path

from rag.connectors.search import Call, Client, Page, Parameters, Search, json_object, listed, number
from rag.corpus import xmlfile
from rag.corpus.fields import at

TITLE = "PubMed"
FORMAT = "pubmed_xml"
FIRST = "0"
PAGE = 200
MOST = 10_000
KEY_NAME = "NCBI_API_KEY"

_URL = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"
_PER_SECOND, _PER_SECOND_WITH_KEY = 3, 10
_ARTICLES = frozenset({"PubmedArticle", "PubmedBookArticle"})
_FAR_AHEAD = "3000"


def seconds_between(key: str, contact: str) -> float:
    """A key allows more."""
    return 1 / (_PER_SECOND_WITH_KEY if key else _PER_SECOND)


async def page(client: Client, search: Search, place: str, size: int, key: str, file: Path) -> Page:
    """The articles from the place on, the most relevant first, in two requests."""
    start = int(place)
    us = {"tool": "scholiast", "email": client.contact, "api_key": key}
    shared = {"db": "pubmed", **{name: value for name, value in us.items() if value}}
    dates = {"datetype": "pdat", "mindate": f"{search.since:%Y/%m/%d}", "maxdate": _FAR_AHEAD} if search.since else {}
    wanted: Parameters = {
        "term": f"({search.query}) AND hasabstract",
        "retstart": start,
        "retmax": size,
        "retmode": "json",
    }

    def read_ids(file: Path) -> tuple[list[object], int]:
        reply = json_object(file)
        if error := at(reply, "esearchresult", "ERROR") or reply.get("error"):
            raise ValueError(str(error))
        return listed(at(reply, "esearchresult", "idlist"), "idlist"), number(
            at(reply, "esearchresult", "count"), "count"
        )

    def read_articles(file: Path) -> int:
        count = sum(1 for _ in xmlfile.elements(file, "it", _ARTICLES))
        if not count:
            raise ValueError("it has no article")
        return count

    find = Call(url=f"{_URL}esearch.fcgi", form={**shared, **wanted, **dates, "sort": "relevance"})
    ids, total = await client.get(find, file, read_ids)
    if not ids:
        return Page(0, total, None)
    take = Call(url=f"{_URL}efetch.fcgi", form={**shared, "id": ",".join(map(str, ids)), "retmode": "xml"})
    await client.get(take, file, read_articles)
    end = start + len(ids)
    return Page(len(ids), total, str(end) if end < min(total, MOST) else None)
