"""The routes of conversations: begin, list, read, forget, and ask within one; the server remembers what was said."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from rag.engine import MAX_QUESTION_CHARACTERS, MAX_TOP_K, TOP_K
from rag.history.conversations import MAX_TITLE, Conversation, Message
from service.http import dependencies, schemas
from service.http.answering import answered
from service.http.dependencies import Caller, MetricsDependency, WorkspaceDependency
from service.http.schemas import QuestionFilters

MAX_PAGE = 1000
MAX_OFFSET = 1_000_000_000

routes = APIRouter(
    prefix="/v1/conversations",
    tags=["conversations"],
    dependencies=[dependencies.key],
    responses=schemas.problems(401, 403, 404, 422, 500, 503),
)


class NewConversation(schemas.Request):
    """What a conversation is about."""

    library: str | None = Field(default=None, description="`default` unless given; while that is empty, the demo's.")
    title: str | None = Field(
        default=None, description=f"Up to {MAX_TITLE} characters; unless given, the first question."
    )


class NewMessage(schemas.Request):
    """The next question, and how to answer it."""

    content: str = Field(description=f"Up to {MAX_QUESTION_CHARACTERS:,} characters; it may lean on what was said.")
    top_k: int = Field(default=TOP_K, description=f"How many papers to answer from, 1 to {MAX_TOP_K}.")
    filters: QuestionFilters | None = None
    model: str | None = Field(default=None, description="What writes the answer, unless the service's own choice.")
    stream: bool | None = Field(default=False, description="Server-sent events instead of one object.")


class MessageBody(BaseModel):
    """A question or an answer."""

    id: str
    role: str
    content: str
    created: str
    status: str = Field(description="`answered`; of a question also `pending`, or `failed`: it has no answer.")
    error: str = Field(description="Why it failed.")
    answer: schemas.AnswerBody | None = Field(description="Of the assistant's messages: the Answer as it was shown.")


class ConversationBody(BaseModel):
    """A conversation among others; times are UTC."""

    id: str
    library: str
    title: str
    created: str
    updated: str
    message_count: int


class WholeConversation(ConversationBody):
    """A conversation and what was said in it, oldest first."""

    messages: list[MessageBody]


class ConversationPage(BaseModel):
    """Some of the caller's conversations, the one that was used last first; `total` counts them all."""

    total: int
    offset: int
    limit: int
    conversations: list[ConversationBody]


class Forgotten(BaseModel):
    """The conversation is gone, with its messages, its answers and the feedback on them."""

    id: str
    removed: bool


@routes.post("", status_code=201, responses={201: {"model": WholeConversation}, **schemas.problems(400, 413)})
async def begin(workspace: WorkspaceDependency, caller: Caller, wanted: NewConversation | None = None) -> Response:
    """Begin a conversation about a library."""
    wanted = wanted or NewConversation()
    library = await workspace.library(wanted.library or "")
    begun = await workspace.conversations.begin(caller, library.name, wanted.title or "")
    return JSONResponse(_whole(begun, []), 201, {"Location": f"/v1/conversations/{begun.id}"})


@routes.get("", responses={200: {"model": ConversationPage}})
async def page(
    workspace: WorkspaceDependency,
    caller: Caller,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Response:
    """The conversations that were begun with the same key, the one that was used last first."""
    conversations, total = await workspace.conversations.page(caller, offset, limit)
    shown = [_described(conversation) for conversation in conversations]
    return JSONResponse({"total": total, "offset": offset, "limit": limit, "conversations": shown})


@routes.get("/{id}", responses={200: {"model": WholeConversation}})
async def read(id: str, workspace: WorkspaceDependency) -> Response:
    """A conversation with all its messages; answers come back whole, with their citations."""
    conversation = await workspace.conversations.get(id)
    return JSONResponse(_whole(conversation, await workspace.conversations.messages(id)))


@routes.delete("/{id}", responses={200: {"model": Forgotten}})
async def forget(id: str, workspace: WorkspaceDependency) -> Response:
    """Remove a conversation; nothing of it is kept."""
    await workspace.conversations.remove(id)
    return JSONResponse({"id": id, "removed": True})


@routes.post("/{id}/messages", responses={**schemas.ANSWER, **schemas.problems(400, 409, 413, 502)})
async def ask(
    id: str,
    message: NewMessage,
    request: Request,
    workspace: WorkspaceDependency,
    metrics: MetricsDependency,
    caller: Caller,
) -> Response:
    """Ask within a conversation. One question at a time: while another is being answered, that is a 409."""
    conversation = await workspace.conversations.get(id)
    engine = await workspace.engine(conversation.library, message.model or "")
    filters = (message.filters or QuestionFilters()).allowed()
    events = workspace.conversations.ask(
        engine, id, message.content, door="http", caller=caller, filters=filters, top_k=message.top_k
    )
    return await answered(request, events, metrics, stream=bool(message.stream))


def _described(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "library": conversation.library,
        "title": conversation.title,
        "created": conversation.created,
        "updated": conversation.updated,
        "message_count": conversation.messages,
    }


def _whole(conversation: Conversation, messages: list[Message]) -> dict[str, Any]:
    return {**_described(conversation), "messages": [vars(message) for message in messages]}
