"""The citations of an Answer as OpenAI's annotations, which say where in the text a source is cited."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from rag import serialize
from rag.types import Answer, Citation, Paper, Sentence

_MARKS = re.compile(r"(?:[ \u00a0]?\[\d{1,4}\])+")
_MARK = re.compile(r"\[(\d+)\]")


class Mark(NamedTuple):
    """A mark in the text of an answer: `text[start:end] == f"[{number}]"`; -1 for a sentence that is not known."""

    start: int
    end: int
    number: int
    sentence: int


def url_citations(answer: Answer) -> list[dict[str, Any]]:
    """One for each mark and quote, in the order of the text, in the flat form of the Responses API.

    `start_index` and `end_index` are the mark's place in `answer.text`, in characters. A paper without an address has
    an empty `url`. `scholiast` is the Citation, with the quote and its offsets; None where a paper is cited for its
    fields alone.
    """
    papers = answer.cited_papers
    return [
        _url_citation(mark, papers[mark.number], citation)
        for mark in marks(answer.text, answer.sentences)
        if mark.number in papers
        for citation in _resting_on(mark, answer.citations)
    ]


def nested(annotation: dict[str, Any]) -> dict[str, Any]:
    """An annotation in the form of chat completions."""
    return {"type": annotation["type"], "url_citation": {k: v for k, v in annotation.items() if k != "type"}}


def marks(text: str, sentences: Sequence[Sentence]) -> Iterator[Mark]:
    """The marks of a text, each with the sentence that it stands in or behind."""
    runs = list(_MARKS.finditer(text))
    ends = _ends(_MARKS.sub("", text), sentences)
    removed = 0
    for run in runs:
        at = run.start() - removed  # where it stands in the text without marks
        sentence = next((place for place, end in enumerate(ends) if at <= end), -1)
        for mark in _MARK.finditer(run[0]):
            yield Mark(run.start() + mark.start(), run.start() + mark.end(), int(mark[1]), sentence)
        removed += len(run[0])


def _ends(plain: str, sentences: Sequence[Sentence]) -> list[int]:
    """Where each sentence ends in the text without marks; -1 of one that is not there."""
    ends, last = [], 0
    for sentence in sentences:
        start = plain.find(sentence.text, last)
        last = start + len(sentence.text) if start >= 0 else last
        ends.append(last if start >= 0 else -1)
    return ends


def _resting_on(mark: Mark, citations: Sequence[Citation]) -> Sequence[Citation | None]:
    found = [c for c in citations if (c.number, c.sentence) == (mark.number, mark.sentence)]
    return found or [None]


def _url_citation(mark: Mark, paper: Paper, citation: Citation | None) -> dict[str, Any]:
    return {
        "type": "url_citation",
        "start_index": mark.start,
        "end_index": mark.end,
        "title": paper.title,
        "url": paper.url or "",
        "scholiast": serialize.citation(citation) if citation else None,
    }
