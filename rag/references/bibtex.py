"""BibTeX: entries in UTF-8 that LaTeX takes as they are, and that come in again as the same papers."""

import re
from collections.abc import Iterable, Iterator

from rag.corpus import latex
from rag.references import kinds
from rag.references.fields import RETRACTED, one_line, own_id
from rag.references.keys import Keys
from rag.references.people import divide
from rag.types import Paper

MEDIA_TYPE = "application/x-bibtex"
SUFFIX = ".bib"

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    **{character: f"\\{character}" for character in "%&_#$"},
}  # fmt: skip
_FORMULA = re.compile(r"(\$[^$\n]{1,200}\$)")


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """One entry for each paper."""
    keys = Keys()
    for paper in papers:
        fields = ",\n".join(f"  {name} = {{{value}}}" for name, value in _fields(paper) if value)
        yield f"@{kinds.of(paper).bibtex}{{{keys.of(paper)},\n{fields}\n}}\n\n"


def escape(text: str) -> str:
    """The text for LaTeX. Formulas stay formulas where they are read as they were written; else they are text too."""
    parts = _FORMULA.split(one_line(text))
    kept = "".join(part if _FORMULA.fullmatch(part) else _plain(part) for part in parts)
    return kept if _is_balanced(kept) and latex.from_bibtex(kept) == one_line(text) else _plain(one_line(text))


def _fields(paper: Paper) -> Iterator[tuple[str, str | None]]:
    booktitle = kinds.of(paper).bibtex in ("inproceedings", "incollection")
    yield "title", f"{{{escape(paper.title)}}}"  # the inner braces keep its capitals
    yield "author", " and ".join(map(_author, paper.authors))
    yield "year", str(paper.year or "")
    yield "booktitle" if booktitle else "journal", escape(paper.venue or "")
    yield "volume", escape(paper.volume or "")
    yield "number", escape(paper.issue or "")
    yield "pages", escape(paper.pages or "").replace("-", "--")
    yield "publisher", escape(paper.publisher or "")
    yield "doi", _verbatim(paper.doi)
    yield from (("eprint", _verbatim(paper.arxiv_id)), ("archiveprefix", "arXiv")) if paper.arxiv_id else ()
    yield "pmid", paper.pmid
    yield "url", _verbatim(paper.url)
    yield "keywords", _keywords(paper.keywords)
    yield "type", escape(paper.publication_type or "")
    yield "language", escape(paper.language or "")
    yield from (("note", RETRACTED), ("retracted", "true")) if paper.retracted else ()
    yield "paper_id", escape(own_id(paper) or "")
    yield "abstract", escape(paper.abstract)


def _author(name: str) -> str:
    found = divide(name)
    if not found.given:
        return f"{{{escape(name)}}}"
    return ", ".join(escape(part) for part in (found.last, found.suffix, found.given) if part)


def _keywords(words: tuple[str, ...]) -> str:
    mark = ";" if any("," in word for word in words) else ","
    return escape(f"{mark} ".join(words) + (mark if mark == ";" else ""))


def _plain(text: str) -> str:
    """Every special character written out, and hyphens kept from becoming dashes."""
    return "".join(_SPECIAL.get(character, character) for character in text).replace("--", "-{}-").replace("--", "-{}-")


def _verbatim(value: str | None) -> str:
    """An address, which LaTeX takes as it is, without what would end the field."""
    return re.sub(r"[{}\\\s]", lambda found: f"%{ord(found[0]):02X}", value or "")


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0
