"""The HTTP application: its routes, middleware and exception handlers, and what is open while it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from itertools import chain
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from rag import config
from rag.config import Settings
from rag.errors import ScholiastError
from rag.protocols import Embedder
from rag.workspace import Workspace
from service import watching
from service.http import conversations, openai_api, problems, references, routes, watches
from service.http.metrics import Metrics
from service.http.middleware import MCP_PATH, AccessMiddleware, BodyLimitMiddleware, RequestLogMiddleware
from service.http.readiness import Readiness
from service.mcp.http import McpEndpoint
from service.owner.server import serving
from service.slack import http as slack

_DESCRIPTION = "Answers questions about scientific abstracts and shows the very words that support each sentence."


def create_app(settings: Settings | None = None, embedder: Embedder | None = None, url: str = "") -> FastAPI:
    """The app for an ASGI server. Settings come from the environment and the embedder from them unless given.

    `url` is where the service answers; other processes that find a library in use are told. Raises ConfigError.
    """
    settings = settings or config.load()
    app = FastAPIOffline(
        title="Scholiast", description=_DESCRIPTION, version=version("scholiast"), redoc_url=None, lifespan=_lifespan
    )
    app.state.workspace = Workspace(settings, embedder, url)
    app.state.readiness = Readiness(app.state.workspace)
    app.state.metrics = Metrics()
    app.state.slack = slack.SlackEndpoint(app.state.workspace, app.state.metrics)
    app.include_router(routes.v1)
    app.include_router(references.routes)
    app.include_router(conversations.routes)
    app.include_router(watches.routes)
    app.include_router(openai_api.routes)
    app.include_router(slack.routes)
    app.include_router(routes.operations)
    app.state.mcp = McpEndpoint(app.state.workspace)
    app.router.routes.append(Route(MCP_PATH, app.state.mcp))
    if not settings.keys:
        _describe_without_keys(app)
    app.add_exception_handler(ScholiastError, problems.handle)
    app.add_exception_handler(HTTPException, problems.handle_http)
    app.add_exception_handler(ClientDisconnect, problems.handle_disconnect)
    app.add_exception_handler(RequestValidationError, problems.handle_invalid)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimitMiddleware)
    proxied = bool(settings.slack_signing_secret.get_secret_value())
    app.add_middleware(AccessMiddleware, keys=settings.keys, behind_proxy=proxied)
    app.add_middleware(RequestLogMiddleware, metrics=app.state.metrics)
    return app


def _describe_without_keys(app: FastAPI) -> None:
    """The OpenAPI document asks for a key only where there are any."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        document.get("components", {}).pop("securitySchemes", None)
        for operation in chain.from_iterable(path.values() for path in document["paths"].values()):
            operation.pop("security", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation has it


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.workspace, serving(app.state.workspace), app.state.slack, app.state.mcp:
        tasks = [
            asyncio.create_task(app.state.readiness.run()),
            asyncio.create_task(watching.keep_running(app.state.workspace)),
        ]
        yield
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
