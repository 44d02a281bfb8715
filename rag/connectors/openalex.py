"""OpenAlex (https://docs.openalex.org): works as JSON, paged by cursor, or looked up by their ids."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rag.connectors.search import Call, Client, Page, Parameters, Search, json_object, listed, next_cursor, number
from rag.corpus.fields import at, each

TITLE = "OpenAlex"
FORMAT = "jsonl"
FIRST = "*"
PAGE = 100
MOST = 10_000
KEY_NAME = "OPENALEX_API_KEY"
IDS_AT_ONCE = 50

_URL = "https://api.openalex.org/works"
_PER_SECOND = 10
_FIELDS = (
    "id,doi,ids,title,publication_year,publication_date,authorships,primary_location,language,type,keywords,"
    "is_retracted"
)


def seconds_between(key: str, contact: str) -> float:
    """Ten a second with a key or an address, which also make for a better place in the queue; one without."""
    return 1 / _PER_SECOND if key or contact else 1.0


async def page(client: Client, search: Search, place: str, size: int, key: str, file: Path) -> Page:
    """The works with an abstract behind the cursor, the most relevant first."""
    since = f",from_publication_date:{search.since}" if search.since else ""
    params: Parameters = {
        "search": search.query,
        "filter": f"has_abstract:true{since}",
        "select": f"{_FIELDS},abstract_inverted_index",
        "per-page": size,
        "cursor": place,
    }

    def read(file: Path) -> Page:
        reply = json_object(file)
        works = listed(reply.get("results"), "results")
        cursor = next_cursor(at(reply, "meta", "next_cursor"), place, len(works), size)
        return Page(len(works), number(at(reply, "meta", "count"), "count"), cursor)

    return await client.get(Call(url=_URL, params={**params, **_with(key)}), file, read)


async def works(client: Client, kind: str, ids: Sequence[str], key: str, file: Path) -> list[Mapping[str, object]]:
    """The works with these ids of one kind (`doi` or `pmid`), at most `IDS_AT_ONCE`; unknown ones are left out."""
    params: Parameters = {
        "filter": f"{kind}:{'|'.join(ids)}",
        "select": _FIELDS,
        "per-page": PAGE,
    }

    def read(file: Path) -> list[Mapping[str, object]]:
        return list(each(listed(json_object(file).get("results"), "results")))

    return await client.get(Call(url=_URL, params={**params, **_with(key)}), file, read)


def _with(key: str) -> dict[str, str]:
    return {"api_key": key} if key else {}
