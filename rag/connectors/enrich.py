"""Fills what papers lack (year, venue, DOI, that they are retracted) from a source that knows them by their ids."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from rag.connectors import crossref, openalex
from rag.connectors.search import Client, Enricher, Offer
from rag.corpus import fields
from rag.corpus.fields import UnusableFieldError
from rag.corpus.identity import known_id
from rag.errors import RequestError
from rag.types import Paper

DEFAULT_SOURCE = "openalex"

_ARXIV_DOI = "10.48550/arxiv."
_SOURCES: dict[str, Enricher] = {"openalex": openalex, "crossref": crossref}


@dataclass(frozen=True, kw_only=True)
class EnrichedPaper:
    """What a paper lacked and now has: any of `year`, `venue`, `doi` and `retracted`."""

    id: str
    title: str
    filled: Mapping[str, str | int | bool]


@dataclass(frozen=True, kw_only=True)
class EnrichReport:
    """How many papers of a library have an id by which they were looked up, and those that gained something."""

    library: str
    papers: int
    asked: int
    enriched: tuple[EnrichedPaper, ...] = ()


class Filled(NamedTuple):
    """A paper with what it lacked, and those fields alone."""

    paper: Paper
    fields: Mapping[str, Any]


def sources() -> tuple[str, ...]:
    """The names of the sources that can be asked."""
    return tuple(_SOURCES)


def askable(papers: Sequence[Paper], source: str) -> list[Paper]:
    """The papers that a source can be asked for, by DOI, PubMed or arXiv id. Raises RequestError without the source."""
    if source not in _SOURCES:
        raise RequestError(f"{source!r} is no source that knows papers by their ids; there is {', '.join(_SOURCES)}")
    return [paper for paper in papers if _key(paper, _SOURCES[source])]


async def fill(
    papers: Sequence[Paper],
    source: str,
    client: Client,
    key: str,
    file: Path,
    progress: Callable[[int, int], None],
) -> AsyncIterator[Filled]:
    """The papers that gain something; `file` is used for each reply in turn. Raises as `Client.get`."""
    enricher = _SOURCES[source]
    wanted = {id: paper for paper in papers if (id := _key(paper, enricher))}
    done = 0
    for kind in enricher.ID_KINDS:
        ids = [id for id in wanted if id.startswith(f"{kind}:")]
        for start in range(0, len(ids), enricher.IDS_AT_ONCE):
            some = ids[start : start + enricher.IDS_AT_ONCE]
            numbers = [id.partition(":")[2] for id in some]
            for offer in await enricher.offers(client, kind, numbers, key, file):
                found = next((wanted[id] for id in offer.ids if id in some), None)
                if found and (lacking := _lacking(found, offer)):
                    yield Filled(replace(found, **lacking), lacking)
            done += len(some)
            progress(done, len(wanted))


def _key(paper: Paper, enricher: Enricher) -> str | None:
    """`doi:...` or `pmid:...`; arXiv's works have DOIs too."""
    known = known_id(paper.id) or ""
    kind, _, own = known.partition(":")
    doi = paper.doi or (own if kind == "doi" else None)
    arxiv = paper.arxiv_id or (own if kind == "arxiv" else None)
    pmid = paper.pmid or (own if kind == "pmid" else None)
    doi = doi or (f"{_ARXIV_DOI}{arxiv}" if arxiv else None)
    if doi and enricher.knows(doi):
        return f"doi:{doi}"
    return f"pmid:{pmid}" if pmid and "pmid" in enricher.ID_KINDS else None


def _lacking(paper: Paper, offer: Offer) -> dict[str, Any]:
    doi = next((known for id in offer.ids if (known := known_id(id)) and known.startswith("doi:")), None)
    offered = {
        "year": None if paper.year else _usable(fields.year, offer.year),
        "venue": None if paper.venue else _usable(_venue, offer.venue),
        "doi": doi.partition(":")[2] if doi and not paper.doi else None,
        "retracted": offer.retracted and not paper.retracted,
    }
    return {name: value for name, value in offered.items() if value}


def _usable(read: Callable[[object], Any], value: object) -> Any:
    try:
        return None if fields.is_missing(value) else read(value)
    except UnusableFieldError:
        return None


def _venue(value: object) -> str:
    return fields.plain(fields.text("venue", value))
