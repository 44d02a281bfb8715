"""The routes of conversations, whose history the server stores: begin, list, read, remove, and ask within one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from rag.engine import MAX_QUESTION_CHARACTERS, TOP_K
from rag.history.conversations import Conversation, Message
from rag.history.edits import MAX_TITLE
from rag.types import Answer
from service.http import dependencies, schemas
from service.http.dependencies import Caller, MetricsDependency, PageLimit, PageOffset, WorkspaceDependency
from service.http.schemas import (
    EffortName,
    LibraryName,
    ModelName,
    QuestionFilters,
    ResumableFlag,
    StreamFlag,
    Text,
    TopK,
)
from service.http.streams import answer_response

routes = APIRouter(
    prefix="/v1/conversations",
    tags=["conversations"],
    dependencies=dependencies.ours,
    responses=schemas.problems(401, 403, 404, 422, 500, 503),
)


class ConversationRequest(schemas.RequestBody):
    """The library and the title of a new conversation."""

    library: LibraryName = None
    title: Text | None = Field(
        default=None,
        description=f"Up to {MAX_TITLE} characters; unless given, the first question.",
        json_schema_extra={"maxLength": MAX_TITLE},
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"library": "demo", "title": "Draft heads"}]})


class MessageRequest(schemas.RequestBody):
    """The next question, and how to answer it."""

    content: Text = Field(
        description=f"Up to {MAX_QUESTION_CHARACTERS:,} characters; it may refer to earlier messages.",
        json_schema_extra=schemas.QUESTION_RULES,
    )
    top_k: TopK = TOP_K
    filters: QuestionFilters | None = None
    model: ModelName = None
    effort: EffortName = None
    stream: StreamFlag = False
    resumable: ResumableFlag = False

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "And how much faster is it?"}]})


class MessageBody(BaseModel):
    """A question or an answer."""

    id: str
    role: str
    content: str
    created: str
    status: str = Field(
        description="`answered`; a question may also be `pending`, or `failed`, and then has no answer."
    )
    error: str = Field(description="Why it failed, else empty.")
    answer: Answer | None = Field(description="The Answer as it was shown; null for a question.")


class ConversationBody(BaseModel):
    """A conversation without its messages; times are UTC."""

    id: str
    library: str
    title: str
    created: str
    updated: str
    message_count: int


class ConversationDetail(ConversationBody):
    """A conversation with its messages, oldest first."""

    messages: list[MessageBody]


class ConversationPage(BaseModel):
    """Some of the caller's conversations, the most recently used first; `total` counts them all."""

    total: int
    offset: int
    limit: int
    conversations: list[ConversationBody]


class ConversationRemoval(BaseModel):
    """A conversation that was removed, with its messages, its answers and the feedback on them."""

    id: str
    removed: bool


@routes.post("", status_code=201, responses={201: {"model": ConversationDetail}, **schemas.problems(400, 413)})
async def begin(workspace: WorkspaceDependency, caller: Caller, body: ConversationRequest | None = None) -> Response:
    """Begin a conversation about a library."""
    body = body or ConversationRequest()
    library = await workspace.library(body.library or "")
    conversation = await workspace.conversations.begin(caller, library.name, body.title or "")
    return JSONResponse(_detail(conversation, []), 201, {"Location": f"/v1/conversations/{conversation.id}"})


@routes.get("", responses={200: {"model": ConversationPage}})
async def list_conversations(
    workspace: WorkspaceDependency,
    caller: Caller,
    q: Annotated[str, Query(description="Only those with these words in the title or in a message.")] = "",
    offset: PageOffset = 0,
    limit: PageLimit = 100,
) -> Response:
    """List the conversations that were begun with the same key, the most recently used first."""
    conversations, total = await workspace.conversations.page(caller, offset, limit, q)
    listed = [summary(conversation) for conversation in conversations]
    return JSONResponse({"total": total, "offset": offset, "limit": limit, "conversations": listed})


@routes.get("/{id}", responses={200: {"model": ConversationDetail}})
async def read(id: str, workspace: WorkspaceDependency) -> Response:
    """Show a conversation with all its messages. Answers are complete, with their citations."""
    conversation = await workspace.conversations.get(id)
    return JSONResponse(_detail(conversation, await workspace.conversations.messages(id)))


@routes.delete("/{id}", responses={200: {"model": ConversationRemoval}})
async def remove(id: str, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Remove a conversation that was begun with the same key, with its messages, its answers and their feedback."""
    await workspace.conversations.remove(id, caller)
    return JSONResponse({"id": id, "removed": True})


@routes.post("/{id}/messages", responses={**schemas.ANSWER, **schemas.problems(400, 409, 413, 502)})
async def ask(
    id: str,
    body: MessageRequest,
    request: Request,
    workspace: WorkspaceDependency,
    metrics: MetricsDependency,
    caller: Caller,
) -> Response:
    """Ask within a conversation, one question at a time: 409 while another is being answered."""
    conversation = await workspace.conversations.get(id)
    engine = await workspace.engine(conversation.library, body.model or "")
    filters = (body.filters or QuestionFilters()).to_filters()
    events = workspace.conversations.ask(
        engine,
        id,
        body.content,
        door="http",
        caller=caller,
        filters=filters,
        top_k=body.top_k,
        effort=body.effort or "quick",
    )
    stream, resumable = bool(body.stream), bool(body.resumable)
    return await answer_response(request, events, metrics, stream=stream, resumable=resumable)


def summary(conversation: Conversation) -> dict[str, Any]:
    """A conversation without its messages."""
    return {
        "id": conversation.id,
        "library": conversation.library,
        "title": conversation.title,
        "created": conversation.created,
        "updated": conversation.updated,
        "message_count": conversation.messages,
    }


def _detail(conversation: Conversation, messages: list[Message]) -> dict[str, Any]:
    return {**summary(conversation), "messages": [vars(message) for message in messages]}
