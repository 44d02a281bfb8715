"""The routes of given answers: read one again, and say whether it was good."""

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from rag.notebook.notebook import MAX_COMMENT
from service import bodies, given
from service.given import Caller, GivenNotebook

routes = APIRouter(
    prefix="/v1/answers",
    tags=["answers"],
    dependencies=[given.key],
    responses=bodies.problems(401, 403, 404, 422, 500),
)


class Judgement(bodies.Request):
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


@routes.get("/{id}", responses={200: {"model": bodies.AnswerBody}})
async def read(id: str, notebook: GivenNotebook) -> Response:
    """An answer as it was shown, whichever door it was given at."""
    return JSONResponse(dict(await notebook.answer(id)))


@routes.post("/{id}/feedback", responses={200: {"model": JudgementBody}, **bodies.problems(400, 413)})
async def judge(id: str, judgement: Judgement, notebook: GivenNotebook, caller: Caller) -> Response:
    """Say whether an answer was good; saying it again replaces what was said before."""
    who = f"{caller}:{judgement.user}" if judgement.user else caller
    return JSONResponse(vars(await notebook.judge(id, who, judgement.verdict, judgement.comment or "")))
