"""The routes of watches: begin, list, remove, run, and the feed of what one found."""

from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from rag import connectors, threads
from rag.types import Outcome, PaperReference
from rag.watches import findings, runs, store
from service import watching
from service.http import atom, dependencies, schemas
from service.http.dependencies import Caller, WorkspaceDependency
from service.http.schemas import LibraryName, Text

_UNCHANGED: dict[str, Any] = {"description": "Nothing is new since the ETag that was sent."}

routes = APIRouter(
    prefix="/v1/watches",
    tags=["watches"],
    dependencies=dependencies.ours,
    responses=schemas.problems(401, 403, 404, 422, 500, 503),
)


class WatchRequest(schemas.RequestBody):
    """What is to be watched, and where it is told."""

    text: Text = Field(description=f"A subject, or a question that ends with `?`; up to {runs.MAX_TEXT} characters.")
    library: LibraryName = None
    source: Text | None = Field(
        default=None, description=f"Searched at each run, into the library: {', '.join(connectors.sources())}."
    )
    to: Text = Field(default=runs.FEED, description="`feed`, or also `slack:C0123456789` or `email:me@example.org`.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "sparse autoencoders", "source": "arxiv"}]})


class StandingBody(BaseModel):
    """What a watch remembers of an answer."""

    answer: str
    outcome: Outcome
    sentence: str
    papers: list[PaperReference]


class WatchBody(BaseModel):
    """A watch. `standing` is the last answer to its question; null for a subject."""

    id: str
    text: str
    library: str
    source: str = Field(description="Empty where nothing is fetched.")
    to: str
    created: str
    feed: str = Field(description="The path of its Atom feed.")
    standing: StandingBody | None


class WatchList(BaseModel):
    """The caller's watches, oldest first."""

    watches: list[WatchBody]


class WatchRemoval(BaseModel):
    """A watch that was removed, with all that it found."""

    id: str
    removed: bool


class FindingBody(BaseModel):
    """Of kind `paper`: a new paper with the sentence that matches; of kind `answer`: the answer before and after."""

    id: str
    found: str
    kind: Literal["paper", "answer"]
    paper: PaperReference | None = None
    sentence: str | None = None
    relevance: float | None = None
    before: StandingBody | None = None
    after: StandingBody | None = None


class RunBody(BaseModel):
    """What a run found; `undelivered` says why the digest is not posted or sent yet, and is empty when all is told."""

    watch: str
    found: list[FindingBody]
    undelivered: str


@routes.post("", status_code=201, responses={201: {"model": WatchBody}, **schemas.problems(400, 413, 502)})
async def begin(body: WatchRequest, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Watch a subject or a question from now on. It belongs to the key that is sent."""
    watch = await runs.begin(
        workspace,
        body.text,
        library=body.library or "",
        source=body.source or "",
        destination=body.to,
        owner=caller,
    )
    return JSONResponse(store.watch_json(watch), 201, {"Location": f"/v1/watches/{watch.id}"})


@routes.get("", responses={200: {"model": WatchList}})
async def list_watches(workspace: WorkspaceDependency, caller: Caller) -> Response:
    """List the watches that were begun with the same key, oldest first."""
    found = await threads.read(workspace.watches.all, caller)
    return JSONResponse({"watches": [store.watch_json(watch) for watch in found]})


@routes.get("/{id}", responses={200: {"model": WatchBody}})
async def show(id: str, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Show a watch."""
    return JSONResponse(store.watch_json(await threads.read(workspace.watches.get, id, caller)))


@routes.delete("/{id}", responses={200: {"model": WatchRemoval}})
async def remove(id: str, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Remove a watch with all that it found."""
    await threads.save(workspace.watches.remove, id, caller)
    return JSONResponse({"id": id, "removed": True})


@routes.post("/{id}/run", responses={200: {"model": RunBody}, **schemas.problems(409, 502)})
async def run(id: str, workspace: WorkspaceDependency, caller: Caller) -> Response:
    """Look for what is new at once. The service does so every day by itself. 409 while the watch runs already."""
    done, failures = await watching.run_one(workspace, id, caller)
    found = [findings.to_json(finding) for finding in done.found]
    return JSONResponse({"watch": id, "found": found, "undelivered": failures.get(id, "")})


@routes.get("/{id}/feed", response_class=Response, responses={200: {"content": {atom.MEDIA_TYPE: {}}}, 304: _UNCHANGED})
async def feed(
    id: str,
    request: Request,
    workspace: WorkspaceDependency,
    caller: Caller,
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """Show what the watch found as an Atom feed, newest first; 304 when nothing is new since the ETag that is sent."""
    watch = await threads.read(workspace.watches.get, id, caller)
    found = await threads.read(workspace.watches.findings, id, atom.ENTRIES)
    content = atom.feed(watch, found, str(request.url))
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = {value.strip().removeprefix("W/") for value in if_none_match.split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=atom.MEDIA_TYPE, headers=headers)
