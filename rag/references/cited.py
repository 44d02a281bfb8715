"""The papers that an answer cites, in the order of their numbers, each with the words that are quoted of it."""

from collections.abc import Mapping
from typing import NamedTuple

from rag.types import Answer, Citation, Paper


class Cited(NamedTuple):
    """A cited paper with its number in the answer."""

    number: int
    paper: Paper
    quotes: tuple[str, ...]


def cited_papers(answer: Answer, papers: Mapping[str, Paper]) -> list[Cited]:
    """Those that the text or a further statement cites. One that is not among `papers` is as the answer names it."""
    by_number: dict[int, list[Citation]] = {}
    for citation in (*answer.citations, *(quote for statement in answer.more for quote in statement.quotes)):
        by_number.setdefault(citation.number, []).append(citation)
    return [
        Cited(
            number,
            papers.get(citations[0].paper.id, citations[0].paper),
            tuple(dict.fromkeys(citation.quote for citation in citations)),
        )
        for number, citations in sorted(by_number.items())
    ]
