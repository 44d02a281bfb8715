"""The routes of questions, answers, papers, libraries and operations; `conversations.py` has those of conversations."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from rag import corpus, retrieval, serialize
from rag.connectors.enrich import EnrichReport
from rag.history.answers import AskRequest, Feedback
from rag.history.uploads import Upload
from rag.retrieval import MAX_QUERY_CHARACTERS, MAX_RESULTS
from rag.types import Answer, Filters, IngestReport, Paper
from rag.workspace import DEFAULT_LIBRARY, list_libraries
from service.http import dependencies, problems, schemas, uploads
from service.http.dependencies import (
    BackgroundDependency,
    Caller,
    MetricsDependency,
    PageLimit,
    PageOffset,
    ReadinessDependency,
    SiblingsDependency,
    WorkspaceDependency,
)
from service.http.metrics import CONTENT_TYPE
from service.http.schemas import EnrichRequest, FeedbackRequest, FetchRequest, QuestionRequest
from service.http.streams import answer_response

_ASYNC = "respond-async"
_BINARY = {"type": "string", "format": "binary"}
_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        {"type": "array", "items": {"type": "object", "required": ["title", "abstract"]}},
                        {"type": "object", "description": "A reply of an API that holds papers, or papers by id."},
                    ]
                },
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
SearchWords = Annotated[
    str,
    Query(description="Words to search for.", json_schema_extra={"minLength": 1, "maxLength": MAX_QUERY_CHARACTERS}),
]
SearchLimit = Annotated[
    int, Query(description=f"1 to {MAX_RESULTS}.", json_schema_extra={"minimum": 1, "maximum": MAX_RESULTS})
]
Year = Annotated[int | None, Query(ge=0, le=9999, description="Inclusive; a paper without a year fails it.")]


async def _search_filters(
    year_from: Year = None,
    year_to: Year = None,
    papers: Annotated[list[str] | None, Query(description="Ids of papers; may be repeated.")] = None,
    venues: Annotated[list[str] | None, Query(description="Words of a venue's name; may be repeated.")] = None,
    authors: Annotated[list[str] | None, Query(description="Names as people say them; may be repeated.")] = None,
) -> Filters:
    return Filters(
        year_from=year_from,
        year_to=year_to,
        papers=tuple(papers or ()),
        venues=tuple(venues or ()),
        authors=tuple(authors or ()),
    )


SearchFilters = Annotated[Filters, Depends(_search_filters)]
"""Which papers a search may find: the same as for a question."""

PaperId = Annotated[str, Path(description="May contain slashes.")]

v1 = APIRouter(prefix="/v1", dependencies=dependencies.ours, responses=schemas.problems(401, 403, 422, 500, 503))
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
    stream, resumable = bool(body.stream), bool(body.resumable)
    return await answer_response(request, events, metrics, stream=stream, resumable=resumable)


@v1.get("/answers/{id}", tags=["answers"], responses={200: {"model": Answer}, **schemas.problems(404)})
async def show_answer(id: str, workspace: WorkspaceDependency) -> Response:
    """Show a stored answer again as it was shown, whether it was asked for over HTTP, in Slack or in the terminal."""
    return JSONResponse(dict(await workspace.answers.get(id)))


@v1.post(
    "/answers/{id}/feedback",
    tags=["answers"],
    responses={200: {"model": Feedback}, **schemas.problems(400, 404, 413)},
)
async def give_feedback(id: str, body: FeedbackRequest, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Say whether an answer was good. It replaces the caller's earlier feedback on the answer."""
    author = f"{caller}:{body.user}" if body.user else caller
    return JSONResponse(vars(await workspace.answers.judge(id, author, body.verdict, body.comment or "")))


@v1.get("/search", tags=["questions"], responses={200: {"model": schemas.Results}, **schemas.problems(404, 502)})
async def search(
    workspace: WorkspaceDependency,
    q: SearchWords,
    filters: SearchFilters,
    library: LibraryQuery = "",
    limit: SearchLimit = 10,
) -> Response:
    """Rank papers for some words, best first, each with its sentence that matches best."""
    engine = await workspace.engine(library)
    return JSONResponse(serialize.search_results(await retrieval.search(engine.retriever, q, limit, filters)))


@v1.post(
    "/papers",
    tags=["papers"],
    openapi_extra=_UPLOAD_BODY,
    responses={
        200: {"model": IngestReport},
        202: {"model": Upload, "description": "It is stored in the background; `Location` shows how far it is."},
        **schemas.problems(400, 408, 409, 413, 502),
    },
)
async def add_papers(
    request: Request,
    workspace: WorkspaceDependency,
    behind: BackgroundDependency,
    caller: Caller,
    library: Annotated[str, Query(description="Created if it is missing; `default` unless given.")] = "",
    format: Annotated[
        str,
        Query(
            description="Of a file; detected from its content unless given.",
            json_schema_extra={"enum": ["", *corpus.formats()]},
        ),
    ] = "",
    background: Annotated[bool, Query(description="Answer before the papers are stored.")] = False,
    prefer: Annotated[str, Header(description="`respond-async` is the same as `background`.")] = "",
) -> Response:
    """Add papers to a library: a JSON list, or a file in any format that `scholiast ingest` reads.

    Of several files those that can be read go in. With `background` the answer is a 202 with the place of its state.
    """
    upload = await uploads.read_upload(request, format)
    name = library or upload.library or DEFAULT_LIBRARY
    if background or _ASYNC in {part.strip().lower() for part in prefer.split(",")}:
        begun = await behind.begin(caller, name, upload.batch)
        headers = {"Location": f"/v1/uploads/{begun.id}", "Retry-After": "2", "Preference-Applied": _ASYNC}
        return JSONResponse(asdict(begun), 202, headers)
    opened = await workspace.library(name, create=True)
    return JSONResponse(serialize.report(await opened.ingest(upload.batch)))


