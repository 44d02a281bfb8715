"""What a reader asks of stored answers: the abstracts behind one with the words that support it; who cited a paper."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Text, cast, select

from rag.database import Database
from rag.grounding import highlight
from rag.history.schema import answers
from rag.types import Answer, Citation, Outcome, Paper, Span

_LOOKED_AT = 500
"""How many answers that may cite a paper are read, the newest first."""


@dataclass(frozen=True, kw_only=True)
class QuotedWords:
    """A quote of an answer in its abstract, or of one of its further statements, and the words that support it.

    Offsets count characters of the abstract. `start` is None where the abstract has changed and has the quote no more.
    """

    number: int
    sentence: int
    further: bool
    quote: str
    start: int | None
    end: int | None
    words: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True)
class AnswerSource:
    """A paper that an answer cites, with all its quotes in the order of the answer."""

    number: int
    paper: Paper
    quotes: tuple[QuotedWords, ...]


@dataclass(frozen=True, kw_only=True)
class CitingAnswer:
    """An answer that cites a paper."""

    id: str
    question: str
    outcome: Outcome
    created: str


def sources_of(answer: Answer, papers: Mapping[str, Paper]) -> list[AnswerSource]:
    """The papers that an answer or its further statements cite, by number; `papers` has those still in the library."""
    quotes: dict[int, list[QuotedWords]] = {}
    cited = dict(answer.cited_papers)
    for claim, citation, further in _citations(answer):
        paper = papers.get(citation.paper.id)
        cited.setdefault(citation.number, citation.paper)
        quotes.setdefault(citation.number, []).append(
            _quoted(claim, citation, further, paper.abstract if paper else "")
        )
    return [
        AnswerSource(number=number, paper=papers.get(paper.id, paper), quotes=tuple(quotes.get(number, ())))
        for number, paper in sorted(cited.items())
    ]


def citing(database: Database, library: str, paper: str, caller: str, limit: int) -> list[CitingAnswer]:
    """The newest answers to this caller that cite a paper of a library. Blocks."""
    query = (
        select(answers.c.id, answers.c.question, answers.c.outcome, answers.c.created, answers.c.answer)
        .where(answers.c.library == library, answers.c.caller == caller)
        .where(cast(answers.c.passages, Text).contains(json.dumps(paper), autoescape=True))
        .order_by(answers.c.created.desc(), answers.c.id)
        .limit(_LOOKED_AT)
    )
    with database.reading() as connection:
        rows = connection.execute(query).all()
    found = [row for row in rows if any(cited["paper"]["id"] == paper for cited in row.answer["citations"])]
    return [
        CitingAnswer(id=row.id, question=row.question, outcome=row.outcome, created=row.created)
        for row in found[:limit]
    ]


def _citations(answer: Answer) -> Iterator[tuple[str, Citation, bool]]:
    """Each citation with the sentence that rests on it, and whether that is a further statement."""
    for citation in answer.citations:
        yield answer.sentences[citation.sentence].text, citation, False
    for statement in answer.more:
        for citation in statement.quotes:
            yield statement.text, citation, True


def _quoted(claim: str, citation: Citation, further: bool, abstract: str) -> QuotedWords:
    start = (
        citation.start if abstract[citation.start : citation.end] == citation.quote else abstract.find(citation.quote)
    )
    there = bool(abstract) and start >= 0
    return QuotedWords(
        number=citation.number,
        sentence=citation.sentence,
        further=further,
        quote=citation.quote,
        start=start if there else None,
        end=start + len(citation.quote) if there else None,
        words=tuple(Span(start + a, start + b) for a, b in highlight.supporting(claim, citation.quote))
        if there
        else (),
    )
