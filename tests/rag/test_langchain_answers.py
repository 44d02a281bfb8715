"""A library by its name in LangChain's chains: as a retriever, and as what answers with its documents."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from rag import LibraryAnswerer, LibraryRetriever, SyncWorkspace
from rag.errors import NotFoundError, RequestError
from rag.langchain_answers import AnswerWithDocuments
from rag.types import Filters, Paper
from tests.conftest import QUESTION, settings
from tests.support.command import words


@pytest.fixture(scope="module")
def workspace(_built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncWorkspace]:
    home = Path(shutil.copytree(_built_home, tmp_path_factory.mktemp("langchain") / "home"))
    with SyncWorkspace(settings(home), words()) as workspace:
        yield workspace


def the_text(found: AnswerWithDocuments) -> str:
    return found["answer"]


def test_a_chain_gets_the_answer_with_the_documents_that_its_marks_cite(
    workspace: SyncWorkspace, papers: list[Paper]
) -> None:
    found = (RunnablePassthrough[str]() | LibraryAnswerer("default", workspace)).invoke(QUESTION)
    assert (found["question"], found["result"].outcome) == (QUESTION, "answered")
    assert "[1]" in found["answer"] and found["answer"] == found["result"].text
    first = found["documents"][0]
    assert (first.metadata["number"], first.metadata["id"]) == (1, papers[0].id)
    assert first.page_content == papers[0].abstract[first.metadata["start"] : first.metadata["end"]]
    assert first.metadata["quotes"] and all(quote in first.page_content for quote in first.metadata["quotes"])
    quotes = {quote for document in found["documents"] for quote in document.metadata["quotes"]}
    assert quotes == {citation.quote for citation in found["result"].citations}


async def test_it_is_awaited_batched_and_streamed_as_every_runnable(workspace: SyncWorkspace) -> None:
    chain = LibraryAnswerer("default", workspace) | RunnableLambda(the_text)
    text = chain.invoke(QUESTION)
    assert await chain.ainvoke(QUESTION) == text
    assert chain.batch([QUESTION, QUESTION]) == [text, text]
    assert "".join(chain.stream(QUESTION)) == text


def test_a_conversation_is_a_question_with_what_came_before(workspace: SyncWorkspace) -> None:
    before = [SystemMessage("Be brief."), HumanMessage(QUESTION), AIMessage("Hydra heads depend on each other [1].")]
    found = LibraryAnswerer("default", workspace).invoke([*before, HumanMessage("How much faster is it?")])
    assert found["question"] == "How much faster is it?"
    assert "ydra" in found["result"].standalone_question
    with pytest.raises(RequestError, match="no HumanMessage"):
        LibraryAnswerer("default", workspace).invoke(before)


def test_options_hold_and_those_of_a_call_overrule_them(workspace: SyncWorkspace, papers: list[Paper]) -> None:
    answerer = LibraryAnswerer("default", workspace, filters=Filters(papers=(papers[5].id,)))
    assert {document.metadata["id"] for document in answerer.invoke(QUESTION)["documents"]} <= {papers[5].id}
    assert answerer.invoke(QUESTION, filters=Filters())["documents"][0].metadata["id"] == papers[0].id


async def test_a_retriever_is_made_from_the_name_of_a_library(workspace: SyncWorkspace, papers: list[Paper]) -> None:
    retriever = LibraryRetriever.from_library("default", workspace, limit=2)
    found = await retriever.ainvoke(QUESTION)
    assert (len(found), found[0].metadata["id"]) == (2, papers[0].id)
    assert retriever.invoke(QUESTION) == found
    only = LibraryRetriever.from_library("default", workspace, filters=Filters(papers=(papers[5].id,)))
    assert [document.metadata["id"] for document in only.invoke(QUESTION)] == [papers[5].id]


def test_a_name_without_a_library_is_an_error_at_the_first_question(workspace: SyncWorkspace) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        LibraryRetriever.from_library("nowhere", workspace).invoke(QUESTION)
    with pytest.raises(NotFoundError, match="nowhere"):
        LibraryAnswerer("nowhere", workspace).invoke(QUESTION)


def test_a_prompt_is_filled_with_what_was_found(workspace: SyncWorkspace, papers: list[Paper]) -> None:
    retriever = LibraryRetriever.from_library("default", workspace, limit=1)
    prompt = ChatPromptTemplate.from_template("{context}\n\n{question}")
    titles = retriever | RunnableLambda(lambda found: str(found[0].metadata["title"]))
    chain = {"context": titles, "question": RunnablePassthrough()} | prompt
    assert chain.invoke(QUESTION).to_string() == f"Human: {papers[0].title}\n\n{QUESTION}"
