"""A library as a LangChain `BaseRetriever`, for chains such as `LibraryRetriever.from_library("papers") | ...`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import SkipValidation

from rag.engine import TOP_K
from rag.protocols import Retriever
from rag.sync import SyncWorkspace, run_apart, run_sync
from rag.types import EVERYTHING, Filters, Passage


class LibraryRetriever(BaseRetriever):
    """Documents whose text is a passage's and whose metadata name the paper and the offsets into its abstract.

    `invoke` may be called with or without a running event loop, which it blocks; `ainvoke` does not.
    """

    retriever: Annotated[Retriever, SkipValidation]
    limit: int = TOP_K
    filters: Filters = EVERYTHING

    @classmethod
    def from_library(cls, name: str = "", workspace: SyncWorkspace | None = None, **fields: Any) -> Self:
        """The retriever of a library by its name, which is opened at the first question; `limit` and `filters` go on.

        Without a workspace it has one of its own, which keeps the library until the process ends. Raises ConfigError.
        """
        return cls(retriever=_NamedLibrary(workspace or SyncWorkspace(), name), **fields)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await self._documents(query)

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return run_sync(self._documents(query))

    async def _documents(self, query: str) -> list[Document]:
        return [document(passage) for passage in await self.retriever.retrieve(query, self.limit, self.filters)]


@dataclass(frozen=True)
class _NamedLibrary:
    """Finds what the library's engine finds. Raises as `Workspace.engine` does."""

    workspace: SyncWorkspace
    name: str

    async def retrieve(self, question: str, limit: int, filters: Filters = EVERYTHING) -> Sequence[Passage]:
        """One passage for each of at most `limit` papers, best first."""
        return await run_apart(self._retrieve(question, limit, filters))

    async def _retrieve(self, question: str, limit: int, filters: Filters) -> Sequence[Passage]:
        engine = await self.workspace.inner.engine(self.name)
        return await engine.retriever.retrieve(question, limit, filters)


def document(passage: Passage) -> Document:
    """A passage as LangChain has it: `abstract[start:end] == page_content`."""
    paper = passage.paper
    return Document(
        page_content=passage.text,
        metadata={
            "id": paper.id,
            "title": paper.title,
            "url": paper.url,
            "year": paper.year,
            "retracted": paper.retracted,
            "authors": list(paper.authors),
            "score": passage.score,
            "start": passage.start,
            "end": passage.end,
        },
    )
