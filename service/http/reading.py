"""Routes for reading on: the abstracts behind an answer, what is like a paper, who cited it, lists, maps."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from rag import serialize
from rag.history.citing import AnswerSource, CitingAnswer
from rag.library import browse, maps
from rag.library.browse import Facets, Selection
from rag.library.maps import LibraryMap
from rag.retrieval import MAX_RESULTS
from rag.types import Filters, Paper, Passage
from rag.workspace import Workspace
from service.http import dependencies, schemas
from service.http.dependencies import Caller, PageLimit, PageOffset, WorkspaceDependency
from service.http.routes import LibraryQuery, PaperId, Year

_MAX_NEIGHBOURS = 50

routes = APIRouter(
    prefix="/v1",
    tags=["reading"],
    dependencies=dependencies.ours,
    responses=schemas.problems(401, 403, 404, 422, 429, 500, 503),
)

Order = Annotated[
    Literal["best", "newest", "oldest", "title"],
    Query(description="`best` needs words to search for; without any it means `newest`."),
]


class SourceList(BaseModel):
    """The papers behind an answer, by number."""

    sources: list[AnswerSource]


class NeighbourBody(BaseModel):
    """A paper and how near it lies, as a cosine."""

    similarity: float
    paper: Paper


class NeighbourList(BaseModel):
    """The papers most like one, the nearest first."""

    library: str
    neighbours: list[NeighbourBody]


class CitingList(BaseModel):
    """The caller's answers that cite a paper, the newest first."""

    answers: list[CitingAnswer]


class ListedPaper(BaseModel):
    """A paper of a list; without words to search for there is no score and no matching sentence."""

    score: float | None
    snippet: str | None
    paper: Paper


class PaperList(BaseModel):
    """Some of the papers of a list; `total` and the facets count all of it."""

    library: str
    total: int
    offset: int
    limit: int
    papers: list[ListedPaper]
    facets: Facets


@routes.get("/answers/{id}/sources", responses={200: {"model": SourceList}})
async def sources(id: str, workspace: WorkspaceDependency) -> Response:
    """Show the abstracts behind an answer: every quote in its place, and the words of it that support the sentence."""
    return JSONResponse({"sources": [_source(source) for source in await workspace.bibliography.sources(id)]})


@routes.get("/papers/{id:path}/neighbours", responses={200: {"model": NeighbourList}})
async def neighbours(
    id: PaperId,
    workspace: WorkspaceDependency,
    library: LibraryQuery = "",
    limit: Annotated[int, Query(ge=1, le=_MAX_NEIGHBOURS)] = 8,
) -> Response:
    """List the papers whose abstracts are most like this one's."""
    opened = await workspace.library(library)
    found = await maps.neighbours(opened, id, limit)
    near = [{"similarity": one.similarity, "paper": serialize.paper(one.paper)} for one in found]
    return JSONResponse({"library": opened.name, "neighbours": near})


@routes.get("/papers/{id:path}/answers", responses={200: {"model": CitingList}})
async def citing(
    id: PaperId,
    workspace: WorkspaceDependency,
    caller: Caller,
    library: LibraryQuery = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """List the answers that cite a paper, of those that were asked for with the same key."""
    opened = await workspace.library(library)
    paper = await opened.paper(id)
    found = await workspace.bibliography.citing(opened.name, paper.id, caller, limit)
    return JSONResponse({"answers": [asdict(answer) for answer in found]})


@routes.get("/browse", responses={200: {"model": PaperList}, **schemas.problems(502)})
async def list_papers(
    workspace: WorkspaceDependency,
    library: LibraryQuery = "",
    q: Annotated[str, Query(description=f"The best {MAX_RESULTS} papers for these words; unless given, all.")] = "",
    year_from: Year = None,
    year_to: Year = None,
    venue: Annotated[str, Query(description="Exactly as papers have it.")] = "",
    order: Order = "best",
    offset: PageOffset = 0,
    limit: PageLimit = 25,
) -> Response:
    """List papers sorted and filtered, with how many there are of each year and venue."""
    opened = await workspace.library(library)
    filters = Filters(year_from=year_from, year_to=year_to)
    selection = Selection(year_from=filters.year_from, year_to=filters.year_to, venue=venue)
    if q.strip():
        passages = await _search(workspace, opened.name, q, selection)
        passages = _sorted(passages, order)
        total, facets = len(passages), browse.count([passage.paper for passage in passages])
        listed = serialize.search_results(passages[offset : offset + limit])["results"]
        papers = [{key: result[key] for key in ("score", "snippet", "paper")} for result in listed]
    else:
        by = "newest" if order == "best" else order
        page, total = await workspace.browse.page(opened.name, selection, by, offset, limit)
        facets = await workspace.browse.facets(opened.name, selection)
        papers = [{"score": None, "snippet": None, "paper": serialize.paper(paper)} for paper in page]
    body = {"total": total, "offset": offset, "limit": limit, "papers": papers, "facets": asdict(facets)}
    return JSONResponse({"library": opened.name, **body})


@routes.get("/libraries/{name}/map", responses={200: {"model": LibraryMap}})
async def library_map(name: str, workspace: WorkspaceDependency) -> Response:
    """Place the papers of a library in the plane, alike ones near each other; of a large library some of them."""
    made = await workspace.maps.of(await workspace.library(name))
    return JSONResponse({**vars(made), "points": [vars(point) for point in made.points]})


async def _search(workspace: Workspace, library: str, words: str, selection: Selection) -> list[Passage]:
    filters = Filters(year_from=selection.year_from, year_to=selection.year_to)
    if selection.venue:
        ids = await workspace.browse.ids(library, selection)
        if not ids:
            return []
        filters = Filters(papers=tuple(ids))
    return await workspace.search(words, library=library, limit=MAX_RESULTS, filters=filters)


def _sorted(passages: list[Passage], order: Order) -> list[Passage]:
    if order == "best":
        return passages
    by_id = {passage.paper.id: passage for passage in passages}
    return [by_id[paper.id] for paper in browse.in_order([passage.paper for passage in passages], order)]


def _source(source: AnswerSource) -> dict[str, object]:
    return {
        "number": source.number,
        "paper": serialize.paper(source.paper),
        "quotes": [asdict(quote) for quote in source.quotes],
    }
