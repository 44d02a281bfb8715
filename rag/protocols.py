"""Every plug point on one page. Match the shape; there is nothing to inherit and nothing to register."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.types import (
    Citation,
    Filters,
    GenerationInfo,
    Passage,
    ProbeResult,
    Probes,
    Quote,
    Sentence,
    StandaloneQuery,
    StoredPaper,
    Support,
    Turn,
    Usage,
    Vectors,
)


class Embedder(Protocol):
    """Texts to vectors."""

    @property
    def name(self) -> str:
        """How the settings name it, e.g. `minilm` or `openai:text-embedding-3-small`; an index remembers it."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension), in the same order. Raises BackendError."""
        ...

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """The unit vector, shape (dimension,), of what is searched for; some models read it differently.

        Raises BackendError.
        """
        ...


class BulkEmbedder(Protocol):
    """Documents to the vectors that the embedder of that name gives them, by several processes or machines."""

    @property
    def name(self) -> str:
        """The embedder's."""
        ...

    @property
    def batches_at_once(self) -> int:
        """How many calls of `embed` at a time keep all of them busy."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the embedder does. Raises BackendError, and ConfigError when one of the processes can't do it."""
        ...


class VectorIndex(Protocol):
    """Every chunk of a library with its vector. All methods block, and raise LibraryError for a damaged index."""

    library: str
    place: str
    """What messages call it, e.g. `the Chroma index /home/me/...`."""

    def apply(self, papers: Sequence[StoredPaper], removed: Sequence[str]) -> None:
        """Insert or replace papers, and delete those removed. May be killed, and repeated."""
        ...

    def nearest(self, vector: Vectors, limit: int) -> list[tuple[str, float]]:
        """The `limit` chunks nearest to a vector of shape (dimension,): paper id and cosine, best first."""
        ...

    def count(self) -> int:
        """How many chunks the index holds."""
        ...

    def rows(self, ids: Sequence[str] | None = None) -> Mapping[str, Vectors]:
        """The vectors of the chunks with these ids, `PAPER#NUMBER`, or of all; without any search."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...


class VectorStore(Protocol):
    """An engine for vector indexes. Each has a name, its generation, and a folder for files in the home folder."""

    @property
    def name(self) -> str:
        """What SCHOLIAST_VECTOR_INDEX begins with, and the folder of its indexes."""
        ...

    @property
    def title(self) -> str:
        """What the doctor calls it."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether several processes may have an index open; if not, one owns the library as long as it is open."""
        ...

    def open(self, folder: Path, library: str, generation: str, *, create: bool) -> VectorIndex:
        """The index; `create` makes an empty one in place of what a killed process left.

        Raises LibraryError when it is missing or damaged, UnavailableError when it can't be reached.
        """
        ...

    def is_as_closed(self, folder: Path, library: str, generation: str) -> bool:
        """Whether an index can be opened safely; one that was not closed is probed first where that matters."""
        ...

    def probe(self, folder: Path, library: str, generation: str, probes: Probes) -> ProbeResult:
        """Look for papers by a vector of theirs, safely. Raises LibraryError when the index is damaged."""
        ...

    def delete(self, library: str, generation: str) -> None:
        """Delete an index, if there is one, as far as it is not in its folder."""
        ...


class Retriever(Protocol):
    """A question to passages."""

    async def retrieve(self, question: str, limit: int, filters: Filters = ...) -> Sequence[Passage]:
        """The passages of at most `limit` papers, best first. Empty when no stored paper passes the filters."""
        ...


class Reranker(Protocol):
    """A question and candidate passages to scores."""

    @property
    def name(self) -> str:
        """What the log calls it when it fails, e.g. `http:api.jina.ai`."""
        ...

    async def rerank(self, question: str, passages: Sequence[Passage]) -> Sequence[float]:
        """One finite score for each passage, in the same order. Only their order counts, higher is better.

        Raises BackendError.
        """
        ...


NO_WORD = "\x00"
"""A stem that no paper has, so that its idf is the highest that there is."""


class Vocabulary(Protocol):
    """Which words a library knows and how rare they are."""

    def idf(self, stems: Sequence[str]) -> Mapping[str, float]:
        """Inverse document frequency of each stem, highest for one that no paper has."""
        ...


class Writer(Protocol):
    """Passages to an answer."""

    @property
    def name(self) -> str:
        """How the settings and the answers name it, e.g. `extractive` or `openai:gpt-4o-mini`."""
        ...

    def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn]
    ) -> AsyncGenerator[str | GenerationInfo]:
        """Yield the answer piece by piece, then a GenerationInfo if there is anything to say of it.

        `[n]` marks the passage that a statement comes from. `passages` is not empty. Raises BackendError.
        """
        ...


class Verifier(Protocol):
    """A claim and the quotes it rests on to a verdict."""

    def verify(self, claim: str, quotes: Sequence[Quote], question: str = "") -> Support:
        """Whether the quotes support the claim, which has no citation marks, and which check decided.

        `question` is what the claim answers: words that it repeats from there need no support.
        """
        ...


class AnswerReviewer(Protocol):
    """All sentences of an answer, with the quotes they rest on, to better verdicts."""

    @property
    def name(self) -> str:
        """What the notice calls it when it fails, e.g. `openai:gpt-4o-mini`."""
        ...

    async def review(
        self, sentences: Sequence[Sentence], citations: Sequence[Citation]
    ) -> tuple[tuple[Sentence, ...], Usage]:
        """The sentences with their verdicts, in the same order, and the tokens it took. Raises BackendError."""
        ...


class QueryRewriter(Protocol):
    """A follow-up to a question that stands alone."""

    async def rewrite(self, question: str, history: Sequence[Turn]) -> StandaloneQuery:
        """The question itself if it needs nothing from the history; nothing to search for if it is small talk."""
        ...
