"""The routes of given answers: read one again, and say whether it was good."""

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from rag.history.answers import MAX_COMMENT
from service.http import dependencies, schemas
from service.http.dependencies import Caller, WorkspaceDependency

routes = APIRouter(
    prefix="/v1/answers",
    tags=["answers"],
    dependencies=[dependencies.key],
    responses=schemas.problems(401, 403, 404, 422, 500),
)


class Judgement(schemas.Request):
    """What somebody thinks of an answer."""

    verdict: Literal["good", "bad"]
    comment: str | None = Field(default=None, description=f"Up to {MAX_COMMENT:,} characters.")
    user: str | None = Field(
        default=None, max_length=200, description="Who says so, where one key serves many; each has one say."
    )


class JudgementBody(BaseModel):
    """What is kept of it; times are UTC."""

    answer_id: str
    verdict: Literal["good", "bad"]
    comment: str
    created: str
    updated: str


@routes.get("/{id}", responses={200: {"model": schemas.AnswerBody}})
async def read(id: str, workspace: WorkspaceDependency) -> Response:
    """An answer as it was shown, whichever door it was given at."""
    return JSONResponse(dict(await workspace.answers.get(id)))


@routes.post("/{id}/feedback", responses={200: {"model": JudgementBody}, **schemas.problems(400, 413)})
async def judge(id: str, judgement: Judgement, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Say whether an answer was good; saying it again replaces what was said before."""
    who = f"{caller}:{judgement.user}" if judgement.user else caller
    return JSONResponse(vars(await workspace.answers.judge(id, who, judgement.verdict, judgement.comment or "")))
