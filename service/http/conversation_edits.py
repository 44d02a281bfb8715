"""Routes that change a conversation: its title, and taking back its last messages."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from rag.history.edits import MAX_TITLE
from service.http import dependencies, schemas
from service.http.conversations import ConversationBody, summary
from service.http.dependencies import Caller, WorkspaceDependency
from service.http.schemas import Text

routes = APIRouter(
    prefix="/v1/conversations",
    tags=["conversations"],
    dependencies=dependencies.ours,
    responses=schemas.problems(401, 403, 404, 422, 429, 500, 503),
)


class TitleRequest(schemas.RequestBody):
    """A new title."""

    title: Text = Field(description=f"1 to {MAX_TITLE} characters.", examples=["Draft heads"])


class MessageRemoval(BaseModel):
    """How many messages were taken back."""

    id: str
    removed: int


@routes.patch("/{id}", responses={200: {"model": ConversationBody}, **schemas.problems(400, 413)})
async def rename(id: str, body: TitleRequest, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Rename a conversation that was begun with the same key."""
    await workspace.conversations.rename(id, caller, body.title)
    return JSONResponse(summary(await workspace.conversations.get(id)))


@routes.delete("/{id}/messages/{message}", responses={200: {"model": MessageRemoval}, **schemas.problems(409)})
async def rewind(id: str, message: str, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Take back a message and all after it, with their answers, so that a question can be changed and asked again."""
    return JSONResponse({"id": id, "removed": await workspace.conversations.rewind(id, caller, message)})
