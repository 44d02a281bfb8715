"""What kind of publication a paper is, in the words of BibTeX, RIS and CSL."""

import re
from typing import NamedTuple

from rag.types import Paper


class Kind(NamedTuple):
    """The names of one kind."""

    bibtex: str
    ris: str
    csl: str


_ARTICLE = Kind("article", "JOUR", "article-journal")
_MANUSCRIPT = Kind("misc", "UNPB", "article")
_KINDS = (
    (re.compile(r"thesis|dissertation|\bthes\b"), Kind("phdthesis", "THES", "thesis")),
    (re.compile(r"chapter|incollection|inbook|\bchap\b"), Kind("incollection", "CHAP", "chapter")),
    (re.compile(r"conference|proceeding|\bconf\b|\bcpaper\b"), Kind("inproceedings", "CPAPER", "paper-conference")),
    (re.compile(r"preprint|posted.content|\bunpb\b"), _MANUSCRIPT),
    (re.compile(r"article|journal|\bjour\b"), _ARTICLE),
    (re.compile(r"\bbook\b"), Kind("book", "BOOK", "book")),
    (re.compile(r"report|\brprt\b"), Kind("techreport", "RPRT", "report")),
)
_IN_A_VENUE = frozenset({"article", "incollection", "inproceedings"})


def of(paper: Paper) -> Kind:
    """By its publication type; an article that appeared nowhere is a manuscript."""
    told = (paper.publication_type or "").lower()
    kind = next((kind for words, kind in _KINDS if words.search(told)), _ARTICLE)
    return _MANUSCRIPT if kind.bibtex in _IN_A_VENUE and not paper.venue else kind
