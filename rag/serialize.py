"""The JSON that every door shows: one shape for papers, answers and search results, as the README describes it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rag.types import Answer, IngestReport, Paper, Passage

if TYPE_CHECKING:  # at run time they would load the indexes' libraries, for seconds
    from rag.library.checks import Finding
    from rag.library.registry import LibrarySummary


def paper(paper: Paper) -> dict[str, Any]:
    """A whole paper, with where it was read."""
    return asdict(paper)


def reference(paper: Paper) -> dict[str, Any]:
    """The few fields by which an answer names a paper."""
    return {
        "id": paper.id,
        "title": paper.title,
        "url": paper.url,
        "year": paper.year,
        "authors": list(paper.authors),
    }


def passage(passage: Passage) -> dict[str, Any]:
    """A passage as an answer shows it."""
    return {
        "number": passage.number,
        "paper": reference(passage.paper),
        "text": passage.text,
        "score": round(passage.score, 4),
    }


def answer(answer: Answer) -> dict[str, Any]:
    """The contract's Answer object."""
    return {
        "id": answer.id,
        "question": answer.question,
        "standalone_question": answer.standalone_question,
        "library": answer.library,
        "outcome": answer.outcome,
        "text": answer.text,
        "sentences": [{"text": s.text, "citations": list(s.citations), "support": s.support} for s in answer.sentences],
        "citations": [{**asdict(c), "paper": reference(c.paper)} for c in answer.citations],
        "passages": [passage(p) for p in answer.passages],
        "confidence": round(answer.confidence, 4),
        "model": answer.model,
        "usage": asdict(answer.usage),
        "timings_ms": dict(answer.timings_ms),
        "prompt": answer.prompt,
        "notice": answer.notice,
    }


def search_results(passages: tuple[Passage, ...] | list[Passage]) -> dict[str, Any]:
    """Ranked papers, best first, each with the sentence that matched best."""
    return {
        "results": [
            {"rank": rank, "score": round(p.score, 4), "paper": paper(p.paper), "snippet": _snippet(p)}
            for rank, p in enumerate(passages, start=1)
        ]
    }


def report(report: IngestReport) -> Mapping[str, Any]:
    """What an ingest did."""
    return asdict(report)


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


def libraries(libraries: "Sequence[LibrarySummary]") -> dict[str, Any]:
    """Every library: name, papers, chunks, embedder."""
    return {"libraries": [asdict(library) for library in libraries]}


def findings(findings: "Sequence[Finding]") -> dict[str, Any]:
    """What `scholiast doctor` found, part by part."""
    return {"findings": [asdict(finding) for finding in findings]}


def _snippet(passage: Passage) -> str:
    best = max(passage.sentences, key=lambda e: e.similarity, default=None)
    return best.text if best else passage.text
