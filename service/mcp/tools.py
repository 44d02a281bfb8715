"""What an assistant can call: each tool with its arguments, its result as an object, and the result as text."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter

from rag import references, serialize
from rag.engine import MAX_QUESTION_CHARACTERS, TOP_K
from rag.library.registry import LibrarySummary
from rag.retrieval import MAX_RESULTS
from rag.types import Answer, Effort, IngestReport, Paper
from rag.workspace import DEFAULT_LIBRARY, list_libraries
from service.http.schemas import LibraryList, QuestionFilters, RequestBody, Results, Text, TopK
from service.owner.client import Owner
from service.owner.operations import Operations

DOOR = "mcp"
MAX_PAPERS = 1_000
"""How many papers one call may add."""

LibraryName = Annotated[
    Text, Field(description="A library's name, as list_libraries gives it; the default one unless given.")
]


class Arguments(RequestBody):
    """Base of arguments: an unknown one is refused, since a model that misspells one must be told."""

    model_config = ConfigDict(strict=True, extra="forbid")


class SearchArguments(Arguments):
    """What to search for."""

    query: Text = Field(description="Words or a sentence to look for.")
    library: LibraryName = ""
    limit: int = Field(default=10, ge=1, le=MAX_RESULTS, description="How many papers at most.")


class AskArguments(Arguments):
    """A question, and which papers may answer it."""

    question: Text = Field(
        description=f"One question that can be understood by itself, up to {MAX_QUESTION_CHARACTERS:,} characters."
    )
    library: LibraryName = ""
    filters: QuestionFilters | None = Field(default=None, description="Which papers may be used; all unless given.")
    top_k: TopK = TOP_K
    effort: Effort = Field(
        default="quick",
        description="`deep`: the question in parts, several searches, graded abstracts; slow, and needs a chat model.",
    )


class PaperArguments(Arguments):
    """Which paper."""

    id: Text = Field(description="As search_papers and ask give it; a DOI, PMID or arXiv id of the paper serves too.")
    library: LibraryName = ""


class NoArguments(Arguments):
    """Nothing."""


class AddArguments(Arguments):
    """Papers to add."""

    papers: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MAX_PAPERS,
        description="Each with a title and an abstract, and year, authors, url, venue, doi, pmid, arxiv_id if known.",
    )
    library: LibraryName = ""


@dataclass(frozen=True)
class Result:
    """What a call gives: an object of the tool's schema, and the same for reading."""

    value: dict[str, Any]
    text: str


@dataclass(frozen=True)
class Tool:
    """A tool. `call` takes the owner of the libraries, the checked arguments, and who calls; it raises ScholiastError.

    Hosts that show a model only text pass on `Result.text`; others read `Result.value`, which is as HTTP gives it.
    """

    name: str
    description: str
    arguments: type[Arguments]
    result: TypeAdapter[Any]
    call: Callable[[Owner, Any, str], Awaitable[Result]]
    writes: bool = False


async def _search(owner: Owner, arguments: SearchArguments, caller: str) -> Result:
    value = await owner.run(Operations.search, query=arguments.query, library=arguments.library, limit=arguments.limit)
    return Result(value, "\n\n".join(map(_hit, value["results"])) or "No paper was found.")


def _hit(result: Mapping[str, Any]) -> str:
    paper = result["paper"]
    year = f" ({paper['year']})" if paper["year"] else ""
    return f"{result['rank']}. {paper['title']}{year}\n   id: {paper['id']}\n   “{result['snippet']}”"


async def _ask(owner: Owner, arguments: AskArguments, caller: str) -> Result:
    answer = await owner.run(
        Operations.ask,
        question=arguments.question,
        library=arguments.library,
        filters=(arguments.filters or QuestionFilters()).to_filters(),
        top_k=arguments.top_k,
        effort=arguments.effort,
        door=DOOR,
        caller=caller,
    )
    text = "".join(references.write_answer(answer, {}, "text"))
    ids = {citation.number: citation.paper.id for citation in answer.citations}
    known = "".join(f"\nid of [{number}]: {id}" for number, id in sorted(ids.items()))
    return Result(serialize.answer(answer), text + known)


async def _get_paper(owner: Owner, arguments: PaperArguments, caller: str) -> Result:
    found = await owner.run(Operations.paper, id=arguments.id, library=arguments.library)
    return Result(serialize.paper(found), paper_text(found))


def paper_text(paper: Paper) -> str:
    """A paper for reading: its reference, its id and its abstract."""
    reference = "".join(references.write([paper], "text")).partition(" ")[2].strip()
    return f"{reference}\nid: {paper.id}\n\n{paper.abstract}\n"


async def _list_libraries(owner: Owner, arguments: NoArguments, caller: str) -> Result:
    found = await list_libraries(owner.workspace.settings)
    return Result(serialize.libraries(found), "\n".join(map(_library, found)) or "There is no library yet.")


def _library(library: LibrarySummary) -> str:
    return f"{library.name}: {library.papers:,} papers"


async def _add_papers(owner: Owner, arguments: AddArguments, caller: str) -> Result:
    report = await owner.run(
        Operations.add, records=arguments.papers, source=DOOR, library=arguments.library or DEFAULT_LIBRARY
    )
    value = serialize.report(report)
    return Result(value, json.dumps(value, ensure_ascii=False))


TOOLS = (
    Tool(
        "search_papers",
        "Find papers in the library by meaning and by words, best first, each with the sentence that matches best.",
        SearchArguments,
        TypeAdapter(Results),
        _search,
    ),
    Tool(
        "ask",
        "Answer a question from the library's abstracts alone. Each sentence comes with the abstract and the very "
        "words that support it, and their offsets there; or the answer says plainly that the abstracts do not tell.",
        AskArguments,
        TypeAdapter(Answer),
        _ask,
    ),
    Tool(
        "get_paper",
        "A paper's title, authors, year, ids and whole abstract.",
        PaperArguments,
        TypeAdapter(Paper),
        _get_paper,
    ),
    Tool(
        "list_libraries",
        "The libraries that can be searched and asked, and how many papers each holds.",
        NoArguments,
        TypeAdapter(LibraryList),
        _list_libraries,
    ),
    Tool(
        "add_papers",
        "Put papers into a library, which is made if it is missing. Papers that are there already are updated.",
        AddArguments,
        TypeAdapter(IngestReport),
        _add_papers,
        writes=True,
    ),
)