@v1.post("/fetch", tags=["papers"], responses={200: {"model": IngestReport}, **schemas.problems(400, 413, 502)})
async def fetch(body: FetchRequest, workspace: WorkspaceDependency) -> Response:
    """Fetch papers from a source (arXiv, PubMed, ...) into a library. Nothing is stored before all of it is here."""
    report = await workspace.fetch(
        body.source, body.query, since=body.since or "", limit=body.limit, library=body.library or ""
    )
    return JSONResponse(serialize.report(report))


@v1.post("/enrich", tags=["papers"], responses={200: {"model": EnrichReport}, **schemas.problems(400, 404, 413, 502)})
async def enrich(body: EnrichRequest, workspace: WorkspaceDependency) -> Response:
    """Fill years, venues, DOIs and retractions that papers lack, from a source that knows them by their ids."""
    report = await workspace.enrich(library=body.library or "", source=body.source)
    return JSONResponse(serialize.enrich_report(report))


@v1.get("/papers", tags=["papers"], responses={200: {"model": schemas.PaperPage}, **schemas.problems(404)})
async def list_papers(
    workspace: WorkspaceDependency,
    library: LibraryQuery = "",
    offset: PageOffset = 0,
    limit: PageLimit = 100,
) -> Response:
    """List the papers of a library, by id."""
    opened = await workspace.library(library)
    papers, counts = await opened.papers(offset, limit), await opened.counts()
    return JSONResponse(serialize.paper_page(opened.name, papers, counts.papers, offset, limit))


@v1.get("/papers/{id:path}", tags=["papers"], responses={200: {"model": Paper}, **schemas.problems(404)})
async def show_paper(id: PaperId, workspace: WorkspaceDependency, library: LibraryQuery = "") -> Response:
    """Show a paper."""
    return JSONResponse(serialize.paper(await (await workspace.library(library)).paper(id)))


@v1.post(
    "/papers/{id:path}/split",
    tags=["papers"],
    responses={200: {"model": schemas.PaperSplit}, **schemas.problems(404, 502)},
)
async def split_paper(id: PaperId, workspace: WorkspaceDependency, library: LibraryQuery = "") -> Response:
    """Take a merge back: the records of a paper become papers of their own, and are not merged again."""
    opened = await workspace.library(library)
    return JSONResponse(serialize.split(opened.name, await opened.split(id)))


@v1.delete(
    "/papers/{id:path}", tags=["papers"], responses={200: {"model": schemas.PaperRemoval}, **schemas.problems(404)}
)
async def remove_paper(id: PaperId, workspace: WorkspaceDependency, library: LibraryQuery = "") -> Response:
    """Remove a paper."""
    opened = await workspace.library(library)
    paper = await opened.paper(id)
    return JSONResponse(serialize.removal(opened.name, await opened.remove([paper.id])))


@v1.get("/libraries", tags=["papers"], responses={200: {"model": schemas.LibraryList}})
async def libraries(workspace: WorkspaceDependency) -> Response:
    """List every library, and how much it holds."""
    return JSONResponse(serialize.libraries(await list_libraries(workspace.settings)))


@v1.delete(
    "/libraries/{name}",
    tags=["papers"],
    responses={200: {"model": schemas.LibraryRemoval}, **schemas.problems(404, 409)},
)
async def remove_library(name: str, workspace: WorkspaceDependency) -> Response:
    """Delete a library with all its papers; answers that were asked of it stay. 409 while something is stored in it."""
    await workspace.remove(name)
    return JSONResponse({"library": name, "removed": True})


@operations.get("/healthz")
async def healthz() -> dict[str, str]:
    """Tell whether the process is alive."""
    return {"status": "ok"}


@operations.get("/readyz", responses=schemas.problems(503))
async def readyz(request: Request, readiness: ReadinessDependency) -> Response:
    """Tell whether questions can be answered: the embedder is loaded and the default library can be searched."""
    reasons = await readiness.missing()
    if reasons:
        return problems.not_ready(reasons, request.scope)
    degraded = readiness.degraded
    return JSONResponse({"status": "ready", **({"degraded": degraded} if degraded else {})})


@operations.get("/metrics", response_class=Response)
async def metrics(
    request: Request,
    metrics: MetricsDependency,
    siblings: SiblingsDependency,
    worker: Annotated[int, Query(ge=0, description="Only this one of several workers; 0 for all.")] = 0,
) -> Response:
    """Show metrics in Prometheus's text format; of several workers, each sample has the label `worker`."""
    return Response(await siblings.metrics(metrics, worker, request.headers), media_type=CONTENT_TYPE)
