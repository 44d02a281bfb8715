"""The routes that find stored answers again, the feedback on them, and the state of uploads in the background."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from rag.history.answers import FeedbackVerdict
from rag.history.archive import AnswerSummary, FeedbackSummary
from rag.history.uploads import Upload
from service.http import dependencies, schemas
from service.http.dependencies import Caller, PageLimit, PageOffset, WorkspaceDependency

Words = Annotated[str, Query(description="Words that must all be there, in any case; at most 20 count.")]

routes = APIRouter(
    prefix="/v1", dependencies=dependencies.ours, responses=schemas.problems(401, 403, 422, 429, 500, 503)
)


class AnswerPage(BaseModel):
    """Some of the caller's answers, the newest first; `total` counts them all."""

    total: int
    offset: int
    limit: int
    answers: list[AnswerSummary]


class FeedbackPage(BaseModel):
    """Some of the feedback that was given with the caller's key, the newest first; `total` counts it all."""

    total: int
    offset: int
    limit: int
    feedback: list[FeedbackSummary]


@routes.get("/answers", tags=["answers"], responses={200: {"model": AnswerPage}})
async def list_answers(
    workspace: WorkspaceDependency,
    caller: Caller,
    q: Words = "",
    library: Annotated[str, Query(description="Only answers from this library.")] = "",
    offset: PageOffset = 0,
    limit: PageLimit = 100,
) -> Response:
    """List or search the answers that were asked for with the same key, the newest first."""
    found, total = await workspace.archive.answers(caller, q, library, offset, limit)
    return JSONResponse({"total": total, "offset": offset, "limit": limit, "answers": [asdict(one) for one in found]})


@routes.get("/feedback", tags=["answers"], responses={200: {"model": FeedbackPage}})
async def list_feedback(
    workspace: WorkspaceDependency,
    caller: Caller,
    q: Words = "",
    verdict: Annotated[FeedbackVerdict | None, Query(description="Only this verdict.")] = None,
    offset: PageOffset = 0,
    limit: PageLimit = 100,
) -> Response:
    """List or search the feedback that was given with the same key, the newest first."""
    found, total = await workspace.archive.feedback(caller, q, verdict, offset, limit)
    return JSONResponse({"total": total, "offset": offset, "limit": limit, "feedback": [asdict(one) for one in found]})


@routes.get("/uploads/{id}", tags=["papers"], responses={200: {"model": Upload}, **schemas.problems(404)})
async def show_upload(id: str, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Show how far an upload in the background is; once it is done, with the report of what went in."""
    return JSONResponse(asdict(await workspace.uploads.get(id, caller)))
