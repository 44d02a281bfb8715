"""The routes of references: of an answer, a conversation, a search or a library, in any format, as a file."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from rag import references, threads
from rag.workspace import candidates
from service.http import dependencies, schemas
from service.http.dependencies import WorkspaceDependency
from service.http.routes import LibraryQuery, SearchFilters, SearchLimit, SearchWords

Format = Annotated[str, Query(description="Of the file.", json_schema_extra={"enum": list(references.formats())})]

_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The references as a file, in UTF-8.",
        "content": {references.media_type(format): {} for format in references.formats()},
    }
}

routes = APIRouter(
    prefix="/v1",
    tags=["references"],
    dependencies=dependencies.ours,
    responses={**_FILE, **schemas.problems(401, 403, 404, 422, 500, 503)},
    default_response_class=Response,
)


@routes.get("/answers/{id}/references")
async def of_answer(id: str, workspace: WorkspaceDependency, format: Format = "bibtex") -> Response:
    """Export the papers that an answer cites, in the order of its numbers. As markdown, html or text the answer too."""
    references.check(format)
    answer, papers = await workspace.bibliography.answer(id)
    return _file(references.write_answer(answer, papers, format), format, answer.id)


@routes.get("/conversations/{id}/references")
async def of_conversation(id: str, workspace: WorkspaceDependency, format: Format = "bibtex") -> Response:
    """Export the papers that the answers of a conversation cite, each once."""
    references.check(format)
    return _file(references.write(await workspace.bibliography.conversation(id), format), format, id)


@routes.get("/search/references", responses=schemas.problems(502))
async def of_search(
    workspace: WorkspaceDependency,
    q: SearchWords,
    filters: SearchFilters,
    library: LibraryQuery = "",
    limit: SearchLimit = 10,
    format: Format = "bibtex",
) -> Response:
    """Export the papers that a search finds, best first."""
    references.check(format)
    passages = await workspace.search(q, library=library, limit=limit, filters=filters)
    return _file(references.write([passage.paper for passage in passages], format), format, "search")


@routes.get("/libraries/{name}/references")
async def of_library(name: str, workspace: WorkspaceDependency, format: Format = "bibtex") -> Response:
    """Export all papers of a library, by id. They are sent as they are read."""
    references.check(format)
    papers = await workspace.bibliography.library(*candidates(name))
    pieces = await threads.read(references.write, papers, format)
    return _file(pieces, format, name)


def _file(pieces: Iterator[str], format: str, name: str) -> Response:
    """A download: what abstracts say never runs as a page of this service."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}{references.suffix(format)}"',
        "X-Content-Type-Options": "nosniff",
    }
    media_type = f"{references.media_type(format)}; charset=utf-8"
    return StreamingResponse(pieces, media_type=media_type, headers=headers)
