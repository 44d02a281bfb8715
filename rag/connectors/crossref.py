"""Crossref (https://www.crossref.org/documentation/retrieve-metadata/rest-api/): works as JSON, in pages."""

from pathlib import Path

from rag.connectors.search import Call, Client, Page, Parameters, Search, json_object, listed, number
from rag.corpus.fields import at

TITLE = "Crossref"
FORMAT = "jsonl"
FIRST = "0"
PAGE = 100
MOST = 10_000  # further pages need its cursors, which forget their place after five minutes
KEY_NAME = ""

_URL = "https://api.crossref.org/works"
_FIELDS = "DOI,title,abstract,author,container-title,issued,published,type,subject,URL,updated-by"


def seconds_between(key: str, contact: str) -> float:
    """With an address, which the client sends, three lists a second; else one."""
    return 1 / 3 if contact else 1.0


async def page(client: Client, search: Search, place: str, size: int, key: str, file: Path) -> Page:
    """The works with an abstract from the place on, the most relevant first."""
    start = int(place)
    since = f",from-pub-date:{search.since}" if search.since else ""
    params: Parameters = {
        "query": search.query,
        "filter": f"has-abstract:true{since}",
        "select": _FIELDS,
        "rows": size,
        "offset": start,
    }

    def read(file: Path) -> Page:
        message = at(json_object(file), "message")
        works = listed(at(message, "items"), "items")
        total = number(at(message, "total-results"), "total-results")
        end = start + len(works)
        return Page(len(works), total, str(end) if works and end < min(total, MOST) else None)

    return await client.get(Call(url=_URL, params=params), file, read)
