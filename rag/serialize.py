"""Answers, papers and reports as JSON and back: the shapes are the dataclasses of `rag/types.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from rag.types import Answer, Citation, IngestReport, Paper, Passage

_ANSWER = TypeAdapter(Answer)
_CITATION = TypeAdapter(Citation)
_PAPER = TypeAdapter(Paper)
_PASSAGE = TypeAdapter(Passage)
_REPORT = TypeAdapter(IngestReport)


def answer(answer: Answer) -> dict[str, Any]:
    """The contract's Answer object."""
    return _json(_ANSWER, answer)


def parse_answer(value: Mapping[str, Any]) -> Answer:
    """The Answer of such an object, without what JSON does not have: abstracts, and the sentences of passages."""
    return _ANSWER.validate_python(value)


def citation(citation: Citation) -> dict[str, Any]:
    """A citation as an answer shows it."""
    return _json(_CITATION, citation)


def passage(passage: Passage) -> dict[str, Any]:
    """A passage as an answer shows it."""
    return _json(_PASSAGE, passage)


def paper(paper: Paper) -> dict[str, Any]:
    """A whole paper, with where it was read."""
    return _json(_PAPER, paper)


def report(report: IngestReport) -> dict[str, Any]:
    """What an ingest did."""
    return _json(_REPORT, report)


def search_results(passages: Sequence[Passage]) -> dict[str, Any]:
    """Ranked papers, best first, each with the sentence that matched best."""
    return {
        "results": [
            {"rank": rank, "score": round(p.score, 4), "paper": paper(p.paper), "snippet": _snippet(p)}
            for rank, p in enumerate(passages, start=1)
        ]
    }


def _json(adapter: TypeAdapter[Any], value: object) -> dict[str, Any]:
    shown: dict[str, Any] = adapter.dump_python(value, mode="json")
    return shown


def _snippet(passage: Passage) -> str:
    best = max(passage.sentences, key=lambda sentence: sentence.similarity, default=None)
    return best.text if best else passage.text
