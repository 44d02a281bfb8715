"""Europe PMC (https://europepmc.org/RestfulWebService): articles and preprints as JSON, paged by cursor."""

from pathlib import Path

from rag.connectors.search import Call, Client, Page, Parameters, Search, json_object, listed, next_cursor, number
from rag.corpus.fields import at

TITLE = "Europe PMC"
FORMAT = "jsonl"
FIRST = "*"
PAGE = 100
MOST = 10_000
KEY_NAME = ""

_URL = "https://www.ebi.ac.uk/europepmc/webservices/rest/search"
_PER_SECOND = 5  # half of the ten a second that it lets through
_FAR_AHEAD = "3000-12-31"


def seconds_between(key: str, contact: str) -> float:
    """The same for everybody."""
    return 1 / _PER_SECOND


async def page(client: Client, search: Search, place: str, size: int, key: str, file: Path) -> Page:
    """The articles with an abstract behind the cursor, the most relevant first."""
    since = f" AND FIRST_PDATE:[{search.since} TO {_FAR_AHEAD}]" if search.since else ""
    params: Parameters = {
        "query": f"({search.query}) AND HAS_ABSTRACT:Y{since}",
        "resultType": "core",
        "format": "json",
        "pageSize": size,
        "cursorMark": place,
    }

    def read(file: Path) -> Page:
        reply = json_object(file)
        works = listed(at(reply, "resultList", "result"), "result")
        cursor = next_cursor(reply.get("nextCursorMark"), place, len(works), size)
        return Page(len(works), number(reply.get("hitCount"), "hitCount"), cursor)

    return await client.get(Call(url=_URL, params=params), file, read)
