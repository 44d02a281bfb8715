"""What routes depend on: the workspace, the metrics, the readiness of the server, and who is asking.

All dependencies are coroutines: FastAPI would run plain functions in threads, each a wait of its own on a busy server.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from rag.history.conversations import LOCAL
from rag.workspace import Workspace
from service.http.metrics import Metrics
from service.http.readiness import Readiness

_KEY_DIGITS = 16

T = TypeVar("T")

# The key itself is checked by `middleware.Guard`; this only tells the documentation of it.
key = Depends(HTTPBearer(auto_error=False, description="One of SCHOLIAST_API_KEYS, if the service has any."))


def _from_state(name: str, kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """What the app holds under this name for as long as it runs."""

    async def found(request: Request) -> T:
        value = getattr(request.app.state, name)
        assert isinstance(value, kind)
        return value

    return found


_workspace = _from_state("workspace", Workspace)


async def _caller(request: Request) -> str:
    """Tells the keys apart without keeping them."""
    if not (await _workspace(request)).settings.keys:
        return LOCAL
    given = request.headers.get("authorization", "").partition(" ")[2].strip()
    return f"key:{sha256(given.encode()).hexdigest()[:_KEY_DIGITS]}"


WorkspaceDependency = Annotated[Workspace, Depends(_workspace)]
MetricsDependency = Annotated[Metrics, Depends(_from_state("metrics", Metrics))]
ReadinessDependency = Annotated[Readiness, Depends(_from_state("readiness", Readiness))]
Caller = Annotated[str, Depends(_caller)]
