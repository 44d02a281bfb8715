"""OpenAlex (https://docs.openalex.org): works as JSON, paged by cursor, or looked up by their ids."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rag.connectors.search import (
    Call,
    Client,
    Offer,
    Page,
    Parameters,
    Search,
    json_object,
    listed,
    next_cursor,
    number,
)
from rag.corpus import shapes
from rag.corpus.fields import at, each
from rag.corpus.identity import known_id

TITLE = "OpenAlex"
FORMAT = "jsonl"
FIRST = "*"
PAGE = 100
MOST = 10_000
KEY_NAME = "OPENALEX_API_KEY"
ID_KINDS: tuple[str, ...] = ("doi", "pmid")
IDS_AT_ONCE = 50

_URL = "https://api.openalex.org/works"
_PER_SECOND = 10
_FIELDS = (
    "id,doi,ids,title,publication_year,publication_date,authorships,primary_location,language,type,keywords,biblio,"
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


def knows(doi: str) -> bool:
    """Whether a filter can have the DOI: these separate ids in one."""
    return not {",", "|"} & set(doi)


async def offers(client: Client, kind: str, ids: Sequence[str], key: str, file: Path) -> list[Offer]:
    """What OpenAlex has of the works with these ids of one kind; unknown ones are left out."""
    params: Parameters = {
        "filter": f"{kind}:{'|'.join(ids)}",
        "select": _FIELDS,
        "per-page": PAGE,
    }

    def read(file: Path) -> list[Offer]:
        return [_offer(work) for work in each(listed(json_object(file).get("results"), "results"))]

    return await client.get(Call(url=_URL, params={**params, **_with(key)}), file, read)


def _offer(work: Mapping[str, object]) -> Offer:
    flat = shapes.flatten(work)
    doi, pmid = str(flat.get("doi") or "").lower(), known_id(str(flat.get("pmid") or ""))
    # `known_id` would make an arXiv id of arXiv's DOIs.
    ids = [f"doi:{doi.partition('doi.org/')[2] or doi}"] if doi else []
    return Offer(
        ids=[*ids, pmid] if pmid else ids,
        year=flat.get("year"),
        venue=flat.get("venue") if at(work, "primary_location", "source", "type") != "repository" else None,
        retracted=flat.get("is_retracted") is True,
    )


def _with(key: str) -> dict[str, str]:
    return {"api_key": key} if key else {}
