"""The references of an answer as they are posted in its thread: a list to read, and BibTeX to copy."""

from collections.abc import Mapping
from dataclasses import replace

from rag import references
from rag.references import text
from rag.references.cited import cited_papers
from rag.types import Answer, Paper

_FENCE = "```"


def markdown(answer: Answer, papers: Mapping[str, Paper]) -> str:
    """The cited papers, numbered as in the answer; empty if there are none. Abstracts would fill the thread."""
    cited = cited_papers(answer, papers)
    lines = [f"[{entry.number}] {text.reference(entry.paper)}" for entry in cited]
    short = [replace(entry.paper, abstract="", keywords=()) for entry in cited]
    bibtex = "".join(references.write(short, "bibtex")).strip().replace(_FENCE, "'''")
    return "\n".join([*lines, "", _FENCE, bibtex, _FENCE]) if cited else ""
