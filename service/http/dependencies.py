"""What routes share as parameters: the workspace, the metrics, the server's readiness, the caller, and paging.

The dependencies are coroutines: FastAPI runs plain functions in threads, and on a busy server each would wait for one.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request
from fastapi.security import APIKeyHeader, HTTPBearer

from rag.workspace import Workspace
from service.http.background import Background
from service.http.live_streams import LiveStreams
from service.http.metrics import Metrics
from service.http.readiness import Readiness
from service.http.siblings import Siblings
from service.http.unknown import refuse_parameters

MAX_PAGE = 1000
MAX_OFFSET = 1_000_000_000

T = TypeVar("T")

# `middleware.AccessMiddleware` checks the key; this only describes it in the OpenAPI document.
api_key = Depends(HTTPBearer(auto_error=False, description="One of SCHOLIAST_API_KEYS."))
_key_header = Depends(APIKeyHeader(name="X-API-Key", auto_error=False, description="The same, without `Bearer`."))
ours = [api_key, _key_header, Depends(refuse_parameters)]
"""Of every route of our own."""


def _from_state(name: str, kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """A dependency on the object that the app holds under this name."""

    async def get(request: Request) -> T:
        value = getattr(request.app.state, name)
        assert isinstance(value, kind)
        return value

    return get


async def _caller(request: Request) -> str:
    """An id for each key, from which the key can't be read; without keys, the user of this machine."""
    return str(request.state.caller)  # `middleware.AccessMiddleware` knows


WorkspaceDependency = Annotated[Workspace, Depends(_from_state("workspace", Workspace))]
SiblingsDependency = Annotated[Siblings, Depends(_from_state("siblings", Siblings))]
MetricsDependency = Annotated[Metrics, Depends(_from_state("metrics", Metrics))]
BackgroundDependency = Annotated[Background, Depends(_from_state("background", Background))]
ReadinessDependency = Annotated[Readiness, Depends(_from_state("readiness", Readiness))]
LiveStreamsDependency = Annotated[LiveStreams, Depends(_from_state("streams", LiveStreams))]
Caller = Annotated[str, Depends(_caller)]
PageOffset = Annotated[int, Query(ge=0, le=MAX_OFFSET)]
PageLimit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
