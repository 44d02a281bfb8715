"""RIS, which every reference manager imports: a line for each value, records that end in `ER  -`."""

from collections.abc import Iterable, Iterator

from rag.references import kinds
from rag.references.fields import RETRACTED, one_line, own_id
from rag.references.keys import Keys
from rag.references.people import divide
from rag.types import Paper

MEDIA_TYPE = "application/x-research-info-systems"
SUFFIX = ".ris"

_LINE_END = "\r\n"


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """One record for each paper."""
    keys = Keys()
    for paper in papers:
        lines = [f"{tag}  - {one_line(value)}" for tag, value in _lines(paper, keys.of(paper)) if value]
        yield "".join(line + _LINE_END for line in [*lines, "ER  - ", ""])


def _lines(paper: Paper, key: str) -> Iterator[tuple[str, str | None]]:
    yield "TY", kinds.of(paper).ris
    yield "M3", paper.publication_type
    yield "ID", key
    yield "TI", paper.title
    yield from (("AU", _author(name)) for name in paper.authors)
    yield "PY", str(paper.year or "")
    yield "T2", paper.venue
    first, _, last = (paper.pages or "").partition("-")
    yield from (("VL", paper.volume), ("IS", paper.issue), ("SP", first), ("EP", last), ("PB", paper.publisher))
    yield "DO", paper.doi
    yield "AN", f"arXiv:{paper.arxiv_id}" if paper.arxiv_id else ""
    yield "AN", f"PMID:{paper.pmid}" if paper.pmid else ""
    yield "UR", paper.url
    yield from (("KW", word) for word in paper.keywords)
    yield "LA", paper.language
    yield "N1", RETRACTED if paper.retracted else ""
    yield "N1", f"Scholiast-ID: {own}" if (own := own_id(paper)) else ""
    yield "AB", paper.abstract


def _author(name: str) -> str:
    found = divide(name)
    return ", ".join(part for part in (found.last, found.given, found.suffix) if part)
