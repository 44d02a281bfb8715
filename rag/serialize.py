"""Answers, papers and reports as JSON and back: the shapes are the dataclasses of `rag/types.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from rag.types import Answer, Citation, IngestReport, Paper, Passage

if TYPE_CHECKING:  # at run time they would load the indexes' libraries, for seconds
    from rag.connectors.enrich import EnrichReport
    from rag.library.checks import Finding
    from rag.library.registry import LibrarySummary


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


def parse_paper(value: Mapping[str, Any]) -> Paper:
    """The Paper of such an object."""
    return _PAPER.validate_python(value)


def report(report: IngestReport) -> dict[str, Any]:
    """What an ingest did."""
    return _json(_REPORT, report)


def enrich_report(report: "EnrichReport") -> dict[str, Any]:
    """What an enrichment did."""
    return asdict(report)


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


def paper_page(library: str, papers: Sequence[Paper], total: int, offset: int, limit: int) -> dict[str, Any]:
    """Some of a library's papers; `total` counts them all."""
    return {
        "library": library,
        "total": total,
        "offset": offset,
        "limit": limit,
        "papers": [paper(entry) for entry in papers],
    }


def removal(library: str, count: int) -> dict[str, Any]:
    """How many papers were removed."""
    return {"library": library, "removed": count}


def split(library: str, papers: Sequence[Paper]) -> dict[str, Any]:
    """The papers that a merged one became."""
    return {"library": library, "papers": [paper(entry) for entry in papers]}


def libraries(libraries: "Sequence[LibrarySummary]") -> dict[str, Any]:
    """Every library: name, papers, chunks, embedder."""
    return {"libraries": [asdict(library) for library in libraries]}


def findings(findings: "Sequence[Finding]") -> dict[str, Any]:
    """What `scholiast doctor` found, part by part."""
    return {"findings": [_finding(finding, finding.message) for finding in findings]}


def public_findings(findings: "Sequence[Finding]") -> dict[str, Any]:
    """The same for other machines."""
    return {"findings": [_finding(finding, finding.public or finding.message) for finding in findings]}


def _finding(finding: "Finding", message: str) -> dict[str, Any]:
    return {"part": finding.part, "verdict": finding.verdict, "message": message, "remedy": finding.remedy}


def _snippet(passage: Passage) -> str:
    best = max(passage.sentences, key=lambda sentence: sentence.similarity, default=None)
    return best.text if best else passage.text
