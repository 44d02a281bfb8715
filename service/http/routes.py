"""The routes of questions, answers, papers, libraries and operations; `conversations.py` has those of conversations."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from rag import retrieval, serialize
from rag.history.answers import AskRequest, Feedback
from rag.retrieval import MAX_RESULTS
from rag.types import Answer, IngestReport, Paper
from rag.workspace import DEFAULT_LIBRARY, list_libraries
from service.http import dependencies, problems, schemas, uploads
from service.http.dependencies import (
    Caller,
    MetricsDependency,
    PageLimit,
    PageOffset,
    ReadinessDependency,
    WorkspaceDependency,
)
from service.http.metrics import CONTENT_TYPE
from service.http.schemas import FeedbackRequest, FetchRequest, QuestionRequest
from service.http.sse import answer_response

_BINARY = {"type": "string", "format": "binary"}
_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object", "required": ["title", "abstract"]}},
                "example": [{"title": "A title", "abstract": "What it says.", "year": 2024, "id": "arxiv:2401.00001"}],
            },
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": _BINARY}, "required": ["file"]}
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
            "text/csv": {"schema": {"type": "string"}},
            "text/plain": {"schema": {"type": "string"}},
        },
    }
}

LibraryQuery = Annotated[str, Query(description="`default` unless given; while that is empty, the demo's.")]
SearchWords = Annotated[str, Query(description="Words to search for.")]
SearchLimit = Annotated[int, Query(description=f"1 to {MAX_RESULTS}.")]
_PaperId = Annotated[str, Path(description="May contain slashes.")]

v1 = APIRouter(prefix="/v1", dependencies=[dependencies.api_key], responses=schemas.problems(401, 403, 422, 500, 503))
operations = APIRouter(tags=["operations"])


@v1.post("/ask", tags=["questions"], responses={**schemas.ANSWER, **schemas.problems(400, 404, 413, 502)})
async def ask(
    body: QuestionRequest,
    request: Request,
    workspace: WorkspaceDependency,
    metrics: MetricsDependency,
    caller: Caller,
) -> Response:
    """Answer a question, with the words that support each sentence."""
    engine = await workspace.engine(body.library or "", body.model or "")
    ask_request = AskRequest(
        question=body.question,
        history=body.turns(),
        filters=body.to_filters(),
        top_k=body.top_k,
        effort=body.effort or "quick",
        door="http",
        caller=caller,
    )
    events = workspace.answers.ask(engine, ask_request)
    return await answer_response(request, events, metrics, stream=bool(body.stream))


@v1.get("/answers/{id}", tags=["answers"], responses={200: {"model": Answer}, **schemas.problems(404)})
async def show_answer(id: str, workspace: WorkspaceDependency) -> Response:
    """A stored answer as it was shown, whether it was asked for over HTTP, in Slack or in the terminal."""
    return JSONResponse(dict(await workspace.answers.get(id)))


@v1.post(
    "/answers/{id}/feedback",
    tags=["answers"],
    responses={200: {"model": Feedback}, **schemas.problems(400, 404, 413)},
)
async def give_feedback(id: str, body: FeedbackRequest, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Say whether an answer was good; it replaces the caller's earlier feedback on the answer."""
    author = f"{caller}:{body.user}" if body.user else caller
    return JSONResponse(vars(await workspace.answers.judge(id, author, body.verdict, body.comment or "")))


@v1.get("/search", tags=["questions"], responses={200: {"model": schemas.Results}, **schemas.problems(404, 502)})
async def search(
    workspace: WorkspaceDependency,
    q: SearchWords,
    library: LibraryQuery = "",
    limit: SearchLimit = 10,
) -> Response:
    """Rank papers, best first."""
    engine = await workspace.engine(library)
    return JSONResponse(serialize.search_results(await retrieval.search(engine.retriever, q, limit)))


