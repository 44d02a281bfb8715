"""What a route is given besides its request: the workspace, the notebook, the metrics, and who is asking.

All of them are coroutines: FastAPI would run plain functions in threads, each a wait of its own on a busy server.
"""

from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from rag.build import Workspace
from rag.notebook.conversations import LOCAL
from rag.notebook.notebook import Notebook
from service.metrics import Metrics
from service.warmup import Warmup

_KEY_DIGITS = 16

# The key itself is checked by `middleware.Guard`; this only tells the documentation of it.
key = Depends(HTTPBearer(auto_error=False, description="One of SCHOLIAST_API_KEYS, if the service has any."))


async def _workspace(request: Request) -> Workspace:
    workspace = request.app.state.workspace
    assert isinstance(workspace, Workspace)
    return workspace


async def _notebook(request: Request) -> Notebook:
    notebook = request.app.state.notebook
    assert isinstance(notebook, Notebook)
    return notebook


async def _metrics(request: Request) -> Metrics:
    metrics = request.app.state.metrics
    assert isinstance(metrics, Metrics)
    return metrics


async def _warmup(request: Request) -> Warmup:
    warmup = request.app.state.warmup
    assert isinstance(warmup, Warmup)
    return warmup


async def _caller(request: Request) -> str:
    """Tells the keys apart without keeping them."""
    if not (await _workspace(request)).settings.keys:
        return LOCAL
    given = request.headers.get("authorization", "").partition(" ")[2].strip()
    return f"key:{sha256(given.encode()).hexdigest()[:_KEY_DIGITS]}"


GivenWorkspace = Annotated[Workspace, Depends(_workspace)]
GivenNotebook = Annotated[Notebook, Depends(_notebook)]
GivenMetrics = Annotated[Metrics, Depends(_metrics)]
GivenWarmup = Annotated[Warmup, Depends(_warmup)]
Caller = Annotated[str, Depends(_caller)]
