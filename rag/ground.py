"""Sentences of an answer to citations, verbatim quotes and a verdict. Nothing here trusts what a writer wrote."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.sentences import spans
from rag.terms import numbers, share, telling
from rag.types import Citation, Evidence, Passage, Sentence, Support

SUPPORTED_SHARE = 0.6
PARTIAL_SHARE = 0.3
"""How much of a sentence's telling words its quotes and their titles must hold to bear it out wholly, or in part."""

_MARK = re.compile(r" ?\[(\d{1,4})\]")
_BULLET = re.compile(r"^\s*[-*•]\s+")


@dataclass(frozen=True)
class Grounded:
    """An answer's sentences in order, and what each rests on."""

    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]


def read(text: str, passages: Sequence[Passage]) -> Grounded:
    """Trace every sentence of `text` to the passages that its marks name; a mark of no passage counts for nothing."""
    shown = {passage.number: passage for passage in passages}
    sentences: list[Sentence] = []
    citations: list[Citation] = []
    for part in _parts(text):
        marks = tuple(dict.fromkeys(int(mark) for mark in _MARK.findall(part) if int(mark) in shown))
        claim = _MARK.sub("", part).strip()
        quotes = [_citation(claim, number, len(sentences), shown[number]) for number in marks]
        sentences.append(Sentence(text=claim, citations=marks, support=_support(claim, quotes)))
        citations += quotes
    return Grounded(tuple(sentences), tuple(citations))


def uncited(text: str) -> Grounded:
    """A plain statement of ours, such as that the abstracts do not say: it claims nothing about a paper."""
    return Grounded((Sentence(text=text, citations=(), support="supported"),), ())


def _parts(text: str) -> list[str]:
    """The sentences of every line, without list bullets."""
    lines = [_BULLET.sub("", line) for line in text.splitlines()]
    return [line[span.start : span.end] for line in lines for span in spans(line)]


def _citation(claim: str, number: int, sentence: int, passage: Passage) -> Citation:
    quote = best_quote(claim, passage)
    return Citation(
        number=number, sentence=sentence, paper=passage.paper, quote=quote.text, start=quote.start, end=quote.end
    )


def best_quote(claim: str, passage: Passage) -> Evidence:
    """The sentence of the passage that holds most of the claim's words and numbers; of equals, the most similar."""
    words, figures = telling(claim), numbers(claim)

    def fit(sentence: Evidence) -> tuple[float, float]:
        return share(words, telling(sentence.text)) + len(figures & numbers(sentence.text)), sentence.similarity

    return max(passage.evidence, key=fit)


def _support(claim: str, quotes: Sequence[Citation]) -> Support:
    """Lexical and numeric: it sees a missing word or number, not a contradiction."""
    if not quotes:
        return "unsupported"
    quoted = " ".join(f"{citation.paper.title} {citation.quote}" for citation in quotes)
    held = share(telling(claim), telling(quoted))
    if held >= SUPPORTED_SHARE and numbers(claim) <= numbers(quoted):
        return "supported"
    return "partial" if held >= PARTIAL_SHARE else "unsupported"
