"""Any of our retrievers as a LangChain `BaseRetriever`, for chains such as `LibraryRetriever(retriever=ours) | ...`."""

from typing import Annotated

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import SkipValidation

from rag.engine import TOP_K
from rag.protocols import Retriever
from rag.sync import run_sync
from rag.types import EVERYTHING, Filters, Passage


class LibraryRetriever(BaseRetriever):
    """Documents whose text is a passage's and whose metadata name the paper and the offsets into its abstract.

    `invoke` may be called with or without a running event loop, which it blocks; `ainvoke` does not.
    """

    retriever: Annotated[Retriever, SkipValidation]
    limit: int = TOP_K
    filters: Filters = EVERYTHING

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await self._documents(query)

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return run_sync(self._documents(query))

    async def _documents(self, query: str) -> list[Document]:
        return [_document(passage) for passage in await self.retriever.retrieve(query, self.limit, self.filters)]


def _document(passage: Passage) -> Document:
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
