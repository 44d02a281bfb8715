"""Crossref (https://www.crossref.org/documentation/retrieve-metadata/rest-api/): works as JSON, in pages, or
looked up by their DOIs, and the notices that retract them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rag.connectors.search import Call, Client, Offer, Page, Parameters, Search, json_object, listed, number
from rag.corpus import shapes
from rag.corpus.fields import at, each

TITLE = "Crossref"
FORMAT = "jsonl"
FIRST = "0"
PAGE = 100
MOST = 10_000  # further pages need its cursors, which forget their place after five minutes
KEY_NAME = ""
ID_KINDS: tuple[str, ...] = ("doi",)
IDS_AT_ONCE = 40

_URL = "https://api.crossref.org/works"
_FIELDS = (
    "DOI,title,abstract,author,container-title,issued,published,type,subject,URL,volume,issue,page,publisher,updated-by"
)
_OF_ARXIV = "10.48550/"  # DataCite's, which Crossref does not have
_MOST_NOTICES = 200


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


def knows(doi: str) -> bool:
    """Whether Crossref may have the DOI, and a filter can: a comma separates DOIs in one."""
    return "," not in doi and not doi.startswith(_OF_ARXIV)


async def offers(client: Client, kind: str, ids: Sequence[str], key: str, file: Path) -> list[Offer]:
    """What Crossref has of the works with these DOIs; unknown ones are left out.

    A retraction stands in the `updated-by` of the work, or only in the `update-to` of the notice; both are asked for.
    """

    def read(file: Path) -> list[Mapping[str, object]]:
        return list(each(listed(at(json_object(file), "message", "items"), "items")))

    works: Parameters = {"filter": _filter("doi", ids), "select": _FIELDS, "rows": len(ids)}
    found = await client.get(Call(url=_URL, params=works), file, read)
    notices: Parameters = {"filter": _filter("updates", ids), "select": "DOI,update-to", "rows": _MOST_NOTICES}
    retracted = {
        str(update.get("DOI")).lower()
        for notice in await client.get(Call(url=_URL, params=notices), file, read)
        for update in each(notice.get("update-to"))
        if update.get("type") in shapes.RETRACTIONS
    }
    return [_offer(work, retracted) for work in found]


def _filter(name: str, ids: Sequence[str]) -> str:
    return ",".join(f"{name}:{id}" for id in ids)


def _offer(work: Mapping[str, object], retracted: set[str]) -> Offer:
    flat, doi = shapes.of_crossref(work), str(work.get("DOI") or "").lower()
    titles = work.get("container-title")
    return Offer(
        ids=[f"doi:{doi}"],
        year=flat["year"],
        venue=titles[0] if isinstance(titles, list) and titles else None,
        retracted=flat["is_retracted"] is True or doi in retracted,
    )
