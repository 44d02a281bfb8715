"""The routes of HTTP: each turns a request into a call on the workspace, and what comes back into JSON."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from rag import serialize
from rag.history.answers import AskRequest
from rag.workspace import DEFAULT_LIBRARY, list_libraries
from service import shapes
from service.http import dependencies, problems, schemas, uploads
from service.http.answering import answered
from service.http.dependencies import Caller, MetricsDependency, ReadinessDependency, WorkspaceDependency
from service.http.metrics import CONTENT_TYPE
from service.http.schemas import Question
from service.searching import MAX_RESULTS, ranked

MAX_PAGE = 1000
MAX_OFFSET = 1_000_000_000

_FILE = {"type": "string", "format": "binary"}
_PAPERS_IN: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object", "required": ["title", "abstract"]}},
                "example": [{"title": "A title", "abstract": "What it says.", "year": 2024, "id": "arxiv:2401.00001"}],
            },
            "multipart/form-data": {"schema": {"type": "object", "properties": {"file": _FILE}, "required": ["file"]}},
            "application/x-ndjson": {"schema": {"type": "string"}},
            "text/csv": {"schema": {"type": "string"}},
            "text/plain": {"schema": {"type": "string"}},
        },
    }
}


_Library = Annotated[str, Query(description="`default` unless given; while that is empty, the demo's.")]
_PaperId = Annotated[str, Path(description="May contain slashes.")]

v1 = APIRouter(prefix="/v1", dependencies=[dependencies.key], responses=schemas.problems(401, 403, 422, 500, 503))
operations = APIRouter(tags=["operations"])


@v1.post(
    "/ask",
    tags=["questions"],
    responses={**schemas.ANSWER, **schemas.problems(400, 404, 413, 502)},
)
async def ask(
    question: Question,
    request: Request,
    workspace: WorkspaceDependency,
    metrics: MetricsDependency,
    caller: Caller,
) -> Response:
    """Answer a question, with the words that support each sentence."""
    engine = await workspace.engine(question.library or "", question.model or "")
    ask_request = AskRequest(
        question=question.question,
        history=question.turns(),
        filters=question.allowed(),
        top_k=question.top_k,
        door="http",
        caller=caller,
    )
    return await answered(request, workspace.answers.ask(engine, ask_request), metrics, stream=bool(question.stream))


@v1.get("/search", tags=["questions"], responses={200: {"model": schemas.Results}, **schemas.problems(404, 502)})
async def search(
    workspace: WorkspaceDependency,
    q: Annotated[str, Query(description="Some words.")],
    library: _Library = "",
    limit: Annotated[int, Query(description=f"1 to {MAX_RESULTS}.")] = 10,
) -> Response:
    """Rank papers, best first."""
    return JSONResponse(serialize.search_results(list(await ranked(await workspace.engine(library), q, limit))))


@v1.post(
    "/papers",
    tags=["papers"],
    openapi_extra=_PAPERS_IN,
    responses={200: {"model": schemas.Report}, **schemas.problems(400, 413, 502)},
)
async def add_papers(
    request: Request,
    workspace: WorkspaceDependency,
    library: Annotated[str, Query(description="Made if it is missing; `default` unless given.")] = "",
    format: Annotated[str, Query(description="Of a file; its content decides unless given.")] = "",
) -> Response:
    """Put papers into a library: a JSON list, or a file in any format that `scholiast ingest` reads."""
    upload = await uploads.received(request, format)
    opened = await workspace.library(library or upload.library or DEFAULT_LIBRARY, create=True)
    return JSONResponse(serialize.report(await opened.ingest(upload.records)))


@v1.get("/papers", tags=["papers"], responses={200: {"model": schemas.PaperPage}, **schemas.problems(404)})
async def list_papers(
    workspace: WorkspaceDependency,
    library: _Library = "",
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Response:
    """A page of the papers, by id."""
    opened = await workspace.library(library)
    papers, counts = await opened.papers(offset, limit), await opened.counts()
    return JSONResponse(shapes.papers(opened.name, papers, counts.papers, offset, limit))


@v1.get("/papers/{id:path}", tags=["papers"], responses={200: {"model": schemas.PaperBody}, **schemas.problems(404)})
async def show_paper(id: _PaperId, workspace: WorkspaceDependency, library: _Library = "") -> Response:
    """One paper."""
    return JSONResponse(serialize.paper(await (await workspace.library(library)).paper(id)))


@v1.delete("/papers/{id:path}", tags=["papers"], responses={200: {"model": schemas.Removed}, **schemas.problems(404)})
async def remove_paper(id: _PaperId, workspace: WorkspaceDependency, library: _Library = "") -> Response:
    """Take a paper out."""
    opened = await workspace.library(library)
    paper = await opened.paper(id)
    return JSONResponse(shapes.removed(opened.name, await opened.remove([paper.id])))


@v1.get("/libraries", tags=["papers"], responses={200: {"model": schemas.LibraryList}})
async def libraries(workspace: WorkspaceDependency) -> Response:
    """Every library, and how much it holds."""
    return JSONResponse(shapes.libraries(await list_libraries(workspace.settings)))


@operations.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@operations.get("/readyz", responses=schemas.problems(503))
async def readyz(request: Request, readiness: ReadinessDependency) -> Response:
    """Questions can be answered: the embedder is loaded and the default library is open."""
    reasons: Sequence[str] = readiness.missing()
    return problems.not_ready(reasons, request.scope) if reasons else JSONResponse({"status": "ready"})


@operations.get("/metrics", response_class=Response)
async def metrics(metrics: MetricsDependency) -> Response:
    """For Prometheus."""
    return Response(metrics.text(), media_type=CONTENT_TYPE)
