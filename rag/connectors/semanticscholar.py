"""Semantic Scholar (https://api.semanticscholar.org/api-docs/graph): its first thousand papers on a query, as JSON."""

from pathlib import Path

from rag.connectors.search import Call, Client, Page, Parameters, Search, json_object, listed, number

TITLE = "Semantic Scholar"
FORMAT = "jsonl"
FIRST = "0"
PAGE = 100
MOST = 1000
KEY_NAME = "S2_API_KEY"

_URL = "https://api.semanticscholar.org/graph/v1/paper/search"
_FIELDS = "title,abstract,year,venue,authors,externalIds,url,publicationTypes,publicationDate,journal"
_SECONDS = 1.0
# Without a key, all the world shares one limit; slower requests meet fewer refusals.
_SECONDS_WITHOUT_KEY = 3.0


def seconds_between(key: str, contact: str) -> float:
    """One request a second with a key."""
    return _SECONDS if key else _SECONDS_WITHOUT_KEY


async def page(client: Client, search: Search, place: str, size: int, key: str, file: Path) -> Page:
    """The papers from the place on, the most relevant first; those without an abstract are among them."""
    start = int(place)
    since = {"publicationDateOrYear": f"{search.since}:"} if search.since else {}
    params: Parameters = {"query": search.query, "fields": _FIELDS, "offset": start, "limit": size, **since}

    def read(file: Path) -> Page:
        reply = json_object(file)
        total = number(reply.get("total"), "total")
        papers = listed(reply.get("data", None if total > start else []), "data")
        following = reply.get("next")
        more = papers and isinstance(following, int) and start < following < MOST
        return Page(len(papers), total, str(following) if more else None)

    headers = {"x-api-key": key} if key else {}
    return await client.get(Call(url=_URL, params=params, headers=headers), file, read)
