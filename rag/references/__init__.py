"""Papers to references: one module for each format. From BibTeX, RIS and CSL-JSON the same papers come in again."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from rag.errors import RequestError
from rag.references import bibtex, csl, html, markdown, ris, styles, text
from rag.references.cited import cited_papers
from rag.types import Answer, Paper


class _Format(Protocol):
    """What the module of a format provides."""

    MEDIA_TYPE: str
    SUFFIX: str

    def write(self, papers: Iterable[Paper]) -> Iterator[str]:
        """The text in pieces, a paper in each."""
        ...


class _Document(_Format, Protocol):
    """A format in which an answer is a text with its references."""

    def answer(self, answer: Answer, papers: Mapping[str, Paper]) -> str:
        """The answer, its cited papers as `papers` has them by id."""
        ...


_DOCUMENTS: dict[str, _Document] = {"markdown": markdown, "html": html, "text": text}
_FORMATS: dict[str, _Format] = {"bibtex": bibtex, "ris": ris, "csl": csl, **_DOCUMENTS}


def formats() -> tuple[str, ...]:
    """The names that the functions of this module take as a format."""
    return (*_FORMATS, *styles.STYLES)


def check(format: str) -> None:
    """Raise RequestError for an unknown format, and ConfigError where the extra is missing that a style needs."""
    if format in styles.STYLES:
        styles.check_installed()
    elif format not in _FORMATS:
        raise RequestError(f"format is {format!r}; there is {', '.join(formats())}")


def media_type(format: str) -> str:
    """The media type of a format that `check` has passed; its text is UTF-8."""
    return _FORMATS[format].MEDIA_TYPE if format in _FORMATS else styles.MEDIA_TYPE


def suffix(format: str) -> str:
    """What the name of a file in such a format ends with."""
    return _FORMATS[format].SUFFIX if format in _FORMATS else styles.SUFFIX


def write(papers: Iterable[Paper], format: str) -> Iterator[str]:
    """The references to the papers, a piece at a time. Raises as `check`, and RequestError for too many in a style."""
    check(format)
    return _FORMATS[format].write(papers) if format in _FORMATS else styles.write(papers, format)


def write_answer(answer: Answer, papers: Mapping[str, Paper], format: str) -> Iterator[str]:
    """The references of an answer in the order of its numbers; as Markdown, HTML and plain text the answer with them.

    `papers` has by id what is known of the cited papers; one that is missing is as the answer names it. Raises as
    `check`.
    """
    check(format)
    if format in _DOCUMENTS:
        return iter([_DOCUMENTS[format].answer(answer, papers)])
    return write([cited.paper for cited in cited_papers(answer, papers)], format)
