"""A library as a LangChain `Runnable` that gives the answer to a question together with its documents."""

from collections.abc import Sequence
from typing import Any, TypedDict

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig

from rag.errors import RequestError
from rag.langchain_retriever import document
from rag.sync import SyncWorkspace
from rag.types import Answer, Turn

Question = str | Sequence[BaseMessage]
"""A question, or a conversation whose last message is one. Messages of other roles than its two sides are left out."""


class AnswerWithDocuments(TypedDict):
    """An answer and what it was written from, best first.

    `answer` is the text, with its marks `[n]`; `metadata["number"]` of a document is the mark that cites it, and
    `metadata["quotes"]` has the words of it that support a sentence, empty where none does. `result` is the whole
    Answer: outcome, verdicts, offsets.
    """

    question: str
    answer: str
    documents: list[Document]
    result: Answer


class LibraryAnswerer(Runnable[Question, AnswerWithDocuments]):
    """Answers questions from a library, by its name: `LibraryAnswerer("papers").invoke("Which autoencoders ...?")`.

    `options` are those of `SyncWorkspace.ask`, such as `model`, `filters` and `top_k`. Without a workspace it has one
    of its own, which keeps the library until the process ends.
    """

    def __init__(self, library: str = "", workspace: SyncWorkspace | None = None, **options: Any) -> None:
        """Settings come from SCHOLIAST_* and a .env file unless a workspace is given. Raises ConfigError."""
        self._library = library
        self._workspace = workspace or SyncWorkspace()
        self._options = options

    def invoke(self, input: Question, config: RunnableConfig | None = None, **kwargs: Any) -> AnswerWithDocuments:
        """The answer to a question; `kwargs` overrule the options. Raises as `Workspace.ask` does."""
        return self._call_with_config(self._answer, input, config, **kwargs)

    def _answer(self, input: Question, **options: Any) -> AnswerWithDocuments:
        question, history = _asked(input)
        answer = self._workspace.ask(question, library=self._library, history=history, **{**self._options, **options})
        return AnswerWithDocuments(question=question, answer=answer.text, documents=_documents(answer), result=answer)


def _asked(input: Question) -> tuple[str, tuple[Turn, ...]]:
    """The question and the messages of both sides before it. Raises RequestError without a question."""
    if isinstance(input, str):
        return input, ()
    turns = [
        Turn(role="user" if isinstance(message, HumanMessage) else "assistant", content=str(message.text))
        for message in input
        if isinstance(message, HumanMessage | AIMessage)
    ]
    if not turns or turns[-1].role != "user":
        raise RequestError("the last message is no HumanMessage; it is the question")
    return turns[-1].content, tuple(turns[:-1])


def _documents(answer: Answer) -> list[Document]:
    """The passages of an answer, each with its number and the words that are quoted of it."""
    documents = []
    for passage in answer.passages:
        found = document(passage)
        quotes = [
            citation.quote
            for citation in answer.citations
            if citation.number == passage.number and passage.start <= citation.start and citation.end <= passage.end
        ]
        found.metadata |= {"number": passage.number, "quotes": list(dict.fromkeys(quotes))}
        documents.append(found)
    return documents