@v1.post(
    "/papers",
    tags=["papers"],
    openapi_extra=_UPLOAD_BODY,
    responses={200: {"model": IngestReport}, **schemas.problems(400, 413, 502)},
)
async def add_papers(
    request: Request,
    workspace: WorkspaceDependency,
    library: Annotated[str, Query(description="Created if it is missing; `default` unless given.")] = "",
    format: Annotated[str, Query(description="Of a file; detected from its content unless given.")] = "",
) -> Response:
    """Add papers to a library: a JSON list, or a file in any format that `scholiast ingest` reads."""
    upload = await uploads.read_upload(request, format)
    opened = await workspace.library(library or upload.library or DEFAULT_LIBRARY, create=True)
    return JSONResponse(serialize.report(await opened.ingest(upload.batch)))


@v1.post("/fetch", tags=["papers"], responses={200: {"model": IngestReport}, **schemas.problems(400, 413, 502)})
async def fetch(body: FetchRequest, workspace: WorkspaceDependency) -> Response:
    """Add what a source (arXiv, PubMed, ...) finds for a query; nothing is stored before all of it is here."""
    report = await workspace.fetch(
        body.source, body.query, since=body.since or "", limit=body.limit, library=body.library or ""
    )
    return JSONResponse(serialize.report(report))


@v1.get("/papers", tags=["papers"], responses={200: {"model": schemas.PaperPage}, **schemas.problems(404)})
async def list_papers(
    workspace: WorkspaceDependency,
    library: LibraryQuery = "",
    offset: PageOffset = 0,
    limit: PageLimit = 100,
) -> Response:
    """A page of the papers, by id."""
    opened = await workspace.library(library)
    papers, counts = await opened.papers(offset, limit), await opened.counts()
    return JSONResponse(serialize.paper_page(opened.name, papers, counts.papers, offset, limit))


@v1.get("/papers/{id:path}", tags=["papers"], responses={200: {"model": Paper}, **schemas.problems(404)})
async def show_paper(id: _PaperId, workspace: WorkspaceDependency, library: LibraryQuery = "") -> Response:
    """One paper."""
    return JSONResponse(serialize.paper(await (await workspace.library(library)).paper(id)))


@v1.post(
    "/papers/{id:path}/split",
    tags=["papers"],
    responses={200: {"model": schemas.PaperSplit}, **schemas.problems(404, 502)},
)
async def split_paper(id: _PaperId, workspace: WorkspaceDependency, library: LibraryQuery = "") -> Response:
    """Make papers of their own again of the records that were merged into one; they are not merged again."""
    opened = await workspace.library(library)
    return JSONResponse(serialize.split(opened.name, await opened.split(id)))


@v1.delete(
    "/papers/{id:path}", tags=["papers"], responses={200: {"model": schemas.PaperRemoval}, **schemas.problems(404)}
)
async def remove_paper(id: _PaperId, workspace: WorkspaceDependency, library: LibraryQuery = "") -> Response:
    """Remove a paper."""
    opened = await workspace.library(library)
    paper = await opened.paper(id)
    return JSONResponse(serialize.removal(opened.name, await opened.remove([paper.id])))


@v1.get("/libraries", tags=["papers"], responses={200: {"model": schemas.LibraryList}})
async def libraries(workspace: WorkspaceDependency) -> Response:
    """Every library, and how much it holds."""
    return JSONResponse(serialize.libraries(await list_libraries(workspace.settings)))


@operations.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the process is alive."""
    return {"status": "ok"}


@operations.get("/readyz", responses=schemas.problems(503))
async def readyz(request: Request, readiness: ReadinessDependency) -> Response:
    """Whether questions can be answered: the embedder is loaded and the default library can be searched."""
    reasons = await readiness.missing()
    return problems.not_ready(reasons, request.scope) if reasons else JSONResponse({"status": "ready"})


@operations.get("/metrics", response_class=Response)
async def metrics(metrics: MetricsDependency) -> Response:
    """Metrics in Prometheus's text format."""
    return Response(metrics.exposition(), media_type=CONTENT_TYPE)
