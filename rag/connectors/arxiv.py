"""arXiv's API (https://info.arxiv.org/help/api/user-manual.html): Atom, in pages, a request every three seconds."""

import re
from pathlib import Path
from xml.etree.ElementTree import Element

from rag.connectors.search import Call, Client, Page, Parameters, RefusedError, Search, number
from rag.corpus import xmlfile

TITLE = "arXiv"
FORMAT = "atom"
FIRST = "0"
PAGE = 200
MOST = 30_000
KEY_NAME = ""

_URL = "https://export.arxiv.org/api/query"
_SECONDS = 3.0  # https://info.arxiv.org/help/api/tou.html
_TAGS = frozenset({"totalResults", "entry"})
_SYNTAX = re.compile(r"\b(?:ti|au|abs|co|jr|cat|rn|id|all|submittedDate|lastUpdatedDate):|\b(?:AND|OR|ANDNOT)\b")
_TERM = re.compile(r'"[^"]+"|[^\s"()]+')
_FAR_AHEAD = "299912312359"


def seconds_between(key: str, contact: str) -> float:
    """The same for everybody."""
    return _SECONDS


async def page(client: Client, search: Search, place: str, size: int, key: str, file: Path) -> Page:
    """The works from the place on, the most relevant first."""
    start = int(place)
    params: Parameters = {"search_query": _query(search), "start": start, "max_results": size, "sortBy": "relevance"}

    def read(file: Path) -> Page:
        found = [element for _, element in xmlfile.elements(file, "it", _TAGS)]
        totals = [element for element in found if element.tag == "totalResults"]
        entries = [element for element in found if element.tag == "entry"]
        _check(entries)
        total = number(xmlfile.text(totals[0]) if totals else None, "totalResults")
        if not entries and start < total:  # arXiv now and then gives an empty page of a search that has more
            raise ValueError(f"it has no entry, of {total:,}")
        end = start + len(entries)
        return Page(len(entries), total, str(end) if entries and end < min(total, MOST) else None)

    return await client.get(Call(url=_URL, params=params), file, read)


def _query(search: Search) -> str:
    """Words are looked for in all fields, and all have to be there; arXiv's own syntax is left as it is."""
    query = search.query
    if not _SYNTAX.search(query):
        query = " AND ".join(f"all:{term}" for term in _TERM.findall(query)) or query
    if search.since is None:
        return query
    return f"({query}) AND submittedDate:[{search.since:%Y%m%d}0000 TO {_FAR_AHEAD}]"


def _check(entries: list[Element]) -> None:
    """arXiv tells an error as an entry of its own."""
    for entry in entries:
        if "/api/errors" in xmlfile.text(entry.find("id")):
            reason = " ".join(xmlfile.text(entry.find("summary")).split())[:200]
            raise RefusedError(f"arXiv does not take the query: {reason}; change it")
