"""The JSON objects about papers and libraries that HTTP and `--json` share; `rag/serialize.py` has the others."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rag import serialize
from rag.library.checks import Finding
from rag.library.registry import LibrarySummary
from rag.types import Paper


def papers(library: str, papers: Sequence[Paper], total: int, offset: int, limit: int) -> dict[str, Any]:
    """A page of the papers of a library; `total` counts them all."""
    return {
        "library": library,
        "total": total,
        "offset": offset,
        "limit": limit,
        "papers": [serialize.paper(paper) for paper in papers],
    }


def removed(library: str, count: int) -> dict[str, Any]:
    """How many papers were taken out."""
    return {"library": library, "removed": count}


def libraries(libraries: Sequence[LibrarySummary]) -> dict[str, Any]:
    """Every library: name, papers, chunks, embedder."""
    return {"libraries": [asdict(library) for library in libraries]}


def findings(findings: Sequence[Finding]) -> dict[str, Any]:
    """What a check-up found, part by part."""
    return {"findings": [asdict(finding) for finding in findings]}
