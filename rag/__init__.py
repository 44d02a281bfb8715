"""Answers questions about scientific abstracts, and shows the very words that support each sentence.

    from rag import SyncWorkspace

    with SyncWorkspace() as workspace:
        workspace.ingest("papers.jsonl")
        answer = workspace.ask("Which autoencoders are sparse?")

`Workspace` has the same methods for async code. What is not named here is internal and may change.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# onnxruntime 1.29 and newer reports its use to its maker unless this is set before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.engine import Engine
    from rag.errors import ScholiastError
    from rag.langchain_answers import LibraryAnswerer
    from rag.langchain_retriever import LibraryRetriever
    from rag.library.library import Library
    from rag.sync import SyncWorkspace
    from rag.types import Answer, Citation, Filters, IngestReport, Paper, Passage, Sentence, Turn
    from rag.workspace import Workspace

_MODULES = {
    "Answer": "rag.types",
    "Citation": "rag.types",
    "Engine": "rag.engine",
    "Filters": "rag.types",
    "IngestReport": "rag.types",
    "Library": "rag.library.library",
    "LibraryAnswerer": "rag.langchain_answers",
    "LibraryRetriever": "rag.langchain_retriever",
    "Paper": "rag.types",
    "Passage": "rag.types",
    "ScholiastError": "rag.errors",
    "Sentence": "rag.types",
    "Settings": "rag.config",
    "SyncWorkspace": "rag.sync",
    "Turn": "rag.types",
    "Workspace": "rag.workspace",
}

__all__ = [
    "Answer",
    "Citation",
    "Engine",
    "Filters",
    "IngestReport",
    "Library",
    "LibraryAnswerer",
    "LibraryRetriever",
    "Paper",
    "Passage",
    "ScholiastError",
    "Sentence",
    "Settings",
    "SyncWorkspace",
    "Turn",
    "Workspace",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used: Chroma and LangChain take seconds to import."""
    if name not in _MODULES:
        raise AttributeError(f"module 'rag' has no public name {name!r}; there is {', '.join(__all__)}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
