"""CSL-JSON, which Zotero, Pandoc and every citeproc take."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rag.references import kinds
from rag.references.fields import RETRACTED, one_line, own_id
from rag.references.keys import Keys
from rag.references.people import divide
from rag.types import Paper

MEDIA_TYPE = "application/vnd.citationstyles.csl+json"
SUFFIX = ".json"


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """A JSON list with an item for each paper."""
    keys, opening = Keys(), "[\n"
    for paper in papers:
        yield opening + json.dumps(item(paper, keys.of(paper)), ensure_ascii=False, indent=2)
        opening = ",\n"
    yield "\n]\n" if opening == ",\n" else "[]\n"


def item(paper: Paper, key: str) -> dict[str, Any]:
    """The paper as CSL's data model has it. `custom` holds what only Scholiast reads."""
    custom = {
        "scholiast_id": own_id(paper),
        "publication_type": paper.publication_type,
        "retracted": paper.retracted,
    }
    values = {
        "id": key,
        "citation-key": key,
        "type": kinds.of(paper).csl,
        "title": one_line(paper.title),
        "author": [_author(name) for name in paper.authors],
        "issued": {"date-parts": [[paper.year]]} if paper.year else None,
        "container-title": paper.venue,
        "volume": paper.volume,
        "issue": paper.issue,
        "page": paper.pages,
        "publisher": paper.publisher,
        "DOI": paper.doi,
        "PMID": paper.pmid,
        "number": f"arXiv:{paper.arxiv_id}" if paper.arxiv_id else None,
        "URL": paper.url,
        "keyword": "; ".join(paper.keywords),
        "language": paper.language,
        "note": RETRACTED if paper.retracted else None,
        "abstract": one_line(paper.abstract),
        "custom": {name: value for name, value in custom.items() if value},
    }
    return {name: value for name, value in values.items() if value}


def _author(name: str) -> dict[str, str]:
    found = divide(name)
    if not found.given:
        return {"literal": found.family}
    parts = {
        "family": found.family,
        "given": found.given,
        "non-dropping-particle": found.particle,
        "suffix": found.suffix,
    }
    return {part: value for part, value in parts.items() if value}
