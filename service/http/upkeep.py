"""Routes that keep libraries in order: the doctor's list, and building the indexes of a library again."""

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from rag import serialize
from rag.library.checks import diagnose
from service.http import dependencies, schemas
from service.http.dependencies import WorkspaceDependency
from service.http.routes import LibraryQuery

routes = APIRouter(
    prefix="/v1",
    tags=["operations"],
    dependencies=dependencies.ours,
    responses=schemas.problems(401, 403, 422, 429, 500, 503),
)


class Finding(BaseModel):
    """The result of checking one part; `remedy` is what to do, empty when there is nothing to do."""

    part: str
    verdict: Literal["ok", "warning", "fault"]
    message: str
    remedy: str


class FindingList(BaseModel):
    """What the doctor found, part by part."""

    findings: list[Finding]


class RebuiltLibrary(BaseModel):
    """How much the rebuilt library holds."""

    library: str
    papers: int
    chunks: int


@routes.get("/doctor", responses={200: {"model": FindingList}})
async def doctor(workspace: WorkspaceDependency, library: LibraryQuery = "") -> Response:
    """Check the configuration, the catalog, the embedder and each library, or one; takes some seconds.

    The indexes of a library that this service has open are not opened a second time: a warning says so.
    """
    findings = await diagnose(workspace.settings, library, lambda _: workspace.embedder)
    return JSONResponse(serialize.public_findings(findings))


@routes.post("/libraries/{name}/rebuild", responses={200: {"model": RebuiltLibrary}, **schemas.problems(404)})
async def rebuild(name: str, workspace: WorkspaceDependency) -> Response:
    """Build the indexes of a library again from its catalog, without embedding anything."""
    opened = await workspace.library(name)
    counts = await opened.rebuild()
    return JSONResponse({"library": opened.name, **vars(counts)})
