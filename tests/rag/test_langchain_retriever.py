"""Our retrievers work in LangChain's chains, with and without an event loop."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from rag.langchain_retriever import LibraryRetriever
from rag.retrieval import HybridRetriever
from rag.types import Filters, Paper
from rag.workspace import DEFAULT_LIBRARY, open_library
from tests.conftest import QUESTION, settings
from tests.support.stand_ins import WordsEmbedder


@pytest.fixture
async def retriever(home: Path) -> AsyncIterator[LibraryRetriever]:
    library = await open_library(settings(home), DEFAULT_LIBRARY, WordsEmbedder(512))
    yield LibraryRetriever(retriever=HybridRetriever(library, library.embedder), limit=3)
    library.close()


def titles(documents: list[Document]) -> str:
    return "; ".join(document.metadata["title"] for document in documents)


async def test_a_chain_awaits_it(retriever: LibraryRetriever, papers: list[Paper]) -> None:
    answer = await (retriever | RunnableLambda(titles)).ainvoke(QUESTION)
    assert answer.startswith(papers[0].title)
    assert answer.count(";") == 2


def test_a_chain_invokes_it_without_a_loop(retriever: LibraryRetriever, papers: list[Paper]) -> None:
    chain = retriever | RunnableLambda(titles)
    assert chain.invoke(QUESTION).startswith(papers[0].title)
    assert chain.batch([QUESTION, QUESTION]) == [chain.invoke(QUESTION)] * 2


async def test_invoke_works_while_a_loop_runs(retriever: LibraryRetriever) -> None:
    assert retriever.invoke(QUESTION) == await retriever.ainvoke(QUESTION)


async def test_a_document_says_which_words_of_which_paper_it_is(
    retriever: LibraryRetriever, papers: list[Paper]
) -> None:
    found = (await retriever.ainvoke(QUESTION))[0]
    facts, hydra = found.metadata, papers[0]
    assert facts.keys() == {"id", "title", "url", "year", "authors", "retracted", "score", "start", "end"}
    assert (facts["id"], facts["title"], facts["year"]) == (hydra.id, hydra.title, hydra.year)
    assert found.page_content == hydra.abstract[facts["start"] : facts["end"]]
    assert 0 < facts["score"] <= 1


async def test_filters_hold_in_a_chain_too(retriever: LibraryRetriever, papers: list[Paper]) -> None:
    only = retriever.model_copy(update={"filters": Filters(papers=(papers[5].id,))})
    assert [document.metadata["id"] for document in await only.ainvoke(QUESTION)] == [papers[5].id]
