"""The HTTP application: its routes, middleware and exception handlers, and what is open while it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from rag import config, vector_indexes
from rag.config import Settings
from rag.errors import ScholiastError
from rag.protocols import Embedder, VectorStore
from rag.workspace import Workspace
from service import watching
from service.http import (
    archive,
    conversation_edits,
    conversations,
    openai_api,
    openapi,
    problems,
    reading,
    references,
    responses_api,
    routes,
    streams,
    upkeep,
    watches,
)
from service.http.admission import AdmissionMiddleware, make_gates
from service.http.background import Background
from service.http.live_streams import LiveStreams
from service.http.metrics import Metrics
from service.http.middleware import (
    MCP_PATH,
    AccessMiddleware,
    BodyLimitMiddleware,
    DrainMiddleware,
    RequestLogMiddleware,
)
from service.http.readiness import Readiness
from service.http.siblings import SiblingMiddleware, Siblings
from service.http.tracing import TracingMiddleware, tracing
from service.limits import CallerLimits
from service.mcp.http import McpEndpoint
from service.owner.server import serving
from service.page import routes as page
from service.slack import http as slack

_DESCRIPTION = "Answers questions about scientific abstracts and shows the very words that support each sentence."

_CORS: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "PATCH", "DELETE"],
    "allow_headers": [
        "Authorization",
        "Content-Type",
        "If-None-Match",
        "Last-Event-ID",
        "Prefer",
        "X-API-Key",
        "X-Request-ID",
    ],
    "expose_headers": ["ETag", "Location", "Retry-After", "X-Request-ID"],
    "max_age": 3600,
}


def create_app(
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    url: str = "",
    store: VectorStore | None = None,
    siblings: Siblings | None = None,
) -> FastAPI:
    """The app for an ASGI server. Settings come from the environment, embedder and store from them unless given.

    `url` is where the service answers; other processes that find a library in use are told. `siblings` are the workers
    that answer there too. Raises ConfigError.
    """
    settings, siblings = settings or config.load(), siblings or Siblings()
    # Importing the engine takes seconds in which nobody gets an answer, so it comes before the first request.
    store = store or vector_indexes.store(settings.vector_index, settings.chroma_url)
    app = FastAPIOffline(
        title="Scholiast", description=_DESCRIPTION, version=version("scholiast"), redoc_url=None, lifespan=_lifespan
    )
    app.state.workspace = Workspace(settings, embedder, url, store)
    app.state.readiness = Readiness(app.state.workspace)
    app.state.metrics = Metrics()
    app.state.metrics.watch_reranker(lambda: bool(app.state.workspace.reranker_down))
    app.state.background = Background(app.state.workspace)
    app.state.streams = LiveStreams(settings.resume_streams, settings.resume_seconds, siblings.suffix)
    app.state.siblings = siblings
    limits = CallerLimits(app.state.workspace)
    gates = make_gates(settings)
    app.state.slack = slack.SlackEndpoint(app.state.workspace, app.state.metrics, limits, gates["questions"])
    app.include_router(reading.routes)  # before the papers, whose ids may have slashes
    app.include_router(routes.v1)
    app.include_router(streams.routes)
    app.include_router(archive.routes)
    app.include_router(references.routes)
    app.include_router(conversations.routes)
    app.include_router(conversation_edits.routes)
    app.include_router(upkeep.routes)
    app.include_router(watches.routes)
    app.include_router(openai_api.routes)
    app.include_router(responses_api.routes)
    app.include_router(slack.routes)
    app.include_router(page.routes)
    app.include_router(routes.operations)
    app.state.mcp = McpEndpoint(app.state.workspace)
    app.router.routes.append(Route(MCP_PATH, app.state.mcp))
    openapi.describe(app, with_keys=bool(settings.keys))
    app.add_exception_handler(ScholiastError, problems.handle)
    app.add_exception_handler(HTTPException, problems.handle_http)
    app.add_exception_handler(ClientDisconnect, problems.handle_disconnect)
    app.add_exception_handler(RequestValidationError, problems.handle_invalid)
    # The last one added is the first to see a request.
    metrics: Metrics = app.state.metrics
    app.add_middleware(AdmissionMiddleware, settings=settings, gates=gates, limits=limits, metrics=metrics)
    app.add_middleware(BodyLimitMiddleware, metrics=metrics)
    proxied = bool(settings.slack_signing_secret.get_secret_value() or settings.proxies)
    app.add_middleware(AccessMiddleware, keys=settings.keys, behind_proxy=proxied, origins=settings.origins)
    app.add_middleware(RequestLogMiddleware, metrics=metrics)
    app.state.tracing = tracing()
    if app.state.tracing:
        app.add_middleware(TracingMiddleware, tracing=app.state.tracing)
    app.add_middleware(DrainMiddleware)
    if settings.origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.origins, **_CORS)
    app.add_middleware(SiblingMiddleware, siblings=siblings)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.workspace, serving(app.state.workspace), app.state.slack, app.state.mcp, app.state.siblings:
        tasks = [
            asyncio.create_task(app.state.readiness.run()),
            asyncio.create_task(watching.keep_running(app.state.workspace)),
        ]
        yield
        await app.state.background.close()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        if app.state.tracing:
            await asyncio.to_thread(app.state.tracing.close)
