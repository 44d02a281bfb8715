"""Fills what papers lack (year, venue, DOI, that they are retracted) from OpenAlex, which is asked for them by id."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from rag.connectors import openalex
from rag.connectors.search import Client
from rag.corpus import fields, shapes
from rag.corpus.fields import UnusableFieldError, at
from rag.corpus.identity import known_id
from rag.types import Paper

SOURCE = "openalex"

_ARXIV_DOI = "10.48550/arxiv."
# These separate ids in a filter of OpenAlex.
_SEPARATORS = frozenset(",|")


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


def askable(papers: Sequence[Paper]) -> list[Paper]:
    """The papers that OpenAlex can be asked for, by DOI, PubMed or arXiv id."""
    return [paper for paper in papers if _key(paper)]


async def fill(
    papers: Sequence[Paper], client: Client, key: str, file: Path, progress: Callable[[int, int], None]
) -> AsyncIterator[Filled]:
    """The papers that gain something; `file` is used for each reply in turn. Raises as `Client.get`."""
    wanted = {id: paper for paper in papers if (id := _key(paper))}
    done = 0
    for kind in ("doi", "pmid"):
        ids = [id for id in wanted if id.startswith(f"{kind}:")]
        for start in range(0, len(ids), openalex.IDS_AT_ONCE):
            some = ids[start : start + openalex.IDS_AT_ONCE]
            numbers = [id.partition(":")[2] for id in some]
            for work in await openalex.works(client, kind, numbers, key, file):
                found = next((wanted[id] for id in _ids(work) if id in some), None)
                if found and (lacking := _lacking(found, work)):
                    yield Filled(replace(found, **lacking), lacking)
            done += len(some)
            progress(done, len(wanted))


def _key(paper: Paper) -> str | None:
    """`doi:...` or `pmid:...`; arXiv's works have DOIs too."""
    known = known_id(paper.id) or ""
    kind, _, own = known.partition(":")
    doi = paper.doi or (own if kind == "doi" else None)
    arxiv = paper.arxiv_id or (own if kind == "arxiv" else None)
    pmid = paper.pmid or (own if kind == "pmid" else None)
    doi = doi or (f"{_ARXIV_DOI}{arxiv}" if arxiv else None)
    if doi and not _SEPARATORS & set(doi):
        return f"doi:{doi}"
    return f"pmid:{pmid}" if pmid else None


def _ids(work: Mapping[str, object]) -> list[str]:
    """Under which ids a work can have been asked for. `known_id` makes an arXiv id of arXiv's DOIs."""
    doi, pmid = at(work, "doi") or at(work, "ids", "doi"), at(work, "ids", "pmid")
    ids = [f"doi:{str(doi).lower().partition('doi.org/')[2] or str(doi).lower()}"] if doi else []
    known = known_id(str(pmid or ""))
    return [*ids, known] if known else ids


def _lacking(paper: Paper, work: Mapping[str, object]) -> dict[str, Any]:
    flat = shapes.flatten(work)
    published = at(work, "primary_location", "source", "type") != "repository"
    doi = known_id(str(flat.get("doi") or ""))
    offered = {
        "year": None if paper.year else _usable(fields.year, flat.get("year")),
        "venue": None if paper.venue or not published else _usable(_venue, flat.get("venue")),
        "doi": doi.partition(":")[2] if doi and doi.startswith("doi:") and not paper.doi else None,
        "retracted": flat.get("is_retracted") is True and not paper.retracted,
    }
    return {name: value for name, value in offered.items() if value}


def _usable(read: Callable[[object], Any], value: object) -> Any:
    try:
        return None if fields.is_missing(value) else read(value)
    except UnusableFieldError:
        return None


def _venue(value: object) -> str:
    return fields.plain(fields.text("venue", value))
